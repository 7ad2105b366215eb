"""A call whose policies have nothing to do takes a short way; whatever comes of it, the policies know the same."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from aggregator.causes import Cause, State
from aggregator.errors import CallError
from aggregator.exchange import Exchange
from aggregator.parts.events import Listeners
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result, failed
from aggregator.policies.breaker.breaker import Breaker
from aggregator.policies.breaker.breaking import Broken
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.breaker.table import Breakers
from aggregator.policies.concurrency.holding import Placed
from aggregator.policies.concurrency.places import Places
from aggregator.policies.concurrency.plan import ConcurrencyPlan
from aggregator.policies.retry.budget import Budget
from aggregator.policies.retry.plan import BudgetPlan, RetryPlan
from aggregator.policies.retry.retrying import Retried
from aggregator.policies.values import Span
from aggregator.runtime.calls.telling import CallTeller
from aggregator.runtime.calls.unhindered import Unhindered, unhindered
from aggregator.telemetry.metrics.histogram import Histogram

PAUSE = Span(1.0, 60.0)
BREAKER = BreakerPlan(2, 0.5, 20, 10.0, 3.0, 1.0, PAUSE, frozenset(range(500, 600)), frozenset({Cause.RESET}))
RETRY = RetryPlan(2, frozenset({503}), frozenset({Cause.RESET}), PAUSE, None, "always")


class Loop:
    """A clock that is moved by hand, and the one timer that is set on it."""

    def __init__(self) -> None:
        self.now = 5.0
        self.timer: Callable[[], object] | None = None

    def time(self) -> float:
        """Return the time of the test."""
        return self.now

    def call_later(self, _: float, callback: Callable[[], object]) -> SimpleNamespace:
        """Keep *callback*."""
        self.timer = callback

        def cancel() -> None:
            self.timer = None

        return SimpleNamespace(cancel=cancel)


class Leaf:
    """A call that ends as the test says; ``at_once`` it does so before ``start`` returns."""

    name = "x"

    def __init__(self, log: list[object]) -> None:
        self.log = log
        self.at_once: Result | None = None

    def start(self, frame: Frame, done: Done) -> SimpleNamespace | None:
        """Begin; the deadline is one of the things that have to be the same."""
        self.done = done
        self.log.append(("sent", frame.deadline))
        if frame.written is not None:
            frame.written.request = SimpleNamespace(headers=b"", body=None)
        if self.at_once is not None:
            done(self.at_once)
            return None
        return SimpleNamespace(cancel=lambda: self.log.append("cancelled"))


class Rig:
    """A call within its policies, started by the whole of them or by the short way."""

    def __init__(self, *, short: bool) -> None:
        self.log: list[object] = []
        self.loop = Loop()
        self.leaf = Leaf(self.log)
        self.breakers = Breakers(("a", BREAKER))
        self.breakers.whole = Breaker("a", BREAKER, draw=lambda: 0.5)
        self.breakers.adopt(("a", BREAKER))
        self.places = Places(("a", ConcurrencyPlan(1, 5, 0.2)))
        self.budget = Budget(("a", BudgetPlan()))
        tally = SimpleNamespace(durations=Histogram((1.0, 2.0)), add=lambda *end: self.log.append(end))
        self.tally = tally
        placed = Placed(self.leaf, self.places, "a", (), 9.0, 0, optional=False)
        listeners = Listeners(tallies=(lambda _: tally,), given_up=(self.log.append,))
        counted = CallTeller(listeners, "GET /", "x", "a").around(Broken(placed, self.breakers, "a", ()))
        part: Part = Retried(counted, RETRY, self.budget, 9.0, draw=lambda: 0.5)
        self.part = unhindered(part) if short else part
        assert isinstance(self.part, Unhindered) is short
        self.ticket: Any = None

    def start(self) -> None:
        """Start the call, as a request with eight seconds left."""
        exchange = Exchange("GET", "/", b"", [])
        exchange.id = "one"
        frame = Frame(exchange, Names(exchange), self.loop.now + 8.0, self.loop)
        self.ticket = self.part.start(frame, self._told)

    def _told(self, result: Result) -> None:
        words = (result.state, result.cause, result.status, result.attempts, result.started, result.words)
        self.log.append(("told", *words))

    def end(self, result: Result, seconds: float = 0.5) -> None:
        """Let the upstream answer after so many *seconds*."""
        self.loop.now += seconds
        result.ended = self.loop.now
        self.leaf.done(result)

    def wait(self) -> None:
        """Let the timer go off that is set."""
        self.loop.now += 0.25
        timer, self.loop.timer = self.loop.timer, None
        assert timer is not None
        timer()

    def known(self) -> list[object]:
        """Return all that the policies know by now, and what has been seen of the call."""
        breaker, now = self.breakers.whole, self.loop.now
        return [
            *self.log, self.ticket is None, self.loop.timer is None, breaker.as_dict(now), breaker.era,
            self.places.inside, self.places.waiting, self.budget.counts(now), self.tally.durations.gathered,
            self.tally.durations.counts,
        ]  # fmt: skip


def good(status: int = 200) -> Result:
    """Return an answer of the upstream."""
    return Result("x", 5.0, 5.0, status=status, state=State.OK)


def bad(cause: Cause = Cause.STATUS, attempts: int = 1, status: int = 0) -> Result:
    """Return a failure."""
    result = failed("x", CallError(cause, "no"), 5.0, 5.0, attempts=attempts)
    result.status = status
    return result


def at_once(rig: Rig) -> None:
    """Let the call fail before it is under way."""
    rig.leaf.at_once = bad(Cause.EXPRESSION, 0)
    rig.start()


def again(rig: Rig, second: Result) -> None:
    """Let the first attempt meet a 503, and the other one *second*."""
    rig.start()
    rig.end(bad(status=503))
    rig.wait()
    rig.end(second)


COURSES: dict[str, Callable[[Rig], object]] = {
    "a good answer": lambda rig: (rig.start(), rig.end(good())),
    "a slow one": lambda rig: (rig.start(), rig.end(good(), 4.0)),
    "a 404 that is taken": lambda rig: (rig.start(), rig.end(good(404))),
    "a 404 that fails": lambda rig: (rig.start(), rig.end(bad(status=404))),
    "a failure, and a good answer": lambda rig: again(rig, good()),
    "two failures": lambda rig: again(rig, bad(status=503)),
    "a reset, while waiting for the next": lambda rig: (rig.start(), rig.end(bad(Cause.RESET))),
    "given up": lambda rig: (rig.start(), rig.ticket.cancel()),
    "given up twice": lambda rig: (rig.start(), rig.ticket.cancel(), rig.ticket.cancel()),
    "given up after the end": lambda rig: (rig.start(), rig.end(good()), rig.ticket.cancel()),
    "an end after it was given up": lambda rig: (rig.start(), rig.ticket.cancel(), rig.end(good())),
    "given up while it waits": lambda rig: (rig.start(), rig.end(bad(status=503)), rig.ticket.cancel()),
    "given up in the second": lambda rig: (
        rig.start(), rig.end(bad(status=503)), rig.wait(), rig.ticket.cancel()),
    "not to be written": at_once,
    "one while the breaker is open": lambda rig: (again(rig, bad(status=503)), rig.start()),
    "one while the place is taken": lambda rig: (rig.start(), rig.start()),
    "a good one after another": lambda rig: [(rig.start(), rig.end(good())) for _ in range(3)],
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_the_short_way_leaves_the_policies_as_the_long_one(course: Callable[[Rig], object]) -> None:
    """Whatever a call comes to, what was told and counted, and what is under way afterwards, is the same."""
    long, short = Rig(short=False), Rig(short=True)
    course(long)
    course(short)
    assert short.known() == long.known()
    assert len(short.log) > 1 or short.ticket is not None


def test_a_reload_in_the_middle_changes_nothing_for_what_is_under_way() -> None:
    """A breaker that gets a key while a call is under way counts it where it began; the next one has another."""
    rig = Rig(short=True)
    rig.start()
    assert rig.breakers.only is rig.breakers.whole
    key = SimpleNamespace(source="1", evaluate=lambda _: "one")
    rig.breakers.adopt(("a", replace(BREAKER, key=key)))
    rig.end(bad(status=404))
    assert rig.breakers.only is None
    assert rig.places.inside == 0


def test_one_policy_alone_stays_as_it_is() -> None:
    """There is nothing to be saved."""
    leaf = Leaf([])
    alone = Retried(leaf, RETRY, Budget(("a", BudgetPlan())), 9.0)
    assert unhindered(alone) is alone
    assert unhindered(leaf) is leaf
