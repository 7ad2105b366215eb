"""Answers by idempotency key in a server that machines share.

    away ── an operation connects ──▶ there ── a reply is late, the connection breaks ──▶ away

While it is away one operation a second tries to connect, and others fail with it or at once: whether a request was
answered before cannot be told then, so that none is answered twice.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import Any, Final

from aggregator.errors import StoreError
from aggregator.stores.answers.table import Bounds, Held
from aggregator.stores.redis.answers import scripts
from aggregator.stores.redis.answers.doubts import Doubts
from aggregator.stores.redis.cluster import Cluster
from aggregator.stores.redis.keeping import ANSWERS, warnings_about
from aggregator.stores.redis.ways import OneNode, Send, Ways, good, open_way
from aggregator.stores.shared.plan import StorePlan
from aggregator.telemetry.logging import log

_LATE: Final = 1.0
"""Seconds that a reply may take, at least: one that is written to a disk may wait for it."""
_PAUSE: Final = 1.0
"""Seconds between two attempts to connect."""
_PAGE: Final = 500
"""Keys of a subject that are forgotten at once."""
_log = logging.getLogger("aggregator.idempotency")


class AnswersInRedis:
    """Answers in the store that *plan* names; *warns* is set where this process writes, and logs what may be lost."""

    def __init__(self, plan: StorePlan, *, warns: bool = True) -> None:
        self._warns = warns
        self._beginning: asyncio.Task[None] | None = None
        self._warned: tuple[str, ...] = ()
        self._prefix = plan.prefix.encode()
        self._label, self._address = plan.address.label, plan.address
        is_cluster = plan.address.kind == "cluster"
        self._way: Ways = (Cluster if is_cluster else OneNode)(plan.address, max(_LATE, plan.timeout), self._lose)
        self._due = 0.0
        self._connecting = asyncio.Lock()
        self._is_told = False
        self._doubts = Doubts(self._give_back)

    def begin(self) -> None:
        """Connect beside everything else, so that the log tells at the start what is wrong with the server."""
        self._beginning = asyncio.create_task(self._begin())

    async def _begin(self) -> None:
        with suppress(StoreError):
            await self._connect()

    async def claim(self, key: bytes, request: bytes, lifetime: float, subject: bytes | None = None) -> Held | int:
        """Return a token for the one who may make the answer of *key* for *lifetime*, or what is there."""
        name, token = self._name(b"i", key), secrets.randbits(62)
        await self._doubts.settle(name)
        try:
            await self._note(subject, name, lifetime)
            found = await self._run(scripts.CLAIM, name, request, _ms(lifetime), subject or b"", token)
        except StoreError as error:
            self._tell_lost(str(error))
            self._doubts.add(name, token)
            raise
        if found == 1:
            self._tell_kept()
        return Held(found[0], found[2] if len(found) > 2 else None, max(0, found[1]) / 1000) if found != 1 else token

    async def keep(
        self, key: bytes, token: int, value: bytes, lifetime: float, bounds: Bounds, subject: bytes | None = None
    ) -> int:  # fmt: skip
        """Keep *value* for *lifetime*, unless the claim of *token* is over; none has to go for it: keys expire.

        One that is larger than all of *bounds* may be is not kept.
        """
        name = self._name(b"i", key)
        if len(value) > bounds.size:
            await self.release(key, token)
        else:
            await self._note(subject, name, lifetime)  # before it is kept: what is kept can be forgotten
            await self._run(scripts.KEEP, name, token, value, _ms(lifetime))
        return 0

    async def _note(self, subject: bytes | None, name: bytes, lifetime: float) -> None:
        """Find *name* by *subject* for its *lifetime*."""
        if subject is not None:
            await self._run(scripts.NOTE, self._name(b"iz", subject), name, _ms(lifetime))

    async def release(self, key: bytes, token: int) -> None:
        """Release the claim of *token*. Raises ``StoreError`` when the store is away; it is released later then."""
        name = self._name(b"i", key)
        try:
            await self._give_back(name, token)
        except StoreError:
            self._doubts.add(name, token)
            raise

    async def _give_back(self, name: bytes, token: int) -> None:
        await self._run(scripts.RELEASE, name, token)

    async def forget(self, subject: bytes) -> int:
        """Forget all answers of *subject*, and those that are being made for it; return how many there were."""
        name, count, cursor = self._name(b"iz", subject), 0, b"0"
        while True:
            cursor, page = await self._ask(name, b"ZSCAN", name, cursor, b"COUNT", _PAGE)
            for start in range(0, len(page), 2 * _PAGE):  # a small set comes whole, whatever its page
                count += await self._forget_page(subject, name, page[start : start + 2 * _PAGE])
            if cursor == b"0":
                return count

    async def _forget_page(self, subject: bytes, name: bytes, noted: list[bytes]) -> int:
        """Forget the keys of *noted*, a key and its score in turn; return how many were of *subject*."""
        keys = noted[::2]
        counts = await asyncio.gather(*(self._run(scripts.FORGET, key, subject) for key in keys))
        over = [noted[2 * at + each] for at, count in enumerate(counts) if count for each in (0, 1)]
        if over:
            await self._run(scripts.UNNOTE, name, *over)
        return sum(counts)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._beginning is not None:
            self._beginning.cancel()
            await asyncio.gather(self._beginning, return_exceptions=True)
        await self._doubts.aclose()
        await self._way.aclose()

    def _name(self, kind: bytes, key: bytes) -> bytes:
        return b"%b%b:%b" % (self._prefix, kind, key.hex().encode())

    async def _run(self, script: bytes, key: bytes, *values: bytes | int) -> Any:
        return await self._ask(key, b"EVAL", script, 1, key, *values)

    async def _ask(self, key: bytes, *command: bytes | int) -> Any:
        if not self._way.is_open:
            await self._connect()
        return good(await self._way.send(key, command))

    async def _connect(self) -> None:
        """Connect, unless that was tried just now; raises ``StoreError``."""
        async with self._connecting:
            if self._way.is_open:
                return
            loop = asyncio.get_running_loop()
            if loop.time() < self._due:
                raise StoreError("The store is away.")
            try:
                await open_way(self._way, self._address)
            except StoreError as error:
                self._due = loop.time() + _PAUSE
                self._lose(str(error))
                raise
            self._tell_kept()
            if self._warns:
                await self._warn()

    async def _warn(self) -> None:
        """Log the ways in which each server may lose answers, once for each change."""
        found: dict[str, None] = {}
        for send in self._way.servers():

            async def ask(*command: bytes, send: Send = send) -> Any:
                return good(await send(command))

            found.update({sentence: None async for sentence in warnings_about(ask, ANSWERS)})
        if tuple(found) != self._warned:
            self._warned = tuple(found)
            for sentence in found:
                log(_log, logging.WARNING, sentence, store=self._label)

    def _lose(self, why: str) -> None:
        self._way.close()
        self._tell_lost(why)

    def _tell_kept(self) -> None:
        if self._is_told:
            self._is_told = False
            log(_log, logging.WARNING, "Answers by idempotency key can be written again.", store=self._label)

    def _tell_lost(self, why: str) -> None:
        """Log once that the server has gone, or refuses writes, as a full one does."""
        if not self._is_told:
            self._is_told = True
            log(_log, logging.ERROR, "Answers by idempotency key cannot be written.", store=self._label, reason=why)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
