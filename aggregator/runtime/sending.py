"""The leaf of every answer: one call to an upstream, sent through its pool and judged when it ends.

Takes a ``CallPlan``, gives a ``Part``. No task is made for a call: the pool reports by callback.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from aggregator.errors import AggregatorError, CallError
from aggregator.exchange import State
from aggregator.plan.types import CallPlan
from aggregator.runtime.frame import Cancelable, Done, Frame
from aggregator.runtime.judging import Judge
from aggregator.runtime.redirects import next_target
from aggregator.runtime.rendering import Rendered, compile_body, compile_headers, compile_target, plain_target
from aggregator.runtime.result import Result, failed
from aggregator.templates import Splice
from aggregator.transport import Reply


class LeanDoor(Protocol):
    """The door of a pool that takes prepared bytes and answers by callback."""

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, *, deadline: float,
        done: Callable[[Reply | CallError], None],
    ) -> Cancelable:  # fmt: skip
        """Send; *done* gets the reply or the error, once, later."""


class Sender:
    """A call, ready to be made any number of times.

    *judge* says what replies mean, *same* gives the one object that all equal values are.
    """

    __slots__ = (
        "_block", "_body", "_head", "_headers", "_judge", "_method", "_pool", "_redirects", "_splice", "_tail",
        "_target", "_timeout", "name", "plan",
    )  # fmt: skip

    def __init__(
        self, plan: CallPlan, pool: LeanDoor, path_params: tuple[str, ...], judge: Judge, same: Callable[[Any], Any]
    ) -> None:
        self.name = plan.name
        self.plan = plan
        self._pool = pool
        self._method = same(plan.request.method)
        self._head, splice, self._tail = plain_target(plan.request, path_params) or (b"", None, b"")
        self._splice: Splice | None = same(splice)
        self._target = compile_target(plan.request, path_params) if splice is None else None
        self._block = same(plan.request.constant_headers)
        self._headers = compile_headers(plan.request)
        self._body = compile_body(plan.request)
        self._timeout = same(plan.timeout)
        self._judge = judge
        self._redirects = plan.redirects

    def render(self, frame: Frame) -> Rendered:
        """Give the request as bytes; raises ``ExpressionError`` when a value is missing or cannot be sent."""
        headers = self._block if self._headers is None else self._headers(frame)
        if self._body is None:
            return Rendered(self._write_target(frame), headers, None)
        body, lines = self._body(frame)
        return Rendered(self._write_target(frame), headers + lines, body)

    def _write_target(self, frame: Frame) -> bytes:
        if self._target is not None:
            return self._target(frame)
        assert self._splice is not None
        return self._splice.render(self._head, frame.exchange.segments, self._tail)

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send the call; *done* gets its result."""
        now = frame.loop.time()
        try:
            if self._body is None and self._headers is None and self._splice is not None:
                target = self._splice.render(self._head, frame.exchange.segments, self._tail)
                headers, body = self._block, None
            else:
                target, headers, body = self.render(frame)
        except AggregatorError as error:
            done(self._refused(error, now))
            return None
        deadline = now + self._timeout
        if deadline > frame.deadline:
            deadline = frame.deadline
        if self._redirects:
            return _Following(self, frame, Rendered(target, headers, body), deadline, done, now)
        return self._pool.start(
            self._method,
            target,
            headers,
            body,
            deadline=deadline,
            done=partial(self._ended, frame, done, now),
        )

    def _ended(self, frame: Frame, done: Done, started: float, outcome: Reply | CallError) -> None:
        done(self.judge(frame, outcome, started))

    def judge(self, frame: Frame, outcome: Reply | CallError, started: float) -> Result:
        """Give the result that *outcome* means for this call."""
        if isinstance(outcome, CallError):
            result = failed(self.name, outcome, upstream=self.plan.upstream.label, rows=self.plan.rows)
        else:
            result = self._judge.judge(frame, outcome)
            if result.state is State.FAILED:
                result.is_ruled_by(self.plan.rows)
        result.started = started
        result.ended = frame.loop.time()
        return result

    def _refused(self, error: AggregatorError, now: float) -> Result:
        result = failed(self.name, error, upstream=self.plan.upstream.label, rows=self.plan.rows)
        result.attempts = 0
        result.started = result.ended = now
        return result

    def send(self, rendered: Rendered, deadline: float, done: Callable[[Reply | CallError], None]) -> Cancelable:
        """Send what was rendered before, once."""
        return self._pool.start(self._method, *rendered, deadline=deadline, done=done)


class _Following:
    """A call that follows redirects within its origin, as far as declared (RFC 9110 §15.4)."""

    __slots__ = ("_deadline", "_done", "_frame", "_left", "_rendered", "_sender", "_started", "_ticket")

    def __init__(
        self, sender: Sender, frame: Frame, rendered: Rendered, deadline: float, done: Done, started: float
    ) -> None:
        self._sender = sender
        self._frame = frame
        self._rendered = rendered
        self._deadline = deadline
        self._done = done
        self._started = started
        self._left = sender.plan.redirects
        self._ticket = sender.send(rendered, deadline, self._answered)

    def _answered(self, outcome: Reply | CallError) -> None:
        if self._left and not isinstance(outcome, CallError):
            target = next_target(outcome, self._rendered.target, self._sender.plan)
            if target is not None:
                self._left -= 1
                self._rendered = self._rendered._replace(target=target)
                self._ticket = self._sender.send(self._rendered, self._deadline, self._answered)
                return
        self._done(self._sender.judge(self._frame, outcome, self._started))

    def cancel(self) -> Any:
        """Give up the request that is under way."""
        self._ticket.cancel()
