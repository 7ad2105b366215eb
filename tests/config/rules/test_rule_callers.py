"""As whom upstreams are called, and what a cache between must not give to another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Explain = Callable[[str], list[str]]
SCHEMES = (
    "people: {jwt: {issuer: 'https://id.example.com', audience: shop}}, sid: {jwt: {issuer: 'https://id.example.com', "
    "audience: shop, from: {cookie: sid}}}, mail: {external: {url: 's:/who', headers: [x-session]}}"
)
EXCHANGING = (
    "auth: {oauth2: {grant: token_exchange, token_url: 'https://id.example.com/t', client_id: c, "
    "client_secret: '${S:-s}'}}"
)


def told(explain: Explain, endpoint: str, sections: str = "") -> list[str]:
    """Return what is said of an *endpoint*; `t` has the settings behind `|`, and what stands before is of the file."""
    top, _, upstream = sections.partition("| ")
    more = f", {EXCHANGING if upstream == 'EXCHANGING' else upstream}" if upstream else ""
    ups = f"{{s: {{url: 'https://s.example.com'}}, t: {{url: 'https://t.example.com'{more}}}}}"
    return explain(f"auth: {{{SCHEMES}}}\n{top}\nupstreams: {ups}\nendpoints: {{{endpoint}}}\n")


@pytest.mark.parametrize(
    ("endpoint", "sections", "said"),
    [
        ("GET /a: {call: 's:/a', response: {cache_control: 'public, max-age=60'}}", "", []),
        (
            "GET /a: {call: 's:/a', auth: people, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "~mixed-callers ‹public, max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write `private, max-age=60`, or say that it is for everybody: `cache: {ttl: 60s, public: true}`"
            ],
        ),
        (
            "GET /a: {call: 's:/a', auth: sid, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "~mixed-callers ‹public, max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write `private, max-age=60`, or say that it is for everybody: `cache: {ttl: 60s, public: true}`"
            ],
        ),
        ("GET /a: {call: 's:/a', auth: people, response: {cache_control: 'max-age=60'}}", "", []),
        (
            "GET /a: {call: 's:/a', auth: sid, response: {cache_control: 'max-age=60'}}",
            "",
            [
                "~mixed-callers ‹max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write `private, max-age=60`, or say that it is for everybody: `cache: {ttl: 60s, public: true}`"
            ],
        ),
        ("GET /a: {call: 's:/a', auth: sid, response: {cache_control: 'private, max-age=60'}}", "", []),
        (
            "GET /a: {respond: {body: 1, headers: {cache-control: max-age=60}}, auth: sid}",
            "",
            [
                "~mixed-callers ‹max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write `private, max-age=60`, or say that it is for everybody: `cache: {ttl: 60s, public: true}`"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', query: {x: '{{ auth.subject }}'}}, auth: people, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "mixed-callers ‹public, max-age=60› a cache between us and callers would give the answer of one caller to others → write `private, max-age=60`"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', forward: {auth: true}}, auth: people, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "mixed-callers ‹public, max-age=60› a cache between us and callers would give the answer of one caller to others → write `private, max-age=60`"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', forward: {headers: [Cookie]}}, auth: people, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "mixed-callers ‹public, max-age=60› a cache between us and callers would give the answer of one caller to others → write `private, max-age=60`"
            ],
        ),
        (
            "GET /a: {call: 's:/a', background: [{url: 's:/b', forward: {auth: true}, query: {x: '{{ auth.subject }}'}}], auth: people, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "~mixed-callers ‹public, max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write `private, max-age=60`, or say that it is for everybody: `cache: {ttl: 60s, public: true}`"
            ],
        ),
        (
            "GET /a: {call: 's:/a', auth: people, require: [{that: '{{ auth.subject }}'}], rate_limit: {rate: 1/s, by: '{{ auth.subject }}'}, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "~mixed-callers ‹public, max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write `private, max-age=60`, or say that it is for everybody: `cache: {ttl: 60s, public: true}`"
            ],
        ),
        (
            "GET /a: {call: 's:/a', auth: people, cache: {ttl: 60s, public: true}, response: {cache_control: 'public, max-age=60'}}",
            "",
            [],
        ),
        (
            "GET /a: {call: 't:/a', auth: people, cache: {ttl: 60s, public: true}}",
            "| EXCHANGING",
            [
                "mixed-callers ‹public› `t` answers each caller by their own token, and `public` gives one answer to all → remove `public`: each caller has answers apart then ‹auth› exchanges the token of the caller"
            ],
        ),
        (
            "GET /a: {call: 't:/a', auth: people, response: {cache_control: 'public, max-age=60'}}",
            "| EXCHANGING",
            [
                "mixed-callers ‹public, max-age=60› a cache between us and callers would give the answer of one caller to others → write `private, max-age=60`"
            ],
        ),
        (
            "GET /a: {fan_out: {x: {fan_out: {y: 's:/a'}}}, auth: people, response: {cache_control: 'public, max-age=60'}}",
            "",
            [
                "~mixed-callers ‹public, max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write `private, max-age=60`, or say that it is for everybody: `cache: {ttl: 60s, public: true}`"
            ],
        ),
        (
            "GET /a: {call: 's:/a', background: ['PUT t:/b'], auth: people, cache: {ttl: 60s, public: true}, response: {cache_control: 'public, max-age=60'}}",
            "| EXCHANGING",
            [],
        ),
        (
            "GET /a: {call: 's:/a', auth: people}",
            "defaults: {response: {headers: {cache-control: 'public, max-age=60'}}}",
            [
                '~mixed-callers ‹public, max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write it where nobody is asked for, or `response: {headers: {cache-control: "private, max-age=60"}}` at this endpoint, or say that it is for everybody: `cache: {ttl: 60s, public: true}` ‹GET /a› asks who calls, and answers so'
            ],
        ),
        (
            "GET /a: {call: 's:/a', auth: people, response: {headers: {Cache-Control: private}}}",
            "defaults: {response: {headers: {cache-control: 'public, max-age=60'}}}",
            [],
        ),
        (
            "GET /v/a: {call: 's:/a', auth: people}",
            "prefixes: {/v: {response: {headers: {cache-control: 'public, max-age=60'}}}, /w: {response: {headers: {cache-control: 's-maxage=60'}}}}",
            [
                '~mixed-callers ‹public, max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write it where nobody is asked for, or `response: {headers: {cache-control: "private, max-age=60"}}` at this endpoint, or say that it is for everybody: `cache: {ttl: 60s, public: true}` ‹GET /v/a› asks who calls, and answers so'
            ],
        ),
        (
            "GET /a: {respond: {body: 1}, auth: people}",
            "server: {headers: {surrogate-control: 'max-age=60', x: y}}",
            [
                "~mixed-callers ‹max-age=60› a cache between us and callers would give this to whoever asks, without `auth` → write it where nobody is asked for, or `respond: {headers: {surrogate-control: no-store}}` at this endpoint, or say that it is for everybody: `cache: {ttl: 60s, public: true}` ‹GET /a› asks who calls, and answers so"
            ],
        ),
    ],
)
def test_answers_of_one_caller_for_others(explain: Explain, endpoint: str, sections: str, said: list[str]) -> None:
    """A cache between gives to others what says that it may be kept, unless it is everybody's."""
    assert told(explain, endpoint, sections) == said


