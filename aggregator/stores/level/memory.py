"""The levels of the caches of a machine, in the memory of the process that keeps them for others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from struct import Struct

from aggregator.stores.level.contract import LARGEST, LONGEST, NO_LEASE, Lease, Looked
from aggregator.stores.level.holders import Holders
from aggregator.stores.level.log import PurgeLog
from aggregator.stores.values import Values

_HEAD = Struct("<dQ")
"""Before a value: when it was kept, and the number at which it began."""
_MOST_SPACES = 10_000
"""Spaces are upstreams; beyond this number those not asked for longest are forgotten."""


class Levels:
    """Values of all spaces, at most *most* of together *most_bytes*; *clock* gives seconds."""

    def __init__(self, clock: Callable[[], float], most: int, most_bytes: int) -> None:
        self._clock = clock
        self._values = Values(clock, most, most_bytes)
        self._holders = Holders(clock, most)
        self._logs: dict[bytes, PurgeLog] = {}

    def look(self, space: bytes, key: bytes, lease: Lease = NO_LEASE) -> Looked:
        """Return what there is of *key*, and who holds its lease when *lease* is asked for."""
        within = _within(space, key)
        log, kept = self._log(space), self._values.get(within)
        holder = self._holders.ask(within, lease, is_lacked=kept is None) if lease.token else b""
        if kept is None:
            return Looked(log.count, holder=holder)
        born, _ = _HEAD.unpack_from(kept)
        return Looked(log.count, kept[_HEAD.size :], max(0.0, self._clock() - born), holder)

    def keep(
        self, space: bytes, key: bytes, value: bytes, tags: Sequence[bytes], lifetime: float, number: int,
        token: bytes = b"",
    ) -> bool:  # fmt: skip
        """Keep *value*, unless one of *tags* was purged behind *number*; return whether it is kept.

        A *lifetime* of 0 forgets what there is of *key*. The lease of *token* ends.
        """
        log, within = self._log(space), _within(space, key)
        self._holders.end(within, token)
        if lifetime <= 0:
            self._values.delete(within)
            return False
        if number > log.count or len(value) > LARGEST or log.hit([tag.hex() for tag in tags], number):
            return False
        known = self._values.get(within)
        if known is not None and _HEAD.unpack_from(known)[1] > number:
            return False
        marks = frozenset((space, *(_within(space, tag) for tag in tags)))
        self._values.put(within, _HEAD.pack(self._clock(), number) + value, min(LONGEST, lifetime), marks)
        return True

    def end_lease(self, space: bytes, key: bytes, token: bytes, pause: float) -> None:
        """End the lease of *token*; for *pause* seconds no other one of *key* is granted."""
        self._holders.end(_within(space, key), token, pause)

    def purge(self, space: bytes, tags: Collection[bytes]) -> None:
        """Forget what has one of *tags* in *space*, everything there when there are none."""
        log = self._log(space)
        if tags:
            log.add([tag.hex() for tag in tags])
        else:
            log.add_all()
        for mark in [_within(space, tag) for tag in tags] or [space]:
            self._values.delete_tagged(mark)

    def _log(self, space: bytes) -> PurgeLog:
        log = self._logs.pop(space, None)
        if log is None:
            log = PurgeLog()
            if len(self._logs) >= _MOST_SPACES:
                oldest = next(iter(self._logs))
                del self._logs[oldest]
                self._values.delete_tagged(oldest)
        self._logs[space] = log
        return log


def _within(space: bytes, key: bytes) -> bytes:
    return b"%d:%b%b" % (len(space), space, key)
