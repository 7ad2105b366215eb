"""Attempts, hedges and lists in the time that there is: just in it, and just beyond."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Explain = Callable[[str], list[str]]


def told(explain: Explain, endpoint: str, upstream: str = "") -> list[str]:
    """Return what is said of an *endpoint* beside the upstreams `s` and `t`, of which `t` has these settings, too."""
    more = f", {upstream}" if upstream else ""
    around = f"{{s: {{url: 'https://s.example.com'}}, t: {{url: 'https://t.example.com'{more}}}}}"
    return explain(f"upstreams: {around}\nendpoints: {{GET /a: {{{endpoint}}}}}\n")


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "call: {url: 't:/a', timeout: 5s}",
            "hedge: {after: 5s}",
            [
                "~bad-hedge ‹5s› no hedge can happen: it comes after 5s, and the call has 5s → give it more time, or write a shorter time, or `hedge: none` here ‹5s› what its upstream says"
            ],
        ),
        ("call: {url: 't:/a', timeout: 5s}", "hedge: {after: 4999ms}", []),
        ("call: {url: 't:/a', timeout: 5s, hedge: none}", "hedge: {after: 5s}", []),
        (
            "call: 't:/a', timeout: 5s",
            "hedge: {after: 5s}",
            [
                "~bad-hedge ‹5s› no hedge can happen: it comes after 5s, and the call has 5s → give it more time, or write a shorter time, or `hedge: none` here ‹5s› what its upstream says"
            ],
        ),
        (
            "call: 't:/a'",
            "hedge: {after: 5s}, timeout: 5s",
            [
                "bad-hedge ‹5s› no hedge can happen: it comes after 5s, and the call has 5s → write a shorter time ‹5s› the time of a call"
            ],
        ),
        (
            "call: 't:/a'",
            "hedge: {after: 5s}, retry: {attempts: 2, per_try: 5s}",
            [
                "bad-hedge ‹5s› no hedge can happen: it comes after 5s, and the call has 5s → write a shorter time ‹5s› the limit of one attempt"
            ],
        ),
        (
            "call: {url: 't:/a', hedge: {after: 2s}, retry: {attempts: 2, per_try: 2s}}",
            "",
            [
                "bad-hedge ‹2s› no hedge can happen: it comes after 2s, and the call has 2s → write a shorter time ‹2s› the limit of one attempt"
            ],
        ),
        ("call: {url: 't:/a', hedge: {after: 2s}, retry: {attempts: 2, per_try: 2001ms}}", "", []),
        (
            "call: {url: 't:/a', hedge: {after: 2s}}",
            "retry: {attempts: 2, per_try: 2s}",
            [
                "bad-hedge ‹2s› no hedge can happen: it comes after 2s, and the call has 2s → write a shorter time ‹2s› the limit of one attempt"
            ],
        ),
        ("call: {url: 't:/a', hedge: {after: 2s}, retry: none}", "retry: {attempts: 2, per_try: 2s}", []),
        (
            "call: {url: 't:/a', timeout: 5s}",
            "concurrency: {limit: 2, queue: 5, wait: 5s}",
            [
                "~timeout-too-long ‹5s› a call may wait 5s for its place, and has 5s in all: what waits longest is over before it is sent → give it more time, or write a shorter `wait`, or `queue: 0` ‹5s› what its upstream says"
            ],
        ),
        ("call: {url: 't:/a', timeout: 5s}", "concurrency: {limit: 2, queue: 5, wait: 4s}", []),
        (
            "call: 't:/a'",
            "concurrency: {limit: 2, queue: 5, wait: 5s}, timeout: 4s",
            [
                "~timeout-too-long ‹5s› a call may wait 5s for its place, and has 4s in all: what waits longest is over before it is sent → write a shorter `wait`, or `queue: 0` ‹4s› the time of a call"
            ],
        ),
    ],
)
def test_hedges_and_queues_that_one_attempt_has_no_time_for(
    explain: Explain, endpoint: str, upstream: str, said: list[str]
) -> None:
    """What comes when the time of an attempt is over never comes."""
    assert told(explain, endpoint, upstream) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "call: {url: 't:/a', timeout: 5s}",
            "retry: {attempts: 2, per_try: 5s}",
            [
                "~bad-retry ‹5s› one attempt may take as long as all of them together: it cuts none → give it more time, or write a `retry` of its own, or `retry: none` ‹5s› the limit of one attempt"
            ],
        ),
        ("call: {url: 't:/a', timeout: 5s}", "retry: {attempts: 2, per_try: 4s}", []),
        ("call: {url: 't:/a', timeout: 5s, retry: none}", "retry: {attempts: 2, per_try: 5s}", []),
        (
            "call: {url: 'POST t:/a', retry: {attempts: 2}}",
            "",
            [
                "bad-retry ‹retry› no retry can happen: a POST is not sent twice → add `idempotent: true` if twice is as good as once, or send an `idempotency-key` header"
            ],
        ),
        ("call: {url: 'PUT t:/a', retry: {attempts: 2}}", "", []),
        (
            "call: {url: 'POST t:/a', hedge: {after: 1s}}",
            "",
            [
                "bad-hedge ‹hedge› no hedge can happen: a POST is not sent twice → add `idempotent: true` if twice is as good as once, or send an `idempotency-key` header"
            ],
        ),
        ("call: {url: 'POST t:/a', retry: {attempts: 2}, headers: {Idempotency-Key: x}}", "", []),
        ("call: {url: 'POST t:/a', retry: {attempts: 2}}, forward: {headers: [idempotency-key]}", "", []),
        ("call: {url: 'POST t:/a', retry: {attempts: 2}, forward: {headers: all}}", "", []),
        ("call: {url: 'POST t:/a', retry: {attempts: 2}}", "headers: {idempotency-key: '{{ request.id }}'}", []),
        ("call: {url: 'POST t:/a', retry: {attempts: 2}}", "forward: {headers: [Idempotency-Key]}", []),
        ("call: {url: 'POST t:/a', retry: {attempts: 2}}", "idempotent: true", []),
        (
            "call: {url: 't:/a', retry: {attempts: 2}}",
            "idempotent: false",
            [
                "bad-retry ‹retry› no retry can happen: `idempotent: false` says that it is sent once → add `idempotent: true` if twice is as good as once, or send an `idempotency-key` header"
            ],
        ),
        ("call: {url: 't:/a', retry: {attempts: 2}, idempotent: true}", "idempotent: false", []),
        (
            "call: {url: 't:/a', idempotent: true}",
            "",
            [
                "no-effect ‹idempotent› `idempotent` has no effect: the call is sent once → add `retry` or `hedge`, or remove it"
            ],
        ),
        ("call: {url: 't:/a', idempotent: true}", "retry: {attempts: 2}", []),
        (
            "call: {url: 't:/a', idempotent: true, retry: none}",
            "retry: {attempts: 2}",
            [
                "no-effect ‹idempotent› `idempotent` has no effect: the call is sent once → add `retry` or `hedge`, or remove it"
            ],
        ),
        ("call: {url: 't:/a', idempotent: true, retry: none}", "hedge: {after: 1s}", []),
        (
            "call: {url: 't:/a', idempotent: true, hedge: none}",
            "hedge: {after: 1s}",
            [
                "no-effect ‹idempotent› `idempotent` has no effect: the call is sent once → add `retry` or `hedge`, or remove it"
            ],
        ),
        (
            "call: {url: 't:/a', idempotent: false, hedge: {after: 1s}}",
            "",
            [
                "bad-hedge ‹hedge› no hedge can happen: `idempotent: false` says that it is sent once → add `idempotent: true` if twice is as good as once, or send an `idempotency-key` header"
            ],
        ),
    ],
)
def test_requests_that_are_not_sent_twice(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """A retry needs a method, a key or a word by which twice is as good as once; and that word needs a retry."""
    assert told(explain, endpoint, upstream) == said


@pytest.mark.parametrize(
    ("endpoint", "upstream", "said"),
    [
        (
            "timeout: 8049ms, fan_out: {x: {url: 's:/a', retry: {attempts: 2, per_try: 2s}}, y: {url: 's:/{x.id}', retry: {attempts: 2, per_try: 2s}}}",
            "",
            [
                "~bad-retry ‹8049ms› the calls x → y may take 8.05s with all their attempts, and have 8.049s: 1ms too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`"
            ],
        ),
        (
            "timeout: 8050ms, fan_out: {x: {url: 's:/a', retry: {attempts: 2, per_try: 2s}}, y: {url: 's:/{x.id}', retry: {attempts: 2, per_try: 2s}}}",
            "",
            [],
        ),
        (
            "timeout: 8s, fan_out: {x: {url: 's:/a', retry: {attempts: 2, per_try: 2s}}, y: {url: 's:/b', retry: {attempts: 2, per_try: 2s}}}",
            "",
            [],
        ),
        (
            "timeout: 8s, fan_out: {x: {url: 's:/a', retry: {attempts: 2, per_try: 2s}}, z: {url: 's:/{y.id}', retry: {attempts: 2, per_try: 2s}}, y: {url: 's:/{x.id}', retry: none}}",
            "",
            [
                "~bad-retry ‹8s› the calls x → y → z may take 8.05s with all their attempts, and have 8s: 50ms too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`"
            ],
        ),
        (
            "timeout: 8s, fan_out: {x: 't:/a', y: 't:/{x.id}'}",
            "retry: {attempts: 2, per_try: 2s}",
            [
                "~bad-retry ‹8s› the calls x → y may take 8.05s with all their attempts, and have 8s: 50ms too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`"
            ],
        ),
        (
            "timeout: 8s, fan_out: {x: {url: 't:/a', retry: none}, y: 't:/{x.id}'}",
            "retry: {attempts: 2, per_try: 2s}",
            [],
        ),
        (
            "timeout: 8s, fan_out: {x: 's:/l', y: {url: 's:/{item.id}', for_each: {in: '{{ x.l }}', concurrency: 2, max_items: 2}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [],
        ),
        (
            "timeout: 8s, fan_out: {x: 's:/l', y: {url: 's:/{item.id}', for_each: {in: '{{ x.l }}', concurrency: 2, max_items: 3}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [
                "~bad-retry ‹8s› the calls x → y may take 8.05s with all their attempts for a list of 3, 2 at a time, and have 8s: 50ms too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`\nor raise `concurrency` of `for_each`, or go through a shorter list"
            ],
        ),
        (
            "timeout: 8s, fan_out: {x: 's:/l', y: {url: 's:/{item.id}', for_each: {in: '{{ x.l }}', concurrency: 2, max_items: 4}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [
                "~bad-retry ‹8s› the calls x → y may take 8.05s with all their attempts for a list of 4, 2 at a time, and have 8s: 50ms too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`\nor raise `concurrency` of `for_each`, or go through a shorter list"
            ],
        ),
        (
            "timeout: 8s, fan_out: {x: 's:/l', y: {url: 's:/{item.id}', for_each: {in: '{{ x.l }}', concurrency: 2, max_items: 5}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [
                "~bad-retry ‹8s› the calls x → y may take 12.075s with all their attempts for a list of 5, 2 at a time, and have 8s: 4.075s too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`\nor raise `concurrency` of `for_each`, or go through a shorter list"
            ],
        ),
        (
            "timeout: 9s, fan_out: {x: {url: 's:/{item}', for_each: {in: '{{ [1, 2, 3] }}', concurrency: 1}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [
                "~bad-retry ‹9s› the calls of x may take 12.075s with all their attempts for a list of 3, 1 at a time, and have 9s: 3.075s too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`\nor raise `concurrency` of `for_each`, or go through a shorter list"
            ],
        ),
        (
            "timeout: 9s, fan_out: {x: {url: 's:/{item}', for_each: {in: '{{ [1, 2, 3] }}', concurrency: 3}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [],
        ),
        (
            "timeout: 9s, fan_out: {x: {url: 's:/{keys}', for_each: {in: '{{ [1, 2, 3, 4, 5] }}', key: '{{ item }}', batch: {key: id, size: 2}, concurrency: 1}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [
                "~bad-retry ‹9s› the calls of x may take 12.075s with all their attempts for a list of 5 in calls of 2, 1 at a time, and have 9s: 3.075s too little → give the endpoint more time, or shorten `per_try`, or make fewer `attempts`\nor raise `concurrency` of `for_each`, or go through a shorter list"
            ],
        ),
        (
            "timeout: 9s, fan_out: {x: {url: 's:/{keys}', for_each: {in: '{{ [1, 2, 3, 4] }}', key: '{{ item }}', batch: {key: id, size: 2}, concurrency: 1}, retry: {attempts: 2, per_try: 2s}}}",
            "",
            [],
        ),
    ],
)
def test_calls_that_wait_for_each_other(explain: Explain, endpoint: str, upstream: str, said: list[str]) -> None:
    """Their attempts together, and the rounds of their lists, fit into the time of the endpoint."""
    assert told(explain, endpoint, upstream) == said