@pytest.mark.parametrize(
    ("endpoint", "sections", "said"),
    [
        (
            "GET /a: {call: 't:/a'}",
            "| EXCHANGING",
            [
                "credentials ‹t:/a› `t` is called in the name of the caller, who has no token here → ask for one: `auth: NAME` of the endpoint, where NAME is a scheme with `jwt` or `introspection` ‹auth› exchanges the token of the caller"
            ],
        ),
        ("GET /a: {call: 't:/a', auth: people}", "| EXCHANGING", []),
        (
            "GET /a: {call: 't:/a', auth: mail}",
            "| EXCHANGING",
            [
                "credentials ‹t:/a› `t` is called in the name of the caller, who has no token here → ask for one: `auth: NAME` of the endpoint, where NAME is a scheme with `jwt` or `introspection` ‹auth› exchanges the token of the caller"
            ],
        ),
        (
            "GET /a: {call: 't:/a', auth: {any: [people, mail]}}",
            "| EXCHANGING",
            [
                "~credentials ‹t:/a› callers that `mail` admits have no token: their calls to `t` fail → leave `mail` out here, and give its callers an endpoint of their own ‹auth› exchanges the token of the caller"
            ],
        ),
        ("GET /a: {call: 't:/a', auth: {all: [people, mail]}}", "| EXCHANGING", []),
        (
            "GET /a: {call: 't:/a', auth: nobody}",
            "| EXCHANGING",
            ["unknown-scheme ‹nobody› there is no scheme `nobody` → the schemes are people, sid, mail"],
        ),
    ],
)
def test_calls_in_the_name_of_callers(explain: Explain, endpoint: str, sections: str, said: list[str]) -> None:
    """There is a token to exchange, of every caller that is let in."""
    assert told(explain, endpoint, sections) == said


