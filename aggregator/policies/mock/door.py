"""The way to an upstream that a mock stands before: it answers itself, spoils what comes, or lets the request go on.

begun ── a thread, for a long body ──▶ its delay ──▶ answered, or failed
──▶ passed on to the upstream
──▶ hanging until the deadline
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Callable
from functools import partial
from typing import Final, Unpack

from aggregator.errors import CallError, Cause, place_of
from aggregator.policies.mock.script import Act, Script
from aggregator.telemetry.logging import log
from aggregator.transport import Door, Reply, StreamReply
from aggregator.transport.door import CallTerms, Cancelable, Done, OuterDoor, StreamTerms, with_done
from aggregator.transport.failures import late
from aggregator.transport.wire.bodies import StreamBody

_log = logging.getLogger("aggregator.policies")
_LARGE: Final = 64 * 1024
"""Bytes of a body beyond which a thread reads it and computes of it."""


class MockDoor(OuterDoor):
    """*inner* behind *script*."""

    __slots__ = ("_script",)

    def __init__(self, inner: Door, script: Script) -> None:
        super().__init__(inner)
        self._script = script

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
    ) -> Cancelable:
        """See `Door.start`."""

        def go_on(done: Done) -> Cancelable:
            return self.inner.start(method, target, headers, body, **with_done(terms, done))

        def play(act: Act) -> Cancelable:
            return _Acting(act, terms["deadline"], terms["done"], go_on)

        written = partial(self._script.act, method, target, headers, body)
        if body is None or len(body) <= _LARGE:
            return play(written())
        return _Writing(written, play, terms["deadline"], terms["done"])

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | AsyncIterable[bytes] | None,
        **terms: Unpack[StreamTerms],
    ) -> StreamReply:  # fmt: skip
        """See `Door.stream`."""
        written = partial(self._script.act, method, target, headers, body if isinstance(body, bytes) else None)
        loop = asyncio.get_running_loop()
        is_long = isinstance(body, bytes) and len(body) > _LARGE
        deadline, answer_timeout = terms["deadline"], terms.get("answer_timeout")
        limits = [loop.time() + answer_timeout] if answer_timeout is not None else []
        due = min([*limits, *([] if deadline is None else [deadline])], default=None)
        act = await _written_until(due, written) if is_long else written()
        if not act.end or (due is not None and loop.time() + act.delay >= due):
            await asyncio.sleep(3600.0 if due is None else max(0.0, due - loop.time()))
            raise late(Cause.DEADLINE)
        await asyncio.sleep(act.delay)
        if isinstance(act.outcome, CallError):
            raise act.outcome
        if act.outcome is not None:
            body = StreamBody(Played(act.outcome.body, act.cut), None)
            return StreamReply(act.outcome.status, act.outcome.headers, body)
        if answer_timeout is not None:
            terms["answer_timeout"] = max(0.001, answer_timeout - act.delay)
        return await self.inner.stream(method, target, headers, body, **terms)


async def _written_until(due: float | None, written: Callable[[], Act]) -> Act:
    """Return what a thread has *written*; raises ``CallError`` where that takes until *due*, a time of the loop."""
    try:
        async with asyncio.timeout_at(due):
            return await asyncio.get_running_loop().run_in_executor(None, written)
    except TimeoutError:
        raise late(Cause.DEADLINE) from None


class _Writing:
    """An act that a thread writes, since it may compute of a long body, until the *deadline*.

    States: *writing*, *playing*, *over* (too late, failed by a fault, or given up). A future that is done calls back in
    a later turn of the loop: what was given up between is not played.
    """

    __slots__ = ("_done", "_is_over", "_play", "_playing", "_timer", "_writing")

    def __init__(
        self, written: Callable[[], Act], play: Callable[[Act], Cancelable], deadline: float, done: Done
    ) -> None:  # fmt: skip
        loop = asyncio.get_running_loop()
        self._play = play
        self._done = done
        self._playing: Cancelable | None = None
        self._is_over = False
        self._writing = loop.run_in_executor(None, written)
        self._writing.add_done_callback(self._written)
        self._timer = loop.call_at(deadline, self._is_late)

    def _is_late(self) -> None:
        if self._writing.cancel():
            self._done(late(Cause.DEADLINE))

    def _written(self, writing: asyncio.Future[Act]) -> None:
        self._timer.cancel()
        if self._is_over or writing.cancelled():
            return
        error = writing.exception()
        if error is None:
            self._playing = self._play(writing.result())
        else:
            log(_log, logging.ERROR, "A mock failed by a fault of the program.", error=place_of(error))
            self._done(CallError(Cause.FAULT, "The server made a mistake; its log tells more."))

    def cancel(self) -> None:
        """Cancel the call."""
        self._is_over = True
        self._timer.cancel()
        self._writing.cancel()
        if self._playing is not None:
            self._playing.cancel()


class _Acting:
    __slots__ = ("_act", "_done", "_go_on", "_ticket", "_timer")

    def __init__(self, act: Act, deadline: float, done: Done, go_on: Callable[[Done], Cancelable]) -> None:
        self._act = act
        self._done = done
        self._timer: asyncio.TimerHandle | None = None
        self._go_on = go_on
        self._ticket: Cancelable | None = None
        loop = asyncio.get_running_loop()
        left = max(0.0, deadline - loop.time())
        if not act.end or act.delay >= left:
            self._timer = loop.call_later(left, self._ended, late(Cause.DEADLINE))
        else:
            self._timer = loop.call_later(act.delay, self._play)

    def _play(self) -> None:
        self._timer = None
        outcome = self._act.outcome
        if outcome is None:
            self._ticket = self._go_on(self._ended)
        else:
            self._ended(outcome)

    def _ended(self, outcome: Reply | CallError) -> None:
        self._timer = self._ticket = None
        cut = self._act.cut
        self._done(_cut_off() if cut is not None and isinstance(outcome, Reply) else outcome)

    def cancel(self) -> None:
        """Cancel the call."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ticket is not None:
            self._ticket.cancel()


def _cut_off() -> CallError:
    return CallError(Cause.INCOMPLETE, "The upstream closed the connection in the middle of its answer.")


class Played:
    """The body of a reply of a mock, of which no more than *cut* bytes come."""

    __slots__ = ("_cut", "_left")

    def __init__(self, body: bytes, cut: int | None) -> None:
        self._left: bytes | None = body[:cut] or None
        self._cut = cut

    async def next_piece(self) -> bytes | None:
        """Return the body, then its end. Raises CallError where it is cut off."""
        piece, self._left = self._left, None
        if piece is None and self._cut is not None:
            raise _cut_off()
        return piece

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def abandon(self) -> None:
        """Do nothing: nothing is open."""
