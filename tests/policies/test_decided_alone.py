"""The only limit of a place decides by itself, also in place of a store that is away."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.windows import Window, Windows
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate
from aggregator.templates import compile_expression


@pytest.mark.parametrize("by", [None, compile_expression("request.client")])
@pytest.mark.parametrize(("fields", "left"), [("draft", [[1], [0]]), ("legacy", [[1], [0]]), ("none", [[], []])])
def test_what_a_client_is_told_is_charged(fields: Any, left: list[list[int]], by: Any) -> None:
    """Requests that are let through have a charge to tell of where there are fields; one too many is refused anyway."""
    rate = Rate(2, 60.0, 2)
    window = Window(WindowPlan("s", "2/m", rate, by, fields=fields), Limiter(rate, lambda: 5.0))
    windows, exchange = Windows((window,)), Exchange("GET", "/", b"", [], peer="10.0.0.1")
    *passed, last = (windows.decide(exchange) for _ in range(3))
    assert [[charge.taken.remaining for charge in one.charges] for one in passed] == left
    assert [one.refusal for one in passed] == [None, None]
    assert last.refusal is not None
    assert not last.refusal.taken.granted
