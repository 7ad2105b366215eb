"""What is kept: answers and replies that may be, names that tell them apart, failures that have a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Explain = Callable[[str], list[str]]


def told(explain: Explain, endpoint: str, upstream: str = "") -> list[str]:
    """Return what is said of an *endpoint* beside the upstreams `s` and `t`, of which `t` has these settings, too."""
    root, _, settings = upstream.rpartition("; ")
    more = f", {settings}" if settings else ""
    around = f"{{s: {{url: 'https://s.example.com'}}, t: {{url: 'https://t.example.com'{more}}}}}"
    return explain(f"{root}\nupstreams: {around}\nendpoints: {{{endpoint}}}\n")


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (
            "GET /a: {call: 's:/a', cache: {ttl: 10s, vary: [accept, accept-language], query: [fields, page]}}",
            [
                "~no-effect ‹accept-language› no call sends the header `accept-language` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {headers: [accept-language]}`",
                "~no-effect ‹page› no call sends the parameter `page` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {query: [page]}`",
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', forward: {headers: [accept-language], query: [page]}}, cache: {ttl: 10s, vary: [Accept-Language], query: [page, Page]}}",
            [
                "~no-effect ‹Page› no call sends the parameter `Page` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {query: [Page]}`"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', forward: {auth: true, query: all}}, cache: {ttl: 10s, vary: [authorization, cookie], query: [page]}}",
            [
                "~no-effect ‹cookie› no call sends the header `cookie` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {headers: [cookie]}`"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', forward: {headers: all}}, cache: {ttl: 10s}, response: {cache_control: max-age=60}}",
            [
                "~no-effect ‹max-age=60› no cache keeps this for anybody: it depends on all headers, so the answer says `Vary: *` → name those that count, as in `cache: {ttl: 60s, vary: [accept-language]}`"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', forward: {headers: all}}, cache: {ttl: 10s, vary: [x]}, response: {cache_control: max-age=60}}",
            [],
        ),
        (
            "GET /a: {call: {url: 's:/a', forward: {headers: all}}, response: {cache_control: s-maxage=60}}",
            [
                "~no-effect ‹s-maxage=60› no cache keeps this for anybody: it depends on all headers, so the answer says `Vary: *` → name those that count: `forward: {headers: [accept]}`"
            ],
        ),
        ("GET /a: {call: {url: 's:/a', forward: {headers: [x]}}, response: {cache_control: max-age=60}}", []),
        ("GET /a: {call: {url: 's:/a', forward: {headers: all}}, response: {cache_control: no-store}}", []),
        (
            "GET /a: {call: {url: 's:/a', forward: {headers: all}}, response: {cache_control: max-age=60, headers: {Vary: x}}}",
            [],
        ),
        (
            "GET /a: {call: {url: 's:/a', query: {p: '{{ query.page }}'}, headers: {l: \"{{ headers['accept-language'] }}\"}}, cache: {ttl: 10s, vary: [accept-language, x], query: [page, y]}}",
            [
                "~no-effect ‹x› no call sends the header `x` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {headers: [x]}`",
                "~no-effect ‹y› no call sends the parameter `y` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {query: [y]}`",
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', json: '{{ headers }}'}, cache: {ttl: 10s, vary: [x], query: [y]}}",
            [
                "~no-effect ‹y› no call sends the parameter `y` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {query: [y]}`"
            ],
        ),
        (
            "GET /a: {call: 's:/a', require: [{that: '{{ headers.x == 1 }}', status: 400}], cache: {ttl: 10s, vary: [x]}, background: [{url: 't:/b', query: {a: '{{ headers.x }}'}, forward: {headers: [x]}}]}",
            [
                "~no-effect ‹x› no call sends the header `x` and nothing reads it, so equal answers are kept apart → remove it, or pass it on: `forward: {headers: [x]}`"
            ],
        ),
    ],
)
def test_names_that_only_keep_equal_answers_apart(explain: Explain, endpoint: str, said: list[str]) -> None:
    """What a key names is sent by a call or read; where all headers count, the answer is nobody's for long."""
    assert told(explain, endpoint) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "POST /a: {call: 's:/a', cache: 10s}",
            "",
            [
                "unsafe-cache ‹cache› POST changes something, so its answers are not kept → leave it out, or say that it only reads: `methods: [POST]`"
            ],
        ),
        (
            "PUT /a: {call: 's:/a', cache: 10s}",
            "",
            ["unsafe-cache ‹cache› PUT changes something, so its answers are not kept → leave it out"],
        ),
        ("POST /a: {call: 's:/a', cache: {ttl: 10s, methods: [POST]}}", "", []),
        ("GET|POST /a: {call: 's:/a', cache: 10s}", "", []),
        ("POST /a: {call: 's:/a', cache: 0s}", "", []),
        (
            "GET /a: {call: 's:/a', cache: {ttl: 10s, public: true}}",
            "",
            ["~no-effect ‹public› `public` has no effect where nobody is asked who calls → remove it"],
        ),
        (
            "GET /a: {call: 's:/a', cache: {ttl: 10s}, response: {headers: {x: '{{ now }}', y: '{{ request.id }}'}}, background: [{url: 't:/a', query: {x: '{{ now }}'}}]}",
            "",
            [
                "~moment-in-key ‹now› `now` is that of the request for which the answer was made → leave it out, or keep no answers here",
                "~moment-in-key ‹request› `request.id` is that of the request for which the answer was made → leave it out, or keep no answers here",
            ],
        ),
        (
            "GET /a: {call: 's:/a', cache: {ttl: 10s}, require: [{that: \"{{ now == '1' }}\", status: 400}], rate_limit: {rate: 1/s, unless: \"{{ now == '1' }}\"}}",
            "",
            [],
        ),
        ("GET /a: {call: 's:/a', cache: {ttl: 0s}, response: {headers: {x: '{{ now }}'}}}", "", []),
        (
            "GET /a: {call: {url: 'PUT s:/a', cache: 10s}}",
            "",
            ["unsafe-cache ‹cache› PUT changes something, so its replies are not kept → leave it out"],
        ),
        (
            "GET /a: {call: {url: 'POST s:/a', cache: 10s}}",
            "",
            [
                "unsafe-cache ‹cache› POST changes something, so its replies are not kept → leave it out, or say that it only reads: `methods: [POST]`"
            ],
        ),
        ("GET /a: {call: {url: 'POST s:/a', cache: 0s}}", "", []),
        ("GET /a: {call: {url: 'POST s:/a', cache: {ttl: 10s, methods: [POST]}}}", "", []),
        (
            "GET /a: {call: {url: 'PUT s:/a', coalesce: true}}",
            "",
            [
                "unsafe-cache ‹coalesce› PUT changes something, so one call for several requests would lose the others → leave it out"
            ],
        ),
        (
            "GET /a: {call: {url: 'POST s:/a', coalesce: true}}",
            "",
            [
                "unsafe-cache ‹coalesce› POST changes something, so one call for several requests would lose the others → leave it out, or say that it only reads: `cache: {ttl: 0s, methods: [POST]}`"
            ],
        ),
        ("GET /a: {call: {url: 's:/a', coalesce: true}}", "", []),
        ("GET /a: {call: {url: 'POST s:/a', coalesce: true, cache: {ttl: 0s, methods: [POST]}}}", "", []),
        (
            "GET /a: {call: {url: 't:/a/{now}'}}",
            "cache: 10s",
            [
                "moment-in-key ‹now› `now` is another one in each request, so nothing that is kept is ever found → leave it out, or switch the cache off: `cache: 0s`"
            ],
        ),
        ("GET /a: {call: {url: 'POST t:/a/{now}'}}", "cache: 10s", []),
        ("GET /a: {call: {url: 't:/a/{now}', cache: 0s}}", "cache: 10s", []),
        ("GET /a: {fan_out: {b: {url: 't:/a', cache: 1s}, c: 't:/a/{now}'}}", "", []),
        ("GET /a: {call: {url: 't:/a', select: '{{ now }}'}}", "cache: 10s", []),
        (
            "GET /a: {call: {url: 's:/a/{keys}', for_each: {in: '{{ [1] }}', key: '{{ item }}', batch: {key: id}}, cache: {ttl: 1s, tags: ['x-{{ keys }}', fixed]}}}",
            "",
            [
                "list-in-tag ‹keys› `keys` is a list, and no key of its own is in this tag → a tag is made for each key: write `{{ keys[0] }}`"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a/{keys}', for_each: {in: '{{ [1] }}', key: '{{ item }}', batch: {key: id}}, cache: {ttl: 1s, tags: ['x-{{ keys[0] }}']}}}",
            "",
            [],
        ),
    ],
)
def test_answers_and_replies_that_are_not_kept(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """What changes something is not kept unless the file says that it only reads; no key may be another one each time."""
    assert told(explain, endpoint, upstream) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "GET /a: {call: 's:/a', cache: {ttl: {200: 1s, 404: 1s, 502: 1s, 410: 1s, 500: 1s, 399: 1s, 400: 1s, 403: 0s}}}",
            "",
            [
                "~no-effect ‹410› no answer here that is kept has the status 410: what an upstream refuses becomes 502 → map it: `status_map: {410: 410}`, or write 502",
                "~no-effect ‹500› no answer here that is kept has the status 500: what an upstream refuses becomes 502 → map it: `status_map: {500: 500}`, or write 502",
                "~no-effect ‹400› no answer here that is kept has the status 400: what an upstream refuses becomes 502 → map it: `status_map: {400: 400}`, or write 502",
            ],
        ),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}, status_map: {410: 410}}", "", []),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}, status_map: {410: {pass: true}}}", "", []),
        (
            "GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}, status_map: {503: 410}}",
            "",
            [
                "~no-effect ‹410› no answer here that is kept has the status 410: what an upstream refuses becomes 502 → map it: `status_map: {410: 410}`, or write 502"
            ],
        ),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}, status_map: {403: 410}}", "", []),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 510: 1s}}, status_map: {503: 510}}", "", []),
        (
            "GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}, status_map: {timeout: 410}}",
            "",
            [
                "~no-effect ‹410› no answer here that is kept has the status 410: what an upstream refuses becomes 502 → map it: `status_map: {410: 410}`, or write 502"
            ],
        ),
        ("GET /a: {call: {url: 's:/a', success: {status: [410]}}, cache: {ttl: {2xx: 1s, 410: 1s}}}", "", []),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}, response: {status: 410}}", "", []),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}, response: {status: '{{ call.status }}'}}", "", []),
        ("GET /a: {call: 't:/a', cache: {ttl: {2xx: 1s, 410: 1s}}}", "status_map: {410: 410}", []),
        (
            "GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}}",
            "status_map: {410: 410}",
            [
                "~no-effect ‹410› no answer here that is kept has the status 410: what an upstream refuses becomes 502 → map it: `status_map: {410: 410}`, or write 502"
            ],
        ),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s}}}", "defaults: {status_map: {any: 410}}; ", []),
        ("GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 503: 1s}}, status_map: [{on: status, pass: true}]}", "", []),
        (
            "GET /a: {call: 's:/a', cache: {ttl: {2xx: 1s, 410: 1s, 510: 1s}}, status_map: {4xx: {pass: true}}}",
            "",
            [
                "~no-effect ‹510› no answer here that is kept has the status 510: what an upstream refuses becomes 502 → map it: `status_map: {510: 510}`, or write 502"
            ],
        ),
        (
            "GET /a: {call: {choose: [{url: 's:/a', weight: 1}, {url: 't:/a', weight: 1}]}, cache: {ttl: {2xx: 1s, 410: 1s}}}",
            "",
            [],
        ),
        (
            "GET /a: {fan_out: {x: 's:/a', y: 't:/a'}, cache: {ttl: {2xx: 1s, 410: 1s}}}",
            "",
            [
                "~no-effect ‹410› no answer here that is kept has the status 410: what an upstream refuses becomes 502 → map it: `status_map: {410: 410}`, or write 502"
            ],
        ),
        ("GET /a: {respond: {body: 1}, cache: {ttl: {2xx: 1s, 410: 1s}}}", "", []),
    ],
)
def test_failures_whose_time_never_acts(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """A status in a `ttl` is that of some answer: by a row, a success, or the response."""
    assert told(explain, endpoint, upstream) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "GET /a: {call: 's:/a', cache: {ttl: 1s, shared: true}}",
            "",
            [
                "~no-effect ‹shared› `shared` has no effect on one process → name a store of several machines (`store: redis://…`), have several `server.workers`, or remove it"
            ],
        ),
        ("GET /a: {call: 's:/a', cache: {ttl: 1s, shared: true}}", "server: {workers: 2}; ", []),
        (
            "GET /a: {call: {url: 's:/a', cache: {ttl: 1s, shared: true}, last_good: {ttl: 1s, shared: true}}}",
            "",
            [
                "~no-effect ‹shared› `shared` has no effect on one process → name a store of several machines (`store: redis://…`), have several `server.workers`, or remove it",
                "no-effect ‹last_good› `last_good` has no effect on a single call → remove it",
                "~no-effect ‹shared› `shared` has no effect on one process → name a store of several machines (`store: redis://…`), have several `server.workers`, or remove it",
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', cache: {ttl: 1s, shared: true}, last_good: {ttl: 1s, shared: true}}}",
            "store: 'redis://h:6379/0'; ",
            ["no-effect ‹last_good› `last_good` has no effect on a single call → remove it"],
        ),
        (
            "GET /a: {call: 't:/a'}",
            "cache: {ttl: 1s, shared: true}",
            [
                "~no-effect ‹shared› `shared` has no effect on one process → name a store of several machines (`store: redis://…`), have several `server.workers`, or remove it"
            ],
        ),
        ("GET /a: {call: 't:/a'}", "server: {workers: 2}; cache: {ttl: 1s, shared: true}", []),
        (
            "GET /a: {call: {url: 't:/a', cache: 1s, last_good: 1s}}",
            "cache: {ttl: 1s}",
            ["no-effect ‹last_good› `last_good` has no effect on a single call → remove it"],
        ),
    ],
)
def test_shared_caches_of_one_process(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """What is kept for all processes has a store, or several workers."""
    assert told(explain, endpoint, upstream) == said
