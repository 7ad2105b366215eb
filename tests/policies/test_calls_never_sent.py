"""A call that was never sent tells nothing of its upstream, though its time is over: writing it took all of that."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.causes import Cause
from aggregator.errors import CallError
from aggregator.parts.result import failed
from aggregator.policies.breaker.breaker import Phase
from aggregator.policies.breaker.breaking import Broken, Sent, let_through
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.breaker.table import Breakers
from aggregator.policies.concurrency.holding import Placed
from aggregator.policies.concurrency.places import Places
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.values import Span

PLAN = BreakerPlan(
    failures=1, rate=None, of=20, window=10.0, over=None, slow=1.0, pause=Span(5.0, 20.0),
    statuses=frozenset(), causes=frozenset({Cause.DEADLINE}),
)  # fmt: skip
FRAME: Any = SimpleNamespace(loop=SimpleNamespace(time=lambda: 1.0), names={}, deadline=9.0)


class Late:
    """A call whose time ends after it has been sent *attempts* times."""

    name = "late"

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts

    def start(self, frame: Any, done: Any) -> None:
        done(failed("late", CallError(Cause.DEADLINE, "late"), 0.0, 1.0, attempts=self.attempts))


@pytest.mark.parametrize(("attempts", "phase"), [(0, Phase.CLOSED), (1, Phase.OPEN)])
def test_it_does_not_open_a_breaker(attempts, phase):
    """One that was sent does."""
    breakers = Breakers(("a", PLAN))
    Broken(Late(attempts), breakers, "a", ()).start(FRAME, lambda _: None)
    assert breakers.whole.phase is phase


@pytest.mark.parametrize(("attempts", "phase"), [(0, Phase.CLOSED), (1, Phase.OPEN)])
def test_nor_does_a_stream(attempts, phase):
    """One that was sent does."""
    breakers, error = Breakers(("a", PLAN)), CallError(Cause.DEADLINE, "late")
    error.attempts = attempts

    async def ask(_: Sent) -> Any:
        raise error

    with pytest.raises(CallError):
        asyncio.run(let_through(breakers.whole, "a", lambda: 1.0, ask))
    assert breakers.whole.phase is phase


def test_as_a_probe_it_makes_room_for_another():
    """The breaker stays open, and does not wait longer for it."""
    breakers = Breakers(("a", PLAN))
    breakers.whole.ended(breakers.whole.enter(-60.0), -60.0, failed=True, seconds=1.0)
    Broken(Late(0), breakers, "a", ()).start(FRAME, lambda _: None)
    assert (breakers.whole.phase, breakers.whole.enter(1.0) > 0) == (Phase.OPEN, True)


@pytest.mark.parametrize(("attempts", "shrinks"), [(0, False), (1, True)])
def test_it_does_not_shrink_an_adaptive_limit(attempts, shrinks):
    """Those that were sent do."""
    places = Places(("a", ConcurrencyPlan(50, 10, 1.0, adaptive=True)))
    before, placed = places.limit, Placed(Late(attempts), places, "a", (), 5.0, 0, optional=False)
    for _ in range(200):
        placed.start(FRAME, lambda _: None)
    assert (places.inside, places.limit < before) == (0, shrinks)
