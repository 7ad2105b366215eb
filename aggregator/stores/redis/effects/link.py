"""The way by which scripts over durable effects are run at a server, if this program can read what it keeps.

    away ── a turn of deliveries connects ──▶ there ── a reply is late or an error, the connection breaks ──▶ away

While it is away everything fails at once, and each turn tries again.
"""

from __future__ import annotations

import logging
from hashlib import sha1
from typing import Any, Final

import msgspec

from aggregator.errors import StoreError
from aggregator.stores.redis.cluster import Cluster
from aggregator.stores.redis.effects.pieces import FORMAT
from aggregator.stores.redis.keeping import warnings_about
from aggregator.stores.redis.node import Command
from aggregator.stores.redis.ways import OneNode, Ways, good, open_way
from aggregator.stores.shared.plan import StorePlan
from aggregator.telemetry.logging import log

_LATE: Final = 2.0
"""Seconds that a reply may take: one that is written to a disk may wait for it."""
_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger("aggregator.effects")


class UnheardError(StoreError):
    """A script was handed over, and nothing was heard of it: nobody knows yet whether it was run."""


class Link:
    """The way to the effects at the place that *plan* names; *warns* where it may lose them."""

    def __init__(self, plan: StorePlan, *, warns: bool = True) -> None:
        self._warns = warns
        self.base = b"%be:{effects}:" % plan.prefix.encode()
        self.label, self._address = plan.address.label, plan.address
        late = max(_LATE, plan.timeout)
        is_cluster = plan.address.kind == "cluster"
        self._way: Ways = (Cluster if is_cluster else OneNode)(plan.address, late, self.lose)
        self._is_readable = False
        """Whether this program knows the form of what is kept there."""
        self._sent: set[bytes] = set()
        """Scripts that the server knows."""
        self._told: tuple[str, ...] = ()
        self.trouble: str | None = None
        """Why nothing can be written at the moment; None while it can."""

    @property
    def is_open(self) -> bool:
        """Whether something may be asked."""
        return self._way.is_open

    async def connect(self) -> None:
        """Connect; raises ``StoreError``, also where this program cannot read what is kept."""
        self._is_readable = False
        await open_way(self._way, self._address)
        self._sent.clear()
        try:
            await self._check_version()
        except StoreError:
            self._way.close()
            raise
        if self._warns:
            await self._warn()

    async def _warn(self) -> None:
        """Log the ways in which the server may lose effects, once for each change."""
        told = tuple([sentence async for sentence in warnings_about(self.ask)])
        if told != self._told:
            self._told = told
            for sentence in told:
                log(_log, logging.WARNING, sentence, store=self.label)

    async def _check_version(self) -> None:
        """Raise ``StoreError`` where this program cannot read what is kept: nothing may be asked then."""
        version = int(await self.ask(b"INCRBY", self.base + b"v", 0))
        if version > FORMAT:
            raise StoreError(f"its effects are of version {version}, and this program reads {FORMAT}")
        if version < FORMAT:
            await self.ask(b"SET", self.base + b"v", FORMAT)
        self._is_readable = True

    async def ask(self, *command: bytes | str | int | float) -> Any:
        """Return the reply to *command*; raises ``StoreError``."""
        return good(await self._way.send(self.base, command))

    async def run(self, script: bytes, *given: Any, raw: tuple[bytes, ...] = ()) -> Any:
        """Return the reply to *script*, given values that are packed, and *raw* ones, which Lua could not unpack.

        Raises ``StoreError``, and has trouble then: ``UnheardError`` where it may have been run.
        """
        values: Command = (1, self.base, _encode(given), *raw)
        try:
            if not self._is_readable:
                raise StoreError(self.trouble or "The store is not connected.")
            if script in self._sent:
                found = await self._heard((b"EVALSHA", sha1(script).hexdigest(), *values))  # noqa: S324
                if not (isinstance(found, Exception) and "NOSCRIPT" in f"{type(found).__name__} {found}".upper()):
                    return self._good(found)
            found = self._good(await self._heard((b"EVAL", script, *values)))
        except StoreError as error:
            self.lose(str(error))
            raise
        self._sent.add(script)
        return found

    async def _heard(self, command: Command) -> Any:
        """Return the reply to *command*; raises ``UnheardError`` once it has been handed over."""
        reply = self._way.send(self.base, command)
        try:
            return await reply
        except StoreError as error:
            raise UnheardError(str(error)) from None

    def _good(self, reply: Any) -> Any:
        found = good(reply)
        if self.trouble is not None:
            log(_log, logging.WARNING, "Durable effects can be written again.", store=self.label)
            self.trouble = None
        return found

    def lose(self, why: str) -> None:
        """Record, and log once, that effects cannot be written because of *why*."""
        if self.trouble is None:
            log(_log, logging.ERROR, "Durable effects cannot be written.", store=self.label, reason=why)
        self.trouble = why

    async def aclose(self) -> None:
        """Close the connection."""
        await self._way.aclose()
