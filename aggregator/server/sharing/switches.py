"""Switches that all machines share: each process has a copy of the table, and the store has one that outlives them.

Copies are merged by the times of their changes, so that it does not matter who writes first, who was away meanwhile,
or whether the store has lost its copy. Whoever changes its own writes it, then has the others look.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from msgspec import Struct

from aggregator.policies.switches.table import Change, Changes, Target
from aggregator.server.generations.switching import Switching
from aggregator.stores.contract import Store
from aggregator.stores.shared.channel import Subscriber
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.telemetry.lately import log_change
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.stores")
SWITCHES = b"switches"
"""The name of the channel, of the value, and of the lock."""
_LIFETIME = 10 * 365 * 86_400.0
_LOCKED = 5.0
"""Seconds for which a process may write; another one writes with its next beat."""


class _Table(Struct, array_like=True, frozen=True):
    version: int
    changes: tuple[tuple[Target, Change], ...]


_decoder = msgspec.msgpack.Decoder(_Table)
_encoder = msgspec.msgpack.Encoder()


class SharedSwitches:
    """The copy that *switching* has, and the one of *store*."""

    def __init__(self, switching: Switching, store: ConnectedStore) -> None:
        self._switching = switching
        self._store = store
        self._alike: tuple[bytes | None, int] = (None, -1)
        """Two copies that are known to be alike: that of the store, and the version of this one."""
        self._told = False
        store.subscribe(SWITCHES, Subscriber(lambda _: store.look(), lambda: None))
        store.follow(self._level)

    async def _level(self, store: Store) -> None:
        """Merge the changes of others, and write those they do not know. Raises ``StoreError``."""
        self._switching.catch_up()
        kept = await store.get(SWITCHES)
        if (kept, self._switching.table.version) == self._alike:
            return
        theirs = self._read(kept)
        if theirs is None:
            return
        self._merge(theirs)
        if self._has_news_for(theirs):
            await self._write(store)
        else:
            self._alike = kept, self._switching.table.version

    def _merge(self, theirs: Changes) -> None:
        before = self._switching.off()
        if self._switching.merge(theirs):
            self._switching.taken()
            if (off := self._switching.off()) != before:
                log_change(_log, logging.WARNING, "Other machines have changed what is switched off.", targets=off)

    def _has_news_for(self, theirs: Changes) -> bool:
        return any(
            target not in theirs or theirs[target].at < change.at
            for target, change in self._switching.changes().items()
        )

    async def _write(self, store: Store) -> None:
        """Write both copies as one, and have the others look; with the next beat if somebody else writes."""
        lock = await store.lock(SWITCHES, _LOCKED)
        if lock is None:
            return
        theirs = self._read(await store.get(SWITCHES))
        if theirs is not None:
            self._merge(theirs)
            whole = _encoder.encode(_Table(1, tuple(self._switching.changes().items())))
            version = self._switching.table.version  # an operator may order something while it is written
            await store.put(SWITCHES, whole, _LIFETIME)
            self._alike = whole, version
        await store.unlock(lock)
        self._store.tell(SWITCHES, b"")

    def _read(self, kept: bytes | None) -> Changes | None:
        """Return the changes of a copy; None for one of another version, which is left as it is."""
        if kept is None:
            return {}
        try:
            found: Any = _decoder.decode(kept)
        except msgspec.MsgspecError:
            found = None
        if found is not None and found.version == 1:
            return dict(found.changes)
        if not self._told:
            self._told = True
            log(_log, logging.ERROR, "The switches in the store are those of another version; they are left alone.")
        return None
