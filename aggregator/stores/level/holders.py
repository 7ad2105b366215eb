"""Who holds the leases of keys, in the memory of the process that keeps a level for others.

States of a key: free, held (until the lease ends, or its life is over), paused (nobody has a lease, for a while).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aggregator.stores.level.contract import Lease

_PAUSED: Final = b""


class Holders:
    """The leases of at most *most* keys; *clock* returns seconds. Beyond that the oldest lease is dropped."""

    def __init__(self, clock: Callable[[], float], most: int) -> None:
        self._clock = clock
        self._most = most
        self._held: dict[bytes, tuple[bytes, float]] = {}

    def ask(self, key: bytes, lease: Lease, *, is_lacked: bool) -> bytes:
        """Return the token of who holds the lease of *key*, after *lease* was taken if it may be; empty for nobody."""
        token, ends = self._held.get(key, (_PAUSED, 0.0))
        if ends > self._clock():
            return token
        if not lease.life or not (is_lacked or lease.anyway):
            return b""
        self._put(key, lease.token, lease.life)
        return lease.token

    def end(self, key: bytes, token: bytes, pause: float = 0.0) -> None:
        """End the lease of *token*, if it is still held; for *pause* seconds no other one of *key* is granted."""
        if not token or self._held.get(key, (_PAUSED, 0.0))[0] != token:
            return
        if pause > 0:
            self._put(key, _PAUSED, pause)
        else:
            del self._held[key]

    def _put(self, key: bytes, token: bytes, life: float) -> None:
        self._held.pop(key, None)
        if len(self._held) >= self._most:
            self._sweep()
        self._held[key] = token, self._clock() + life

    def _sweep(self) -> None:
        """Forget leases that are over, and the oldest when all are held."""
        now = self._clock()
        self._held = {key: held for key, held in self._held.items() if held[1] > now}
        if len(self._held) >= self._most:
            del self._held[next(iter(self._held))]
