"""Notices that a client has gone while its answer is being made, so that nothing more is done for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aggregator.runtime.answers.replying import Receive
from aggregator.runtime.request.body import ClientGone

CUT = "aggregator.cut"
"""The name in the scope of why the server cut the connection itself, where it is not the client that hung up."""

T = TypeVar("T")
PATIENCE = 0.05
"""Seconds before anybody looks: most answers are gone by then, and need no watcher."""


class Watch:
    """Resolves *done* to true when *receive* tells of a disconnect; costs answers that are quick nothing.

    An exception in *done* would keep the frames that wait for it, and they *done*, until the collector runs.
    """

    __slots__ = ("_done", "_receive", "_task", "_timer")

    def __init__(self, receive: Receive, done: asyncio.Future[bool], loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._done = done
        self._task: asyncio.Task[None] | None = None
        self._timer = loop.call_later(PATIENCE, self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._done.done():
            self._task = loop.create_task(self._look())

    async def _look(self) -> None:
        await disconnect(self._receive)
        if not self._done.done():
            self._done.set_result(True)

    def stop(self) -> None:
        """Stop watching."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            self._task = None  # its cancellation will hold the frame of ``_look``, and that frame this


async def done_unless_gone(done: asyncio.Future[bool], receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
    """Wait for *done*; raise ``ClientGone`` when the client hangs up first."""
    watch = Watch(receive, done, loop)
    try:
        if await done:
            raise ClientGone("The client hung up.")
    finally:
        watch.stop()


async def unless_gone(work: Coroutine[Any, Any, T], receive: Receive, read: asyncio.Event) -> T:
    """Return what *work* gives, or end it and raise ``ClientGone`` when the client hangs up first.

    *read* is set once *work* has taken the request body from *receive*, which is not touched until then.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_after(read, receive))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone("The client hung up.")
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _after(read: asyncio.Event, receive: Receive) -> None:
    await read.wait()
    await disconnect(receive)


async def disconnect(receive: Receive) -> None:
    """Return once the client has hung up; what else *receive* gives is passed over."""
    while (await receive())["type"] != "http.disconnect":
        pass
