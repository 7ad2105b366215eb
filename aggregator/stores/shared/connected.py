"""A store that processes share, and that may be away.

    away     operations fail at once, and whoever asks decides alone; `_keep` connects again, after pauses that grow
    there    operations go to the store. The first one that fails, or takes too long, makes it away: so a store that is
             frozen costs one timeout, and not one for each request

It is told in the log when it goes and when it comes back; how many processes there are is asked for while it is there,
and so is what was told on channels.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from secrets import token_bytes
from typing import Any, Protocol

from aggregator.errors import StoreError, place_of
from aggregator.stores.contract import Store
from aggregator.stores.rate import Taken
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.channel import Channel, Subscriber
from aggregator.stores.shared.level import Level
from aggregator.telemetry.lately import log_change
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.stores")
BEAT, LIFETIME = 2.0, 10.0
"""Seconds between two times at which a process tells that it is there, and for how long that counts."""
_PAUSE, _LONGEST = 0.05, 1.0
"""Seconds between two attempts to connect, at first and at most."""
_AWAY = "The store is away."
_STEADY = 10.0
"""A store that was there for so many seconds has no more to prove when it goes again."""


class Backend(Store, Protocol):
    """A store behind a connection."""

    async def connect(self) -> None:
        """Open the connection; raise ``StoreError`` that says why that fails."""

    def close(self) -> None:
        """Close it; what waits fails."""

    def begin_take(self, asks: Sequence[Ask], told: Callable[[Sequence[Taken] | StoreError], None]) -> None:
        """Start ``take_all``; *told* gets the outcome or the error, once.

        It may be called before this returns, else from where replies are read; raise ``StoreError`` for what cannot be
        asked.
        """


class ConnectedStore:
    """The store that *make* returns for a listener to lost connections; *label* is its address, for logs."""

    def __init__(self, make: Callable[[Callable[[str], None]], Backend], label: str) -> None:
        self.label = label
        self.store = make(self.lose)
        self.processes = 1
        """How many there were when they were last counted."""
        self.is_there = False
        self.reason = ""
        """Why it is away."""
        self.losses = self.alone = 0
        """How often it was lost, and how many decisions were made without it."""
        self._process = b"%d-%b" % (os.getpid(), token_bytes(6).hex().encode())
        self._channels: dict[bytes, Channel] = {}
        self._levels: list[Callable[[Store], Awaitable[None]]] = []
        self._telling: set[asyncio.Task[None]] = set()
        self._listening: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._since = 0.0
        self._is_told = False
        self.level = Level(self)
        """What processes keep for each other."""
        self.follow(self.level.catch_up)

    def subscribe(self, name: bytes, subscriber: Subscriber) -> None:
        """Subscribe to messages of other processes on the channel *name*; must be called before ``open``."""
        channel = self._channels[name] = Channel(name, self._process, subscriber, self.look)
        self.follow(channel.level)

    def follow(self, level: Callable[[Store], Awaitable[None]]) -> None:
        """Call *level* when the store is back and with each beat, to compare; must be called before ``open``.

        It may raise ``StoreError``.
        """
        self._levels.append(level)

    def look(self) -> None:
        """Call all followers now."""
        self._woken.set()

    def tell(self, name: bytes, message: bytes) -> None:
        """Send *message* to all other processes on the channel *name*: now, or when the store is back."""
        channel = self._channels[name]
        channel.add(message)
        if self.is_there and not self._telling:
            self._keep_task(self._telling, self._tell())

    async def _tell(self) -> None:
        """Send all queued messages."""
        try:
            while any(channel.has_more for channel in self._channels.values()):
                for channel in self._channels.values():
                    await channel.tell(self.store)
        except StoreError as error:
            self.lose(str(error))

    def _keep_task(self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _listen(self, channel: Channel) -> None:
        with suppress(StoreError):  # it is listened to later
            await channel.listen(self.store)

    async def open(self) -> None:
        """Connect; return when that was tried once. A store that is away is told, and tried again."""
        tried = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep(tried))
        for channel in self._channels.values():
            self._keep_task(self._listening, self._listen(channel))
        await tried.wait()

    async def take_all(self, asks: Sequence[Ask]) -> Sequence[Taken]:
        """Take what *asks* ask for, all that is binding or nothing. Raises ``StoreError`` while the store is away."""
        if not self.is_there:
            raise StoreError(_AWAY)
        try:
            return await self.store.take_all(asks)
        except StoreError as error:
            self.lose(str(error))
            raise

    async def give_back(self, ask: Ask) -> None:
        """Put back what *ask* has taken; what cannot be put back now is lost."""
        if not self.is_there:
            return
        try:
            await self.store.give_back(ask)
        except StoreError as error:
            self.lose(str(error))

    async def forget(self, ask: Ask) -> None:
        """Reset the count of *ask*. Raises ``StoreError`` while the store is away."""
        if not self.is_there:
            raise StoreError(_AWAY)
        try:
            await self.store.forget(ask)
        except StoreError as error:
            self.lose(str(error))
            raise

    def lose(self, why: str) -> None:
        """Treat the store as away, because of *why*, until it answers in time again."""
        if not self.is_there:
            return
        self.is_there = False
        self.losses += 1
        self._tell_away(why)
        self.store.close()
        self._woken.set()

    def _tell_away(self, why: str) -> None:
        self.reason = why
        if not self._is_told:
            self._is_told = True
            self._since = asyncio.get_running_loop().time()
            log_change(_log, logging.ERROR, "The shared store is away; each process grants its share.",
                store=self.label, reason=why, processes=self.processes)  # fmt: skip

    async def _keep(self, tried: asyncio.Event) -> None:
        pause, clock = _PAUSE, asyncio.get_running_loop().time
        while True:
            self._woken.clear()
            begun = clock()
            await self.come()
            tried.set()
            while self.is_there:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):  # wait_for of 3.11 may lose that the task is cancelled
                        await self._woken.wait()
                self._woken.clear()
                if self.is_there:
                    await self.beat()
            pause = _PAUSE if clock() - begun > _STEADY else min(_LONGEST, 2 * pause)
            await asyncio.sleep(pause)

    async def come(self) -> None:
        """Connect, and see whether an operation that writes is answered in time."""
        try:
            await self.store.connect()
            await self._ask()
        except StoreError as error:
            self.store.close()
            self._tell_away(str(error))
            return
        self.is_there = True
        if self._is_told:
            seconds = round(asyncio.get_running_loop().time() - self._since, 3)
            log_change(_log, logging.INFO, "The shared store is there again.", store=self.label, seconds=seconds)
        self._is_told, self.reason = False, ""
        if not self._telling:
            self._keep_task(self._telling, self._tell())

    async def _ask(self) -> None:
        """Ask how many processes there are, and for what others have done; raise ``StoreError``."""
        self.processes = await self.store.seen(self._process, LIFETIME)
        for level in self._levels:
            try:
                await level(self.store)
            except StoreError:
                raise
            except Exception as error:  # a fault of ours must not end the way to the store
                log(_log, logging.ERROR, "What others have done is not known, by a fault of the program.",
                    error=place_of(error))  # fmt: skip

    async def beat(self) -> None:
        """Ask as at each interval; a store that does not answer is lost."""
        try:
            await self._ask()
        except StoreError as error:
            self.lose(str(error))

    def describe(self) -> dict[str, Any]:
        """Return what is known of it, for operators."""
        away = {} if self.is_there else {"reason": self.reason}
        return {
            "address": self.label,
            "state": "there" if self.is_there else "away",
            **away,
            "processes": self.processes,
            "losses": self.losses,
            "decided_alone": self.alone,
        }

    async def aclose(self) -> None:
        """Close the store."""
        if self._task is not None:
            tasks = [self._task, *self._telling, *self._listening]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._task = None
        self.is_there = False
        await self.level.aclose()
        await self.store.aclose()
