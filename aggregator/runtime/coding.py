"""Threads for bodies that take more than a few milliseconds to be read, judged, written or compressed.

Two of them: the interpreter runs one at a time anyway, and a second lets short work pass long work. They are no part of
the executor of the event loop, where addresses are looked up.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, TypeVar

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.runtime.jobs import Busy, Outcome, tell_nobody
from aggregator.runtime.threads import Threads
from aggregator.transport.door import Cancelable

MOST_WAITING = 1024
"""Bodies that wait for a thread; what comes then is refused at once, as is what could not be done in its time."""
LARGE = 64 * 1024
"""Bytes of JSON beyond which a thread works on it."""
_THREADS = 2
_log = logging.getLogger("aggregator.server")
CODING = Threads(_THREADS, name="coding", waiting=MOST_WAITING)
MOST_JUDGED = 4096
"""Uses of replies that are there which wait for a thread; what comes then is judged in the loop."""
JUDGING = Threads(1, name="judging", waiting=MOST_JUDGED)
"""Of its own, so that many who want what is there take no place of a body that comes."""
LATE = "The time was over before the body was read."

_Value = TypeVar("_Value")


async def aside(work: Callable[[], _Value], deadline: float = math.inf, *, under_way: bool = True) -> _Value:
    """Return what *work* gives, in a thread; raises what it raises, and ``CallError`` when too much waits.

    It is also raised when the work could not end by *deadline* (loop time). Work for requests that are *under_way*, for
    which an upstream has answered, goes first.
    """
    try:
        made: _Value = given(await CODING.run(_call, work, "", deadline, under_way=under_way))
    except Busy:
        raise _busy() from None
    return made


def _call(work: Callable[[], Any]) -> Any:
    return work()


def _busy() -> CallError:
    return CallError(Cause.QUEUE_FULL, "Too many bodies wait to be read or written.")


def given(outcome: Outcome) -> Any:
    """Return the value of *outcome*, or raise what was raised; a fault of ours as a ``CallError``, with a log line."""
    value, error = outcome
    if error is None:
        return value
    try:
        raise _told_of(error)
    finally:
        del error, outcome  # which would hold this frame, and this frame them


def _told_of(error: BaseException) -> AggregatorError:
    if isinstance(error, Busy):
        return _busy()
    if isinstance(error, AggregatorError):
        return error
    _log.error("A body could not be read or written by a fault of the program: %r", error, exc_info=error)
    return CallError(Cause.FAULT, "The server made a mistake; its log tells more.")


class Aside:
    """One piece of *work* in a thread, with a time limit; *done* is called once, unless it is cancelled.

    Raises ``Busy`` when the work could not end by *latest* (loop time).

    States: *under way* (the job waits or runs, the timer is set), *over* (both are done with).
    """

    __slots__ = ("_done", "_job", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Any],
        done: Callable[[Outcome], None],
        deadline: float,
        threads: Threads,
        *,
        latest: float = math.inf,
        under_way: bool = True,
    ) -> None:
        self._done = done
        self._job: Cancelable = threads.start(work, self._ended, "", latest, under_way=under_way)
        self._timer = loop.call_at(deadline, self._late)

    def _ended(self, outcome: Outcome) -> None:
        self._timer.cancel()
        self._tell(outcome)

    def _late(self) -> None:
        self._job.cancel()
        self._tell((None, CallError(Cause.DEADLINE, LATE)))

    def _tell(self, outcome: Outcome) -> None:
        done, self._done = self._done, tell_nobody  # who is told may hold this
        done(outcome)

    def cancel(self) -> None:
        """Cancel: *done* is not called any more."""
        self._timer.cancel()
        self._job.cancel()
        self._done = tell_nobody


def read_aside(
    loop: asyncio.AbstractEventLoop, work: Callable[[], Any], done: Callable[[Outcome], None], deadline: float,
    *, under_way: bool = True,
) -> Cancelable | None:  # fmt: skip
    """Do *work* in a thread until *deadline* (loop time); *done* is called once, at once when too much work waits.

    Work for requests *under_way* goes first.
    """
    try:
        return Aside(loop, work, done, deadline, CODING, latest=deadline, under_way=under_way)
    except Busy:
        done((None, _busy()))
        return None