@pytest.mark.parametrize(
    ("endpoint", "sections", "said"),
    [
        (
            "GET /a: {call: {url: 't:/a', headers: {Authorization: '{{ headers.x }}', x: y}}}",
            "| auth: {bearer: '${B:-abc}'}",
            [
                "credentials-twice ‹Authorization› `Authorization` is written by `auth` of `t` → keep one of the two; a call that needs another credential calls an upstream of its own ‹auth› written by this"
            ],
        ),
        (
            "GET /a: {call: {url: 't:/a', forward: {auth: true, headers: [x]}}, auth: people}",
            "| auth: {bearer: '${B:-abc}'}",
            [
                "credentials-twice ‹auth› `t` is called with a credential of its own → remove `auth: true`, or `auth` of the upstream ‹auth› written by this"
            ],
        ),
        (
            "GET /a: {call: {url: 't:/a', forward: {headers: [x, Authorization]}}}",
            "| auth: {bearer: '${B:-abc}'}",
            [
                "credentials-twice ‹Authorization› `Authorization` is written by `auth` of `t` → remove one of the two ‹auth› written by this"
            ],
        ),
        (
            "GET /a: {call: 't:/a', forward: {auth: true}, auth: people}",
            "| auth: {bearer: '${B:-abc}'}",
            [
                "credentials-twice ‹auth› `t` is called with a credential of its own → remove `auth: true`, or `auth` of the upstream ‹auth› written by this"
            ],
        ),
        (
            "GET /a: {fan_out: {x: 't:/a', y: 's:/a'}, forward: {auth: true}, auth: people}",
            "| auth: {bearer: '${B:-abc}'}",
            [],
        ),
        (
            "GET /a: {call: 't:/a'}",
            "| auth: {bearer: '${B:-abc}'}, headers: {authorization: x}, forward: {auth: true, headers: [authorization]}",
            [
                "credentials-twice ‹authorization› `authorization` is written by `auth` of `t` → keep one of the two; a call that needs another credential calls an upstream of its own ‹auth› written by this",
                "credentials-twice ‹auth› `t` is called with a credential of its own → remove `auth: true`, or `auth` of the upstream ‹auth› written by this",
                "credentials-twice ‹authorization› `authorization` is written by `auth` of `t` → remove one of the two ‹auth› written by this",
                "credentials-twice ‹authorization› `auth: true` passes on the credential already, in the header that it came in → remove `authorization` ‹auth› said here",
            ],
        ),
        ("GET /a: {call: 't:/a'}", "defaults: {forward: {auth: true}}| auth: {bearer: '${B:-abc}'}", []),
        (
            "GET /a: {call: 't:/a', status_map: {credentials: 500}}",
            "| auth: {bearer: '${B:-abc}'}",
            [
                "~unreachable-row ‹credentials› no failure reaches this row: no upstream here is called with a token that is fetched → remove it"
            ],
        ),
        (
            "GET /a: {call: {url: 't:/a', status_map: {credentials: 500}}}",
            "| auth: {oauth2: {token_url: 'https://id.example.com/t', client_id: c, client_secret: '${S:-s}'}}",
            [],
        ),
        ("GET /a: {call: 's:/a', forward: {auth: true}, auth: sid}", "", []),
        (
            "GET /a: {call: 'https://x.example.com/a', status_map: {credentials: 500}}",
            "",
            [
                "~unreachable-row ‹credentials› no failure reaches this row: no upstream here is called with a token that is fetched → remove it"
            ],
        ),
        (
            "GET /a: {fan_out: {x: 's:/a', y: 't:/a'}, status_map: {credentials: 500}}",
            "| auth: {oauth2: {token_url: 'https://id.example.com/t', client_id: c, client_secret: '${S:-s}'}}",
            [],
        ),
        (
            "GET /a: {fan_out: {x: {url: 's:/a', status_map: {credentials: 500}}, y: 't:/a'}}",
            "| auth: {oauth2: {token_url: 'https://id.example.com/t', client_id: c, client_secret: '${S:-s}'}}",
            [
                "~unreachable-row ‹credentials› no failure reaches this row: no upstream here is called with a token that is fetched → remove it"
            ],
        ),
    ],
)
def test_credentials_that_are_written_twice(explain: Explain, endpoint: str, sections: str, said: list[str]) -> None:
    """What an upstream writes itself is neither set nor passed on by calls."""
    assert told(explain, endpoint, sections) == said
