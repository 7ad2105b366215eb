"""The use of all quotas of a process: kept over reloads, and over restarts where `state` is declared."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakSet

from msgspec import Struct

from aggregator.policies.rate_limit.building import QUOTAS
from aggregator.policies.registry import Registry
from aggregator.stores.folder import StateFolder
from aggregator.stores.kept import Kept
from aggregator.stores.used import Used


class KeptQuota(Struct):
    """The use of the quota *name*, by key, in the period from *start* to *end* (Unix times)."""

    name: str
    start: float
    end: float
    counts: dict[bytes, int]


class Ledger:
    """The quotas among *states*. One that no endpoint has any more is kept to the end of its period."""

    def __init__(self, states: Registry, clock: Callable[[], float]) -> None:
        self._states = states
        self._clock = clock
        self._held: dict[str, Used] = {}
        self._followed: WeakSet[Used] = WeakSet()
        self._read: dict[str, KeptQuota] = {}
        self._kept: Kept[list[KeptQuota]] | None = None

    def remember(self, folder: StateFolder) -> None:
        """Load the counts from *folder*, and save changes there from now on. Raises ``StartupError``."""
        self._kept = Kept(folder, "quotas", list[KeptQuota], self._snapshot)
        self._read = {one.name: one for one in self._kept.load() or []}

    async def aclose(self) -> None:
        """Save what is not saved yet."""
        if self._kept is not None:
            await self._kept.aclose()
            self._kept = None

    def follow(self) -> None:
        """Follow the quotas of the generation that now serves."""
        self._held |= self._states.each(QUOTAS)
        now = self._clock()
        self._held = {name: used for name, used in self._held.items() if now < used.period.end}
        for name, used in self._states.each(QUOTAS).items():
            if used not in self._followed:
                self._followed.add(used)
                self._restore(name, used)
            used.changed = None if self._kept is None else self._kept.changed

    def _restore(self, name: str, used: Used) -> None:
        read = self._read.pop(name, None)
        if read is not None and (read.start, read.end) == used.period:
            used.restore(read.counts)

    def _snapshot(self) -> list[KeptQuota]:
        """Return what is written: quotas in use, and those read that no endpoint has had, while their period lasts.

        The counts are copied as they are, since requests wait meanwhile; a thread turns them into text.
        """
        now = self._clock()
        found = [one for one in self._read.values() if now < one.end]
        for name, used in sorted(self._states.each(QUOTAS).items()):
            counts = dict(used.counts())
            if counts:
                found.append(KeptQuota(name, used.period.start, used.period.end, counts))
        return found
