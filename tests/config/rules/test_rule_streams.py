"""Streams, deadlines and what is said of an answer: each rule at its bound, and beside it."""

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
            "GET /a: {stream: true, respond: {body: 1}}",
            ["stream ‹true› only the body of a single `call` can be streamed → write `call:`, or remove `stream`"],
        ),
        (
            "GET /a: {stream: true, call: 's:/a', response: {body: 1, cache_control: no-store, etag: true, status: 200}}",
            [
                "stream ‹body› `body` has no effect on a stream → remove it; the body of the call is the answer",
                "stream ‹cache_control› `cache_control` has no effect on a stream → write it as a header: `headers: {cache-control: …}`",
                "stream ‹etag› `etag` has no effect on a stream → remove it; a stream has `status`, `headers`, `pass_headers` and `set_cookies`",
            ],
        ),
        (
            "GET /a: {stream: true, call: 's:/a', response: {headers: {a: b}, pass_headers: {x: append}, compress: true, status: 205}}",
            [
                "no-effect ‹compress› `compress` has no effect where the server codes no answers → remove it, or add `server: {compress: {}}`",
                "body-of-status ‹205› an answer with status 205 has no body that could be streamed → remove it, or choose another status",
            ],
        ),
        (
            "GET /a: {stream: true, call: 's:/a', response: {status: 204}}",
            [
                "body-of-status ‹204› an answer with status 204 has no body that could be streamed → remove it, or choose another status"
            ],
        ),
        (
            "GET /a: {stream: true, call: 's:/a', cache: 10s, call_budget: {bytes: 1MiB}, idempotency: {key: '{{ headers.x }}'}}",
            [
                "stream ‹cache› a stream passes as it comes, and is not kept → remove it, or `stream`",
                "stream ‹call_budget› a stream is one call, so there is nothing to count → remove it, or `stream`",
                "stream ‹idempotency› a stream passes as it comes, so no repeat of its request could get it → remove it, or `stream`",
                "~bad-idempotency ‹idempotency› the answers are kept in memory, so a repeat after a restart makes the calls again → name a folder at the top level: `state: ./state`",
            ],
        ),
        (
            "POST /a: {stream: true, call: 's:/a', body: {type: object}, purge: [x], shadow: [{url: 't:/a'}]}",
            [
                "stream ‹body› the body of a streaming endpoint is not read, so it cannot be checked → remove `body`",
                "stream ‹purge› a stream has left before it is known to be a success → purge by the endpoint that changes something",
                "stream ‹shadow› a stream is not kept, so nobody else could get it → remove it, or `stream`",
            ],
        ),
        (
            "GET /a: {stream: true, call: {url: 's:/a', success: {when: '{{ this.body.x }}'}, select: a, format: json}}",
            [
                "stream ‹{{ this.body.x }}› the body of a stream is not read, so it cannot be judged → judge by `status`",
                "stream ‹select› `select` has no effect on a stream → remove it",
                "stream ‹format› `format` has no effect on a stream → remove it",
            ],
        ),
        (
            "POST /a: {stream: true, call: {url: 's:/a', headers: {x: '{{ body.x }}'}}, response: {headers: {y: '{{ call.x }}', z: '{{ calls.call.body.x }}', w: '{{ calls.call.status }}'}}}",
            [
                "stream ‹body› the body of a streaming endpoint is not read → pass it on with `forward: {body: true}`",
                "stream ‹call› the body of a stream is not read → known are the inputs, `calls.call.status` and `calls.call.headers`",
                "stream ‹calls.call.body› the body of a stream is not read → known are the inputs, `calls.call.status` and `calls.call.headers`",
            ],
        ),
        (
            "GET /a: {stream: true, call: 's:/a', background: [{url: 'GET t:/b', query: {x: '{{ response.body }}', y: '{{ response.status }}'}}]}",
            [
                "stream ‹response.body› the body of a stream is not kept → known are `response.status` and `response.headers`"
            ],
        ),
    ],
)
def test_what_a_stream_cannot_do(explain: Explain, endpoint: str, said: list[str]) -> None:
    """What would need its body, or would keep it, is told at the key that says so."""
    assert told(explain, endpoint) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "GET /a: {stream: true, call: 't:/a'}",
            "limits: {max_connections: 5}",
            [
                "~stream ‹true› streams do not count among the 5 `max_connections` of `t` → write `max_streams` there: how many streams may be open beside them ‹5› of calls that are no streams"
            ],
        ),
        ("GET /a: {call: 't:/a'}", "limits: {max_connections: 5}, concurrency: 3, redirects: 2", []),
        (
            "GET /a: {stream: true, call: 't:/a'}",
            "limits: {max_streams: 2}, concurrency: 2",
            [
                "~stream ‹true› streams may hold all 2 places of `concurrency` of `t`, each to its end, and leave calls none → give the endpoint a lower `concurrency`, or its streams an upstream of their own, limited by `max_streams` ‹2› of calls and streams"
            ],
        ),
        ("GET /a: {stream: true, call: 't:/a'}", "limits: {max_streams: 2}, concurrency: 3", []),
        (
            "GET /a: {stream: true, call: 't:/a', concurrency: 2}",
            "limits: {max_streams: 2}, concurrency: 2",
            [
                "~stream ‹true› streams may hold all 2 places of `concurrency` of `t`, each to its end, and leave calls none → give the endpoint a lower `concurrency`, or its streams an upstream of their own, limited by `max_streams` ‹2› of calls and streams"
            ],
        ),
        ("GET /a: {stream: true, call: 't:/a', concurrency: 1}", "limits: {max_streams: 2}, concurrency: 2", []),
        (
            "GET /a: {stream: true, call: 't:/a'}",
            "limits: {max_streams: 2}, concurrency: {limit: adaptive}",
            [
                "~stream ‹true› streams may hold all places of `concurrency` of `t`, each to its end, and leave calls none → give the endpoint a lower `concurrency`, or its streams an upstream of their own, limited by `max_streams` ‹{limit: adaptive}› of calls and streams"
            ],
        ),
        (
            "GET /a: {stream: true, call: 't:/a', concurrency: 100}",
            "limits: {max_streams: 2}, concurrency: {limit: adaptive}",
            [],
        ),
        ("GET /a: {stream: true, call: 't:/a'}", "client: {limits: {max_streams: 3}}; concurrency: 4", []),
        (
            "GET /a: {stream: true, call: 't:/a'}",
            "client: {limits: {max_streams: 3}}; concurrency: 3",
            [
                "~stream ‹true› streams may hold all 3 places of `concurrency` of `t`, each to its end, and leave calls none → give the endpoint a lower `concurrency`, or its streams an upstream of their own, limited by `max_streams` ‹3› of calls and streams"
            ],
        ),
        (
            "GET /a: {stream: true, call: 't:/a'}",
            "concurrency: 50",
            [
                "~stream ‹true› streams may hold all 50 places of `concurrency` of `t`, each to its end, and leave calls none → give the endpoint a lower `concurrency`, or its streams an upstream of their own, limited by `max_streams` ‹50› of calls and streams"
            ],
        ),
        ("GET /a: {stream: true, call: 't:/a'}", "concurrency: 51", []),
        (
            "GET /a: {stream: true, call: 't:/a'}",
            "redirects: 2",
            [
                "~no-effect ‹true› the `redirects` of `t` are not followed by a stream: a redirect fails it → call the address that it leads to ‹2› of calls that are no streams"
            ],
        ),
        (
            "GET /a: {stream: true, call: 's:/a', background: ['POST t:/a']}",
            "redirects: 2, limits: {max_connections: 4}, concurrency: 3",
            [],
        ),
    ],
)
def test_limits_that_streams_do_not_come_under(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """They count among streams, hold the places of calls, and follow no redirect."""
    assert told(explain, endpoint, upstream) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        ("GET /a: {call: {url: 's:/a', timeout: 60s}, timeout: 60s}", "", []),
        (
            "GET /a: {call: {url: 's:/a', timeout: 61s}, timeout: 60s}",
            "",
            [
                "~timeout-too-long ‹61s› the call may take 61s, but the whole endpoint only has 60s → shorten it, or give the endpoint more time ‹60s› the deadline"
            ],
        ),
        ("GET /a: {call: {url: 's:/a', timeout: 60s}}", "defaults: {deadline: 60s}; ", []),
        (
            "GET /a: {call: {url: 's:/a', timeout: 61s}}",
            "defaults: {deadline: 60s}; ",
            [
                "~timeout-too-long ‹61s› the call may take 61s, but the whole endpoint only has 60s → shorten it, or give the endpoint more time ‹60s› the deadline"
            ],
        ),
        ("GET /a: {call: 's:/a', background: [{url: 't:/a', timeout: 61s}]}", "defaults: {deadline: 60s}; ", []),
        ("GET /a: {stream: true, call: {url: 's:/a', timeout: 61s}}", "defaults: {deadline: 60s}; ", []),
        (
            "GET /a: {stream: true, call: {url: 's:/a', timeout: 60s}, timeout: 59s}",
            "",
            [
                "~timeout-too-long ‹60s› the call may take 60s, but the whole endpoint only has 59s → shorten it, or give the endpoint more time ‹59s› the deadline"
            ],
        ),
        (
            "GET /a: {call: 's:/a', idle_timeout: 5s}",
            "",
            [
                "no-effect ‹idle_timeout› `idle_timeout` has no effect without `stream: true` → add `stream: true`, or write `timeout`"
            ],
        ),
    ],
)
def test_calls_longer_than_their_endpoint(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """A call may take as long as its endpoint and no longer; a stream has only the time that it says itself."""
    assert told(explain, endpoint, upstream) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "GET /a: {respond: {status: 204, body: 1}}",
            "",
            ["body-of-status ‹body› an answer with status 204 has no body → remove `body`, or choose another status"],
        ),
        (
            "GET /a: {respond: {status: 200, body: 1}, response: {status: 200}}",
            "",
            [
                "no-effect ‹response› `response` has no effect beside `respond`, which is the whole answer → move it into `respond` ‹respond› the answer"
            ],
        ),
        (
            "GET /a: {call: 's:/a', response: {compress: true}}",
            "",
            [
                "no-effect ‹compress› `compress` has no effect where the server codes no answers → remove it, or add `server: {compress: {}}`"
            ],
        ),
        ("GET /a: {call: 's:/a', response: {compress: true}}", "server: {compress: {}}; ", []),
        (
            "GET /a: {call: 's:/a', response: {status: 199}}",
            "",
            ["bad-status ‹199› 199 is not a status that an answer can have → write a number from 200 to 599"],
        ),
        ("GET /a: {call: 's:/a', response: {status: 200}}", "", []),
        ("GET /a: {call: 's:/a', response: {status: 599}}", "", []),
        (
            "GET /a: {call: 's:/a', response: {status: 600}}",
            "",
            ["bad-status ‹600› 600 is not a status that an answer can have → write a number from 200 to 599"],
        ),
        (
            "GET /a: {call: 's:/a', response: {status: 304, body: 1}}",
            "",
            ["body-of-status ‹body› an answer with status 304 has no body → remove `body`, or choose another status"],
        ),
        (
            "GET /a: {call: 's:/a', response: {etag: true, body: '{{ now }} {{ request.id }}', headers: {x: '{{ now }}'}}}",
            "",
            [
                "~moment-in-key ‹now› `now` is another one in each request, so no client ever has what the ETag names → leave it out, or remove `etag`",
                "~moment-in-key ‹request› `request.id` is another one in each request, so no client ever has what the ETag names → leave it out, or remove `etag`",
            ],
        ),
        (
            "GET /a: {call: 's:/a', response: {cache_control: \"a\\nb\"}}",
            "",
            [
                "header-value ‹a\\nb› a header value cannot hold a line break or another control character → write it on one line; in YAML `>-` and `|-` end without a line break"
            ],
        ),
        (
            "GET /a: {call: 's:/a', response: {cache_control: no-store, headers: {on: always, values: {cache-control: x}}}}",
            "",
            [
                "no-effect ‹cache_control› `cache_control` has no effect beside a header of this name → remove one of the two ‹cache-control› also here"
            ],
        ),
        (
            "GET /a: {fan_out: {x: 's:/a'}, response: {pass: all}}",
            "",
            [
                "no-effect ‹pass› only the answer of a single `call` can pass as it came → remove `pass`, or make one plain call"
            ],
        ),
        (
            "GET /a: {call: {url: 's:/a', select: a}, response: {pass: all, headers: {x: y}, compress: false}}",
            "",
            [
                "no-effect ‹pass› only the answer of a single `call` can pass as it came → remove `pass`, or make one plain call",
                "no-effect ‹compress› `compress` has no effect where the server codes no answers → remove it, or add `server: {compress: {}}`",
            ],
        ),
        (
            "GET /a: {call: 's:/a', response: {pass: all, headers: {x: y}, status: 200, etag: true}}",
            "",
            [
                "no-effect ‹status› `status` has no effect beside `pass: all` → remove one of the two",
                "no-effect ‹etag› `etag` has no effect beside `pass: all` → remove one of the two",
            ],
        ),
    ],
)
def test_answers_that_contradict_themselves(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """A status has its bounds, some have no body, and what is said twice is told."""
    assert told(explain, endpoint, upstream) == said
