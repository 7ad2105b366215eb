"""The leaf of every answer: one call to an upstream, sent through its pool and judged when it ends.

Takes a ``CallPlan``, gives a ``Part``. No task is made for a call: the pool reports by callback.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import Exchange, State
from aggregator.parts.frame import Done, Frame, Written
from aggregator.parts.result import Result, failed
from aggregator.plan.calls import CallPlan
from aggregator.policies.hosts.door import HostsDoor
from aggregator.runtime.calls.judging import Judge, Read
from aggregator.runtime.calls.replies import Following, Reading
from aggregator.runtime.calls.routine import Bind, CallRoutine, TimeLeft
from aggregator.runtime.calls.writing.rendering import (
    Rendered,
    compile_body,
    compile_headers,
    compile_target,
    plain_target,
)
from aggregator.runtime.observing.following import followed
from aggregator.runtime.observing.tracing import Tracing
from aggregator.runtime.parts.blame import blame
from aggregator.templates import known_value
from aggregator.transport import Door, Reply
from aggregator.transport.door import CallerDoor, Cancelable, Carrier

_FAILED = State.FAILED
_NOT_CALLED = frozenset({Cause.EXPRESSION, Cause.INPUT})
"""Causes with which a call fails before its upstream has heard of it."""


class Sender:
    """A call, ready to be made any number of times: its *routine*, and the *head* and *tail* of its target."""

    __slots__ = ("head", "plan", "routine", "tail")

    def __init__(self, plan: CallPlan, routine: CallRoutine, head: bytes, tail: bytes) -> None:
        self.plan = plan
        self.routine = routine
        self.head = head
        self.tail = tail

    @property
    def name(self) -> str:
        """The name of the call."""
        return self.routine.name

    @property
    def tracing(self) -> Tracing | None:
        """The source of trace contexts of calls; None where there are no traces."""
        return self.routine.tracing

    def door(self, frame: Frame, written: Written | None = None) -> Carrier:
        """Return the way to the upstream for one request of a call, which sends what is *written*.

        Raises ``CallError`` for a caller who has none.
        """
        bind = self.routine.bind
        return self.routine.pool if bind is None else bind(frame, written)

    def identity(self, exchange: Exchange) -> bytes:
        """Return what tells those apart in whose name the upstream is called; raises as ``door`` does."""
        pool = self.routine.pool
        if self.routine.bind is None:  # as with most, and far faster than to ask what the door is
            return b""
        return pool.identity(exchange) if isinstance(pool, CallerDoor | HostsDoor) else b""

    def render(self, frame: Frame) -> Rendered:
        """Return the request as bytes; raises ``ExpressionError`` when a value is missing or cannot be sent."""
        routine, known = self.routine, frame.names.known
        if known and (one := known.get(id(self.plan))) is not None:
            written: Rendered = known_value(one)
            return written
        headers = self.write_headers(frame)
        if routine.body is None:
            return Rendered(self.write_target(frame), headers, None)
        body, lines = routine.body(frame)
        return Rendered(self.write_target(frame), headers + lines, body)

    def write_headers(self, frame: Frame) -> bytes:
        """Return the header block of the request, without what describes its body; raises as ``render`` does."""
        write = self.routine.headers
        return self.routine.block if write is None else write(frame)

    def write_target(self, frame: Frame) -> bytes:
        """Return the target of the request; raises as ``render`` does."""
        routine = self.routine
        if routine.target is not None:
            return routine.target(frame)
        assert routine.splice is not None
        return routine.splice.render(self.head, frame.exchange.segments, self.tail)

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send the call, as it was written for the first attempt where this is another one; *done* gets its result."""
        if frame.written is not None and frame.written.request is not None:
            return self._send_again(frame, frame.written.request, done)
        now = frame.loop.time()
        routine = self.routine
        try:
            pool = routine.pool if routine.bind is None else routine.bind(frame, None)
            if routine.is_plain:
                target, headers, body = self.write_target(frame), routine.block, None
            else:
                rendered = self.render(frame)
                target, headers, body = rendered.target, rendered.headers, rendered.body
        except AggregatorError as error:
            done(self.refused(blame(error, frame.names), now))
            return None
        if frame.conditions:
            headers += frame.conditions
        if frame.written is not None:
            frame.written.request = Rendered(target, headers, body)
        if (tracing := routine.tracing) is not None:
            trace = frame.exchange.trace
            if tracing.only_adds and trace is not None and trace.lines:  # nobody follows its calls
                headers += trace.lines
            else:
                headers, done, call = tracing.called(frame, self.plan, target, headers, done, now)
                pool = pool if call is None else followed(call, routine.pool, frame) or pool
        deadline = min(now + routine.timeout, frame.deadline)
        return self._sent(frame, Rendered(target, headers, body), deadline, done, now, pool)

    def _sent(
        self, frame: Frame, rendered: Rendered, deadline: float, done: Done, started: float, pool: Carrier | None
    ) -> Cancelable:
        """Send what is *rendered*, through *pool* where the way to the upstream has been found; *done* gets its result.

        What cancels it is returned.
        """
        routine = self.routine
        if routine.redirects:
            following = Following(self, frame, deadline, done, started, rendered=rendered, left=routine.redirects)
            return following.sent(self.send(frame, rendered, deadline, following, pool))
        if routine.judge.may_take_long:
            reading = Reading(self, frame, deadline, done, started)
            return reading.sent(self.send(frame, rendered, deadline, reading, pool))
        return self.send(frame, rendered, deadline, partial(self._ended, frame, done, started), pool)

    def _ended(self, frame: Frame, done: Done, started: float, outcome: Reply | CallError) -> None:
        done(self.judge(frame, outcome, started))

    def judge_and_read(self, frame: Frame, reply: Reply, started: float) -> Result:
        """Return what ``judge`` does, with the body decoded where somebody will read it: work for a thread."""
        result = self.judge(frame, reply, started)
        self.routine.judge.read_ahead(result)
        return result

    def judge(self, frame: Frame, outcome: Reply | CallError, started: float, read: Read | None = None) -> Result:
        """Return the result that *outcome* means for this call, which *started* then (loop time).

        *read* gives the body when it was read before.
        """
        if isinstance(outcome, CallError):
            upstream, rows = "" if outcome.cause in _NOT_CALLED else self.plan.upstream.label, self.plan.rows
            result = failed(self.name, outcome, started, frame.loop.time(), upstream=upstream, rows=rows,
                            attempts=outcome.attempts)  # fmt: skip
        else:
            result = self.routine.judge.judge(frame, outcome, started, read)
            if result.state is _FAILED:
                result.is_ruled_by(self.plan.rows)
        if outcome.attempts > 1:
            result.has_met((*(outcome.met or (Cause.RESET.value,)), *result.words))
        return result

    def refused(self, error: AggregatorError, now: float) -> Result:
        """Return the failure of a call that could not be written."""
        return failed(self.name, error, now, now, rows=self.plan.rows, attempts=0)

    def _send_again(self, frame: Frame, rendered: Rendered, done: Done) -> Cancelable | None:
        """Send what was rendered before; *done* gets its result, as from ``start``."""
        now, routine, pool = frame.loop.time(), self.routine, None
        if routine.tracing is not None:
            block, done, call = routine.tracing.called(frame, self.plan, rendered.target, rendered.headers, done, now)
            pool = None if call is None else followed(call, routine.pool, frame)
            rendered = Rendered(rendered.target, block, rendered.body)
        return self._sent(frame, rendered, min(now + routine.timeout, frame.deadline), done, now, pool)

    def send(
        self, frame: Frame, rendered: Rendered, deadline: float, done: Callable[[Reply | CallError], None],
        pool: Carrier | None = None,
    ) -> Cancelable:  # fmt: skip
        """Send what was rendered before, once, through *pool* where the way to the upstream has been found.

        *done* is told of a caller who has no way, too, after this returned.
        """
        routine, under_way = self.routine, frame.exchange.under_way
        headers = rendered.headers
        if routine.left is not None:
            headers += routine.left.line(deadline - frame.loop.time())
        try:
            door = self.door(frame) if pool is None else pool
        except CallError as error:
            return frame.loop.call_soon(done, error)
        return door.start(
            routine.method,
            rendered.target,
            headers,
            rendered.body,
            deadline=deadline,
            done=done,
            steps=routine.steps,
            under_way=under_way,
        )

    def time_left(self, seconds: float) -> bytes:
        """Return the line that says how long the call is waited for; empty where none does."""
        left = self.routine.left
        return b"" if left is None else left.line(seconds)


