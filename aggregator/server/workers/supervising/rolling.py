"""Workers that are replaced one after another, so that all but one serve meanwhile.

idle       nobody waits
rolling    the first one that waits is relieved; the next one follows once another worker serves in its place
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from aggregator.server.process.serving import tell_end
from aggregator.server.workers.supervising.member import Member


class Rolling:
    """The workers that wait to be replaced. Has to be made inside of a running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Member] = deque()
        self._task: asyncio.Task[None] | None = None

    def replace(self, members: Iterable[Member]) -> None:
        """Replace *members* one after the other, after those already waiting."""
        self._waiting.extend(one for one in members if one not in self._waiting)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._roll())
            self._task.add_done_callback(tell_end)

    async def _roll(self) -> None:
        while self._waiting:
            member = self._waiting.popleft()
            member.relieved.set()
            await asyncio.wait((member.told, member.ended), return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Stop replacing workers."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
