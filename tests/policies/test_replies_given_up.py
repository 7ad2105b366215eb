"""Whoever gives up a call is told of nothing any more, at whatever it was."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.parts.frame import Done, Frame
from aggregator.parts.result import Result, failed
from aggregator.policies.cache.calls import Cached
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.plan import CachePlan
from aggregator.transport import Reply

PLAN = CachePlan(ttl=(("200", 10.0),), on_error=3600.0)
FRAME: Any = SimpleNamespace(
    exchange=None, names=None, deadline=60.0, conditions=b"", loop=SimpleNamespace(time=lambda: 0.0)
)


class Ticket:
    """What gives up *what*, and notes that in *given_up*."""

    def __init__(self, what: str, given_up: list[str]) -> None:
        self.what = what
        self.given_up = given_up

    def cancel(self) -> None:
        """Note it."""
        self.given_up.append(self.what)


class Upstream:
    """A call that ends when the test says so, and whose old reply is judged in a thread."""

    name = label = "up"
    timeout = 5.0
    may_take_long = True

    def __init__(self, *, is_prompt: bool) -> None:
        self.is_prompt = is_prompt
        self.given_up: list[str] = []
        self.done: Done = lambda _: None

    def key(self, _: Frame) -> bytes:
        """Return the key of all of them."""
        return b"k"

    def start(self, _: Frame, done: Done) -> Ticket | None:
        """Call, and fail at once where that is prompt."""
        self.done = done
        if self.is_prompt:
            self.fail()
            return None
        return Ticket("call", self.given_up)

    def fail(self) -> None:
        """End the call as a failure of the network."""
        self.done(failed("up", CallError(Cause.RESET, "reset"), 0.0, 0.0))

    def judge_soon(self, _: Frame, __: Reply, ___: float, ____: Callable[[Result], None]) -> Ticket:
        """Have a thread judge, which does not end."""
        return Ticket("thread", self.given_up)


@pytest.mark.parametrize("is_prompt", [False, True])
def test_the_thread_that_judges_an_old_reply_is_given_up_with_its_call(is_prompt: bool) -> None:
    """After the call has failed: in its own time, or before its start has returned."""
    kept: Kept[Reply] = Kept(10_000, iter(range(0, 1000, 20)).__next__)
    kept.put(b"k", Reply(200, [], b""), 0, (), kept.begin())
    upstream: Any = Upstream(is_prompt=is_prompt)
    ticket = Cached(upstream, upstream, kept, PLAN).start(FRAME, lambda _: pytest.fail("told"))
    assert ticket is not None
    if not is_prompt:
        upstream.fail()
    ticket.cancel()
    assert upstream.given_up == ["thread"]
