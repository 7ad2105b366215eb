"""What a limit costs a request that it lets through: counted, since times differ from machine to machine."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from aggregator.exchange import Exchange
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.windows import Window, Windows
from aggregator.runtime.admission.limiting import LimitGate
from aggregator.runtime.admission.refusals import Refusals
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate
from aggregator.templates import compile_expression


def test_a_limit_by_client_costs_few_calls() -> None:
    """A request within a limit by client, which tells of no fields, takes eight Python calls, and leaves nothing."""
    rate = Rate(1000, 1.0, 1000)
    by = compile_expression("request.client")
    window = Window(WindowPlan("s", "1000/s", rate, by, fields="none"), Limiter(rate, lambda: 5.0))
    gate = LimitGate(Windows((window,)), Refusals())
    exchange = Exchange("GET", "/", b"", [])
    exchange.peer = "10.0.0.1"
    assert gate.check(exchange) is None
    calls: list[str] = []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            calls.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(called)
    gate.check(exchange)
    sys.setprofile(before)
    assert len(calls) <= 8, calls
    assert exchange.charges == ()
