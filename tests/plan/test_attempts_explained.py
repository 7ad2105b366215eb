"""Retries in the plan: which calls are sent again, for what, and what their attempts may take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aggregator.causes import Cause
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import CallPlan
from aggregator.plan.explaining.timing import attempts_member, attempts_text, chain_text
from aggregator.plan.types import Plan

PlanOf = Callable[..., Plan]


def only_call(plan: Plan) -> CallPlan:
    """Return the call of a file that has a single one."""
    fan = plan.endpoints[0].fan
    assert fan is not None
    (call,) = calls_in(fan)
    return call


@pytest.mark.parametrize(
    ("call", "repeats"),
    [
        ("{url: users:/, retry: 3}", "always"),
        ("{url: users:/}", None),
        ("{url: POST users:/, retry: 3, idempotent: true}", "always"),
        ("{url: POST users:/, retry: 3, headers: {idempotency-key: '{{ request.id }}'}}", "with_key"),
        ("{url: again:/}", "always"),
        ("{url: POST again:/}", None),
        ("{url: again:/, retry: none}", None),
    ],
)
def test_what_is_sent_again(plan_of: PlanOf, call: str, repeats: str | None) -> None:
    """A request that may be sent twice: by its method, by its key, or because the file says so."""
    upstreams = "upstreams: {users: {url: 'http://u.test'}, again: {url: 'http://a.test', retry: 2}}"
    retry = only_call(plan_of(f"{upstreams}\nendpoints: {{GET /x: {{call: {call}}}}}")).retry
    assert (None if retry is None else retry.repeats) == repeats


def test_what_is_a_success_is_no_reason(plan_of: PlanOf) -> None:
    """Classes and single statuses are reasons, without those that count as success; so are causes."""
    said = "{url: users:/, retry: {attempts: 2, on: [5xx, 429, connect_timeout]}, success: {status: [200, 503]}}"
    retry = only_call(plan_of(f"endpoints: {{GET /x: {{call: {said}}}}}")).retry
    assert retry is not None
    assert retry.statuses == {429, *range(500, 600)} - {503}
    assert retry.causes == {Cause.CONNECT_TIMEOUT}


@pytest.mark.parametrize(
    ("retry", "said", "longest"),
    [
        ("{attempts: 3}", "3 attempts share these 10s, with pauses of 75ms in all at most", 10.0),
        ("{attempts: 2, per_try: 1s}", "2 attempts of 1s and pauses of 25ms in all take up to 2.025s: 7.975s to spare", 2.025),
        ("{attempts: 2, per_try: 4900ms, backoff: 200ms}",
         "2 attempts of 4.9s and pauses of 200ms in all take up to 10s: 0s to spare", 10.0),
        ("{attempts: 5, per_try: 9s}", "5 attempts of 9s and pauses of 375ms in all take up to 45.375s: 35.375s too many",
         10.0),
    ],
)  # fmt: skip
def test_the_time_of_attempts(plan_of: PlanOf, retry: str, said: str, longest: float) -> None:
    """They share the time of the call, or each has its own; then it is told whether all of them fit."""
    call = only_call(plan_of(f"endpoints: {{GET /x: {{timeout: 10s, call: {{url: users:/, retry: {retry}}}}}}}"))
    assert attempts_text(call, 10.0) == said
    assert (attempts_member(call) or {})["longest"] == longest
    assert (attempts_member(call) or {})["most"] == int(said[0])


def test_a_call_that_is_sent_once_has_no_attempts(plan_of: PlanOf) -> None:
    """Nothing is said of it, in words or as data."""
    call = only_call(plan_of("endpoints: {GET /x: {call: users:/}}"))
    assert (attempts_text(call, 1.0), attempts_member(call)) == (None, None)


def test_what_may_pass_of_an_attempt(plan_of: PlanOf) -> None:
    """The wait for a place, and the time before a hedge, are told beside the time of an attempt."""
    text = """
    upstreams: {slow: {url: 'http://s.test', concurrency: {limit: 4, wait: 200ms}, hedge: {after: 100ms}}}
    endpoints: {GET /x: {call: {url: slow:/, retry: {attempts: 2, per_try: 1s}}}}
    """
    said = attempts_text(only_call(plan_of(text)), 10.0) or ""
    assert said.startswith("2 attempts of 1s (up to 200ms of it in the queue, a hedge not before 100ms) and pauses")


def test_the_longest_chain_counts_all_attempts(plan_of: PlanOf) -> None:
    """Parts that wait for each other are a chain; what the deadline cuts off is told."""
    text = """
    endpoints:
      GET /x:
        timeout: 3s
        fan_out:
          user: {url: users:/, timeout: 2s, retry: {attempts: 2, per_try: 1s}}
          cart: {url: "shop:/{user.id}", timeout: 2s}
      GET /once: {fan_out: {user: users:/, cart: "shop:/{user.id}"}}
    """
    chained, once = plan_of(text).endpoints
    assert (chain_text(chained) or "").startswith("longest chain: user → cart, up to ")
    assert ", of which the deadline cuts " in (chain_text(chained) or "")
    assert chain_text(once) is None


def test_calls_after_each_other_are_a_chain(plan_of: PlanOf) -> None:
    """An alternative follows what failed, and the rounds of a list each other; a call alone is no chain."""
    text = """
    upstreams:
      users: {url: http://u.test, retry: {attempts: 2, on: [timeout], per_try: 900ms, backoff: 100ms..1s}}
      shop: {url: http://s.test, retry: {attempts: 2, on: [timeout], per_try: 900ms, backoff: 100ms..1s}}
    endpoints:
      GET /other: {timeout: 2s, call: {url: users:/, fallback: [{url: shop:/, timeout: 1s, retry: none}]}}
      GET /list:
        fan_out:
          ids: users:/
          all: {for_each: {in: "{{ ids }}", max_items: 5, concurrency: 2}, url: "shop:/{item}"}
      GET /alone: {call: users:/}
    """
    other, listed, alone = plan_of(text).endpoints
    assert chain_text(other) == "longest chain: call, up to 2.9s with all attempts, of which the deadline cuts 900ms"
    assert chain_text(listed) == "longest chain: ids → all, up to 7.6s with all attempts"
    assert chain_text(alone) is None
