"""What a limit costs a request that it lets through: counted, since times differ from machine to machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from aggregator.exchange import Exchange
from aggregator.policies.rate_limit.fields import limit_fields
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.windows import Charge, Window, Windows, policy_item
from aggregator.runtime.admission.limiting import limit_gate
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.finish.limits import MOST, ToldCharges, Words, charged
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate
from aggregator.templates import compile_expression


def called_in(work: Callable[[], object]) -> list[str]:
    """Return the names of the Python functions that *work* calls, itself left out."""
    calls: list[str] = []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            calls.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls[1:]


def test_a_limit_by_client_costs_few_calls() -> None:
    """A request within a limit by client, which tells of no fields, takes five Python calls, and leaves nothing."""
    rate = Rate(1000, 1.0, 1000)
    by = compile_expression("request.client")
    window = Window(WindowPlan("s", "1000/s", rate, by, fields="none"), Limiter(rate, lambda: 5.0))
    gate = limit_gate(Windows((window,)), Refusals(), Words())
    exchange = Exchange("GET", "/", b"", [])
    exchange.peer = "10.0.0.1"
    assert gate.check(exchange) is None
    calls = called_in(lambda: gate.check(exchange))
    assert len(calls) <= 5, calls
    assert exchange.charges == ()


def test_the_fields_of_a_limit_cost_few_calls() -> None:
    """What a client is told of one limit takes two Python calls: what does not change was made at load."""
    rate = Rate(1000, 1.0, 1000)
    plan = WindowPlan("s", "1000/s", rate)
    window = Window(plan, Limiter(rate, lambda: 5.0), policy_item(plan.title, rate))
    charges = [Charge(window, window.take("a", 1))]
    calls = called_in(lambda: limit_fields(charges))
    assert limit_fields(charges) == [
        (b"ratelimit-policy", b'"1000/s";q=1000;w=1'),
        (b"ratelimit", b'"1000/s";r=999;t=1'),
    ]
    assert len(calls) <= 2, calls


def test_a_request_that_is_let_through_is_told_what_others_were() -> None:
    """Two callers with as much left have the same fields, made once; who has less is told less."""
    rate = Rate(4, 1.0, 4)
    plan = WindowPlan("s", "4/s", rate, compile_expression("request.client"))
    window = Window(plan, Limiter(rate, lambda: 5.0), policy_item(plan.title, rate))
    gate = limit_gate(Windows((window,)), Refusals(), Words())
    one, other, again = (Exchange("GET", "/", b"", [], peer=peer) for peer in ("10.0.0.1", "10.0.0.2", "10.0.0.1"))
    assert [gate.check(exchange) for exchange in (one, other, again)] == [None] * 3
    assert one.charges is other.charges
    assert one.charges.tail.fields == ((b"ratelimit-policy", b'"4/s";q=4;w=1'), (b"ratelimit", b'"4/s";r=3;t=1'))
    assert again.charges.tail.fields[1] == (b"ratelimit", b'"4/s";r=2;t=1')


def test_what_limits_tell_is_bounded() -> None:
    """All that is remembered of all limits is forgotten when it is too much, and said again."""
    words = Words()
    one, other = words.of_one(), words.of_one()
    window = Window(WindowPlan("s", "1/s", rate := Rate(1, 1.0, 1)), Limiter(rate, lambda: 0.0), b"")
    for number in range(MOST + 1):
        words.keep(one if number % 2 else other, number, ToldCharges.of(charged(window, number, 0.5)))
    assert (len(one), len(other)) == (0, 1)
