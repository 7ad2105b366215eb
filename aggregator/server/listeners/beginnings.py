"""The steps of connections before their protocol takes over: bounded in number and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

MOST = 1000
"""Beginnings at the same time; one more, and the oldest is given up: who is slow cannot keep others out."""
SECONDS = 10.0
"""What one may take."""

_Begun = TypeVar("_Begun")
MakeProtocol = Callable[..., asyncio.Protocol]
"""Makes the protocol of a connection; it may be given the client, a host and a port, that a proxy named."""


class Stopped(Exception):  # noqa: N818 - it is no fault of anybody
    """The server stops: nothing is to be told of this connection."""


class Beginnings:
    """Some that are under way. States of one: under way; through, given up for a newer one, too late, or stopped."""

    def __init__(self) -> None:
        self.under_way: dict[asyncio.Task[object], None] = {}
        self._stops = False

    def stop(self) -> None:
        """Cancel those under way."""
        self._stops = True
        for task in self.under_way:
            task.cancel()

    async def within(self, beginning: Coroutine[object, object, _Begun]) -> _Begun:
        """Return what *beginning* comes to.

        Raises ``OSError`` with the reason when it fails or has to be given up, `Stopped` when the server stops.
        """
        task = asyncio.current_task()
        assert task is not None
        self.under_way[task] = None
        if len(self.under_way) > MOST:
            oldest = next(iter(self.under_way))
            del self.under_way[oldest]  # at once: several may begin before its end has its turn
            oldest.cancel()
        try:
            async with asyncio.timeout(SECONDS):
                return await beginning
        except TimeoutError:
            raise TimeoutError(f"it took more than {SECONDS:g} s") from None
        except asyncio.CancelledError:
            if self._stops:
                raise Stopped from None
            raise ConnectionAbortedError(f"more than {MOST} were under way") from None
        finally:
            self.under_way.pop(task, None)
