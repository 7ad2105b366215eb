"""Bounded entry: so many inside, so many waiting, each for so long at most; the rules of `WaitingLine`.

For clients whose own pools neither bound their queue nor survive a call that is cancelled in it.
"""

from __future__ import annotations

import asyncio
import math

from aggregator.errors import Cause
from aggregator.transport.failures import crowded, late, waited_in_vain
from aggregator.transport.settings import PoolSettings
from aggregator.transport.waiting import WaitingLine


class _Turn:
    """A call that waits; *let_in* tells whether it may come in, or is not worth it any more."""

    __slots__ = ("deadline", "let_in", "started", "steps", "under_way", "waits_until")

    def __init__(self, now: float, deadline: float, wait: float | None, steps: int, under_way: bool) -> None:
        self.started = now
        self.deadline = deadline
        self.waits_until = math.inf if wait is None else now + wait
        self.steps = steps
        self.under_way = under_way
        self.let_in: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class Gate:
    """A limit of *places* calls at once; every `enter` that returns is answered by one `leave`."""

    __slots__ = ("_limits", "_line", "_loop", "_places", "_wait", "inside")

    def __init__(self, settings: PoolSettings, places: int | None = None) -> None:
        self._limits = settings.limits
        self._places = settings.limits.max_connections if places is None else places
        self._wait = settings.timeouts.pool
        self._loop = asyncio.get_running_loop()
        self._line: WaitingLine[_Turn] = WaitingLine(self._places, settings.limits.max_waiting, _send_away)
        self.inside = 0

    @property
    def waiting(self) -> int:
        """The number of calls that wait."""
        return len(self._line)

    async def enter(
        self, deadline: float = math.inf, *, wait: float | None = None, steps: int = 0, under_way: bool = False
    ) -> None:
        """Get in, after those who came before. Raises CallError (QUEUE_FULL, QUEUE_TIMEOUT, DEADLINE).

        *deadline* is the call's, in loop time; *wait* seconds is the longest wait if the settings say none;
        *steps* and *under_way* are as in `Door.start`.
        """
        if self.inside < self._places:
            self.inside += 1
            return
        now = self._loop.time()
        limit = wait if self._wait is None else self._wait
        turn = _Turn(now, deadline, limit, steps, under_way)
        if not self._line.join(turn, now):
            raise crowded(self._limits.retry_after)
        try:
            async with asyncio.timeout(limit) as timeout:
                if not await turn.let_in:
                    raise waited_in_vain(deadline, self._limits.retry_after)
        except BaseException as error:
            self._give_up(turn)
            if timeout.expired() and isinstance(error, TimeoutError):
                raise late(Cause.QUEUE_TIMEOUT, self._limits.retry_after) from None
            raise

    def leave(self, took: float | None = None) -> None:
        """Make room for the next who waits; a whole call was inside for *took* seconds."""
        if took is not None:
            self._line.observe(took)
        self.inside -= 1
        while (turn := self._line.take(self._loop.time())) is not None:
            if not turn.let_in.done():  # a call that is being cancelled may still stand here
                self.inside += 1
                turn.let_in.set_result(True)
                return

    def _give_up(self, turn: _Turn) -> None:
        self._line.leave(turn)
        if turn.let_in.done() and not turn.let_in.cancelled() and turn.let_in.result():
            self.leave()  # it was let in, and cancelled before it could know


def _send_away(turn: _Turn) -> None:
    if not turn.let_in.done():
        turn.let_in.set_result(False)