def _binding(pool: Door) -> Bind | None:
    """Return the function that finds the way of each call; None where all take the same."""
    if isinstance(pool, HostsDoor):
        return pool.bound
    return _Callers(pool) if isinstance(pool, CallerDoor) else None


class _Callers(Struct, frozen=True):
    """The ways of callers through *door*; those through the same door are equal."""

    door: CallerDoor

    def __call__(self, frame: Frame, _written: Written | None) -> Door:
        """Return the way for the caller of *frame*."""
        return self.door.bound(frame.exchange)


def compile_sender(
    plan: CallPlan,
    pool: Door,
    path_params: tuple[str, ...],
    judge: Judge,
    same: Callable[[Any], Any],
    tracing: Tracing | None = None,
) -> Sender:
    """Return the sender of *plan* through *pool*.

    *judge* says what replies mean, *same* gives the one object that all equal values are, and *path_params* are those
    of the endpoint, in order. *tracing* has the call tell its context.
    """
    request = plan.request
    head, splice, tail = plain_target(request, path_params) or (b"", None, b"")
    tail = bytes(bytearray(tail))  # made here, all tails lie together, and not each beside the text of its endpoint
    headers, body = compile_headers(request), compile_body(request)
    bind, is_plain = _binding(pool), splice is not None and headers is None and body is None
    routine = CallRoutine(
        name=plan.name,
        pool=pool,
        bind=bind,
        method=same(request.method),
        splice=same(splice),
        target=compile_target(request, path_params) if splice is None else None,
        block=same(request.constant_headers),
        headers=headers,
        body=body,
        timeout=plan.timeout,
        judge=judge,
        redirects=plan.redirects,
        steps=plan.steps,
        is_plain=is_plain,
        left=None if request.deadline is None else TimeLeft(request.deadline),
        tracing=None if tracing is None else tracing.over(request),
    )
    return Sender(plan, same(routine), same(head), same(tail))
