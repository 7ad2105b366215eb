"""Bounded entry in order of arrival: so many inside, so many waiting, each for so long at most.

For clients whose own pools neither bound their queue nor survive a call that is cancelled in it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from aggregator.errors import Cause
from aggregator.transport.failures import crowded, late
from aggregator.transport.settings import PoolSettings


class Gate:
    """Lets ``max_connections`` calls in at once; every `enter` that returns is answered by one `leave`."""

    __slots__ = ("_limits", "_wait", "_waiting", "inside")

    def __init__(self, settings: PoolSettings) -> None:
        self._limits = settings.limits
        self._wait = settings.timeouts.pool
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self.inside = 0

    @property
    def waiting(self) -> int:
        """How many calls wait to get in."""
        return len(self._waiting)

    async def enter(self) -> None:
        """Get in, after those who came before. Raises CallError (QUEUE_FULL, QUEUE_TIMEOUT)."""
        limits = self._limits
        if self.inside < limits.max_connections:
            self.inside += 1
            return
        if len(self._waiting) >= limits.max_waiting:
            raise crowded(limits.retry_after)
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            async with asyncio.timeout(self._wait) as timeout:
                await turn
        except BaseException as error:
            self._give_up(turn)
            if timeout.expired() and isinstance(error, TimeoutError):
                raise late(Cause.QUEUE_TIMEOUT, limits.retry_after) from None
            raise

    def leave(self) -> None:
        """Make room for the call that has waited longest."""
        self.inside -= 1
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():  # a call that is being cancelled may still stand here
                self.inside += 1
                turn.set_result(None)
                return

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        self._waiting.pop(turn, None)
        if not turn.cancelled():  # it was let in, and cancelled before it could know
            self.leave()
