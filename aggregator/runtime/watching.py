"""Notices that a client has gone while its answer is being made, at no cost for answers that are quick."""

from __future__ import annotations

import asyncio

from aggregator.runtime.body import ClientGone, Receive

PATIENCE = 0.05
"""Seconds before anybody looks: most answers are gone by then, and need no watcher."""


class Watch:
    """Fails *done* with ``ClientGone`` when *receive* tells of a disconnect."""

    __slots__ = ("_done", "_receive", "_task", "_timer")

    def __init__(self, receive: Receive, done: asyncio.Future[None], loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._done = done
        self._task: asyncio.Task[None] | None = None
        self._timer = loop.call_later(PATIENCE, self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._done.done():
            self._task = loop.create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._done.done():
            self._done.set_exception(ClientGone("The client hung up."))

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
