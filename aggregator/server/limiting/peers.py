"""Connections by address: one client cannot take all that there are."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aggregator.edge.networks import NO_NETWORKS, Networks, client_key
from aggregator.runtime.repeats import Repeats
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")


class Peers:
    """Counts the connections of each address; those of trusted proxies carry many clients and are not counted."""

    __slots__ = ("_counts", "_most", "_repeats", "_trusted", "closed")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._most: int | None = None
        self._trusted: Networks = NO_NETWORKS
        self._repeats: Repeats[int] = Repeats(_tell_more)
        self.closed = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of connections of each address, by its key."""
        return self._counts

    def configure(self, most: int | None, trusted: Networks) -> None:
        """Allow *most* connections an address from now on, None for any number; who is connected stays."""
        self._most, self._trusted = most, trusted

    def enter(self, address: str) -> str | None:
        """Return under which key a new connection is counted, empty for none; None when it is one too many."""
        if self._most is None or not address or self._trusted.holds(address):
            return ""
        key = client_key(address)
        count = self._counts.get(key, 0)
        if count >= self._most:
            self.closed += 1
            if self._repeats.lets(0):
                log(_log, logging.WARNING, "A connection was closed: its address has too many.",
                    client=address, connections=count)  # fmt: skip
            return None
        self._counts[key] = count + 1
        return key

    def leave(self, key: str) -> None:
        """Forget a connection that was counted under *key*."""
        count = self._counts.pop(key) - 1
        if count:
            self._counts[key] = count


def _tell_more(_: int, more: int) -> None:
    log(_log, logging.WARNING, "More connections were closed: their addresses have too many.", count=more)
