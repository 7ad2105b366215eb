"""A call that is made when the breaker of its upstream admits it, and whose end the breaker counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from aggregator.errors import AggregatorError, CallError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import Result, failed
from aggregator.parts.rows import RowPlan
from aggregator.policies.breaker.breaker import CLOSED, REFUSED, Breaker
from aggregator.policies.breaker.plan import OURS, BreakerPlan
from aggregator.policies.breaker.table import Breakers, refusal
from aggregator.templates import MISSING, text_of
from aggregator.transport import StreamReply
from aggregator.transport.door import Cancelable


def breaker_for(breakers: Breakers, names: Names, now: float) -> Breaker:
    """Return the breaker of a call that sees *names*, and begins *now*; that of all when its key cannot be told."""
    key = breakers.plan.key
    if key is None:
        return breakers.whole
    try:
        value = key.evaluate(names)
        return breakers.whole if value is None or value is MISSING else breakers.of(text_of(value), now)
    except AggregatorError:
        return breakers.whole


def count(breaker: Breaker, era: int, now: float, result: Result) -> None:
    """Count a call of *era* that ended *now* with *result*.

    One that was never sent tells nothing of the upstream, whatever its cause: writing it may take all the time it had.
    """
    if result.cause in OURS or not result.attempts:
        breaker.given_up(era, now)
    else:
        breaker.ended(era, now, failed=is_failure(breaker.plan, result), seconds=now - result.started)


def is_failure(plan: BreakerPlan, result: Result) -> bool:
    """Return whether *result* counts as a failure of the upstream."""
    return result.status in plan.statuses or result.cause in plan.causes


class Sent(Struct):
    """When the request for a stream was sent, in loop time: what it waited for before is not the upstream's time."""

    at: float


async def let_through(
    breaker: Breaker, label: str, clock: Callable[[], float], ask: Callable[[Sent], Awaitable[StreamReply]]
) -> StreamReply:
    """Return the reply that *ask* gives, if *breaker* lets it; the head of a stream is what counts.

    *ask* notes when it sends, where it waits before. Raises CallError, that of a call which is not made included.
    """
    sent = Sent(clock())
    era = breaker.enter(sent.at)
    if era == REFUSED:
        raise refusal(breaker, label, sent.at)
    try:
        reply = await ask(sent)
    except CallError as error:
        if error.cause in OURS or not error.attempts:
            breaker.given_up(era, clock())
        else:
            failed = error.cause in breaker.plan.causes
            breaker.ended(era, clock(), failed=failed, seconds=clock() - sent.at)
        raise
    except BaseException:
        breaker.given_up(era, clock())
        raise
    breaker.ended(era, clock(), failed=reply.status in breaker.plan.statuses, seconds=clock() - sent.at)
    return reply


class Broken:
    """The call *inner* to the upstream *label*; *rows* rule the failure of one that is not made."""

    __slots__ = ("_label", "_rows", "breakers", "inner", "name")

    def __init__(self, inner: Part, breakers: Breakers, label: str, rows: tuple[RowPlan, ...]) -> None:
        self.name = inner.name
        self.inner = inner
        self.breakers = breakers
        self._label = label
        self._rows = rows

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call, or fail it at once when the breaker is open."""
        now, breakers = frame.loop.time(), self.breakers
        breaker = breakers.only or breaker_for(breakers, frame.names, now)
        era = breaker.era if breaker.phase is CLOSED else breaker.enter(now)
        if era == REFUSED:
            error = refusal(breaker, self._label, now)
            done(failed(self.name, error, now, now, upstream=self._label, rows=self._rows, attempts=0))
            return None
        call = BreakerCall(breaker, era, frame.loop, done)
        ticket = self.inner.start(frame, call)
        if call.is_over:
            return None
        call.ticket = ticket
        return call


class BreakerCall(Struct, eq=False):
    """A call that began in *era* of *breaker*; it is told of the end.

    The time that counts is that since it was sent: it may have waited for its turn or for a place before.
    """

    breaker: Breaker
    era: int
    loop: asyncio.AbstractEventLoop
    done: Done
    is_over: bool = False
    ticket: Cancelable | None = None

    def __call__(self, result: Result) -> None:
        """Count the call, and pass *result* on."""
        self.is_over = True
        self.ticket = None  # which may know this object, and need not be found by the collector
        breaker, now = self.breaker, result.ended
        if result.cause is None and result.status not in breaker.plan.statuses:
            breaker.ended(self.era, now, failed=False, seconds=now - result.started)
        else:
            count(breaker, self.era, now, result)
        self.done(result)

    def cancel(self) -> None:
        """Cancel the call; after a cancelled probe the next call becomes the probe."""
        if not self.is_over:
            self.is_over = True
            self.breaker.given_up(self.era, self.loop.time())
            if self.ticket is not None:
                self.ticket.cancel()
