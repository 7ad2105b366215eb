"""Messages of channels, over a connection of their own that is opened again when it breaks.

What is published while it is broken is not heard: who needs all of it keeps it as a value, too.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from typing import Any

from aggregator.errors import StoreError
from aggregator.stores.contract import Heard
from aggregator.stores.redis.connecting import connections, to_host
from aggregator.stores.redis.node import CONNECT, Connection
from aggregator.stores.shared.address import StoreAddress

_PAUSE, _LONGEST = 0.1, 5.0
"""Seconds between two attempts to listen again, at first and at most; once something came it is the first again."""


class Listening:
    """The subscriptions at *address*; of a cluster each node has the messages of all: after one the next is asked."""

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self._heard: dict[bytes, dict[object, Heard]] = {}
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._pause = _PAUSE
        self._confirmed: dict[bytes, asyncio.Future[None]] = {}
        self._ending: asyncio.Task[None] | None = None

    async def add(self, channel: bytes, heard: Heard) -> Callable[[], None]:
        """Pass the messages of *channel* to *heard* from now on; raise ``StoreError`` if that is not possible yet.

        It gets them all the same, once the store can be reached.
        """
        mark = object()
        known = channel in self._heard
        self._heard.setdefault(channel, {})[mark] = heard
        if not known or channel in self._confirmed:
            await self._confirm(channel)
        return lambda: self._end(channel, mark)

    async def _confirm(self, channel: bytes) -> None:
        loop = asyncio.get_running_loop()
        confirmed = self._confirmed.setdefault(channel, loop.create_future())
        if self._task is None:
            self._task = loop.create_task(self._keep())
        elif self._connection is not None:
            await self._say(self._connection, b"SUBSCRIBE", channel)
        try:
            async with asyncio.timeout(CONNECT):
                await asyncio.shield(confirmed)
        except TimeoutError:
            raise StoreError("The store does not confirm that it is listened to.") from None

    def _end(self, channel: bytes, mark: object) -> None:
        listening = self._heard.get(channel, {})
        listening.pop(mark, None)
        if not listening and self._heard.pop(channel, None) is not None and self._connection is not None:
            say = self._say(self._connection, b"UNSUBSCRIBE", channel)
            self._ending = asyncio.get_running_loop().create_task(say)

    async def _say(self, connection: Connection, *command: bytes) -> None:
        try:
            await connection.send_packed_command(connection.pack_commands([command]), check_health=False)
        except Exception:  # the reader finds it broken, too, and listens anew
            return

    async def _keep(self) -> None:
        """Listen, and again after a pause when that broke."""
        places = cycle(_places(self._address))
        while True:
            with suppress(Exception):
                await self._hear(next(places)())
            pause, self._pause = self._pause, min(_LONGEST, 2 * self._pause)
            await asyncio.sleep(pause)

    async def _hear(self, connection: Connection) -> None:
        """Open *connection*, and hand out messages until it breaks."""
        try:
            async with asyncio.timeout(CONNECT):
                await connection.connect()
            self._connection = connection
            if self._heard:
                await self._say(connection, b"SUBSCRIBE", *self._heard)
            while True:
                self._take(await connection.read_response(timeout=math.inf))
        finally:
            self._connection = None
            await connection.disconnect(nowait=True)

    def _take(self, said: Any) -> None:
        kind, channel, *rest = said
        self._pause = _PAUSE
        if kind == b"message":
            for heard in tuple(self._heard.get(channel, {}).values()):
                heard(rest[0])
        elif kind == b"subscribe":
            confirmed = self._confirmed.pop(channel, None)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)

    async def aclose(self) -> None:
        """End all subscriptions."""
        task, self._task = self._task, None
        self._heard.clear()
        for confirmed in self._confirmed.values():
            confirmed.cancel()
        self._confirmed.clear()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _places(address: StoreAddress) -> list[Callable[[], Connection]]:
    """Return what makes connections to each place at *address* that has the messages."""
    if address.kind == "cluster":
        return [to_host(address, host, port) for host, port in address.hosts]
    return [connections(address)]
