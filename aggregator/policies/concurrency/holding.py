"""A call that has a place while it is under way, or waits for one; a stream has it until its body is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from aggregator.causes import Cause
from aggregator.errors import CallError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result, failed
from aggregator.parts.rows import RowPlan
from aggregator.policies.concurrency.places import Places, Waiter
from aggregator.transport import StreamReply
from aggregator.transport.door import Cancelable

_OVERLOADED = frozenset({
    Cause.DEADLINE, Cause.CONNECT_TIMEOUT, Cause.READ_TIMEOUT, Cause.WRITE_TIMEOUT, Cause.REFUSED, Cause.RESET,
})  # fmt: skip
"""Ends of calls that an upstream did not manage, if they were sent to it."""


class Placed:
    """The call *inner* to the upstream *label*, of which *seconds* is the limit; *rows* rule its refusal."""

    __slots__ = ("_label", "_optional", "_rows", "_seconds", "_steps", "inner", "name", "places")

    def __init__(
        self, inner: Part, places: Places, label: str, rows: tuple[RowPlan, ...], seconds: float, steps: int,
        *, optional: bool,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self.inner = inner
        self.places = places
        self._label = label
        self._rows = rows
        self._seconds = seconds
        self._steps = steps
        self._optional = optional

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call, or wait for a place."""
        places = self.places
        holding = Holding(self.inner, places, frame, done)
        if places.inside < places.limit and not places.queued:  # as ``Places.enters`` does
            places.inside += 1
            ticket = self.inner.start(frame, holding)
            if holding.is_over:
                return None
            holding.ticket = ticket
            return holding
        if places.enters():
            holding.begin()
        else:
            self._wait(holding, frame, done)
        return None if holding.is_over else holding

    def taken_up(self, frame: Frame, done: Done) -> Holding:
        """Return what is told of the end of a call that has had its place from the start."""
        return Holding(self.inner, self.places, frame, done)

    def _wait(self, holding: Holding, frame: Frame, done: Done) -> None:
        now = frame.loop.time()
        holding.frame = frame.cut_to(self._seconds)

        def refuse(error: CallError) -> None:
            holding.is_over = True
            done(failed(self.name, error, now, frame.loop.time(), upstream=self._label, rows=self._rows, attempts=0))

        waiter = Waiter(now, holding.frame.deadline, self._steps, frame.exchange.under_way, self._optional,
                        holding.begin, refuse)  # fmt: skip
        try:
            self.places.join(waiter, frame.loop)
        except CallError as error:
            refuse(error)
        else:
            holding.waiter = waiter


class Holding(Struct, eq=False):
    """One call. States: waiting (*waiter* is set), under way, over. It is called with the result of its inner part."""

    inner: Part
    places: Places
    frame: Frame
    done: Done
    is_over: bool = False
    ticket: Cancelable | None = None
    waiter: Waiter | None = None

    def begin(self) -> None:
        """Start the call, which has its place."""
        self.waiter = None
        ticket = self.inner.start(self.frame, self)
        if not self.is_over:
            self.ticket = ticket

    def __call__(self, result: Result) -> None:
        """Release the place, and pass *result* on."""
        if self.is_over:
            return
        self.is_over = True
        self.ticket = None
        now = result.ended
        if result.cause is None:
            self.places.leave(now, now - result.started if result.attempts else None)
        else:
            was_sent = bool(result.attempts)
            overloaded = was_sent and result.cause in _OVERLOADED
            tells = was_sent and not overloaded
            self.places.leave(now, now - result.started if tells else None, overloaded=overloaded)
        self.done(result)

    def cancel(self) -> None:
        """Cancel the call, and release its place or leave the queue."""
        if self.is_over:
            return
        self.is_over = True
        if self.waiter is not None:
            self.places.give_up(self.waiter)
            return
        if self.ticket is not None:
            self.ticket.cancel()
        self.places.leave(self.frame.loop.time())


class HeldReply(StreamReply):
    """A reply that has a place until it is closed."""

    __slots__ = ("_release", "_reply")

    def __init__(self, reply: StreamReply, release: Callable[[], None]) -> None:
        super().__init__(reply.status, reply.headers, reply._body, reply.reused)
        self._reply = reply
        self._release: Callable[[], None] | None = release

    async def aclose(self) -> None:
        """Stop reading, and release the place."""
        try:
            await self._reply.aclose()  # it may have something to give back itself
        finally:
            release, self._release = self._release, None
            if release is not None:
                release()


async def held(
    places: Places, ask: Callable[[], Awaitable[StreamReply]], deadline: float, *, optional: bool = False
) -> StreamReply:
    """Return the reply that *ask* gives, with a place until it is closed. Raises CallError, also for want of one."""
    loop = asyncio.get_running_loop()
    if not places.enters():
        await _turn(places, loop, deadline, optional=optional)
    try:
        reply = await ask()
    except BaseException:
        places.leave(loop.time())
        raise
    return HeldReply(reply, lambda: places.leave(loop.time()))


async def _turn(places: Places, loop: asyncio.AbstractEventLoop, deadline: float, *, optional: bool) -> None:
    """Return once there is a place for this stream. Raises CallError."""
    turn: asyncio.Future[CallError | None] = loop.create_future()

    def settle(error: CallError | None = None) -> None:
        if not turn.done():
            turn.set_result(error)
        elif error is None:
            places.leave(loop.time())  # whose turn it was has been cancelled meanwhile

    waiter = Waiter(loop.time(), deadline, 0, False, optional, settle, settle)
    places.join(waiter, loop)
    try:
        error = await turn
    except asyncio.CancelledError:
        if turn.done() and not turn.cancelled() and turn.result() is None:
            places.leave(loop.time())  # it had its turn, and was cancelled before it could know
        else:
            places.give_up(waiter)
        raise
    if error is not None:
        raise error
