"""How long a caller waits: what a trusted one says of it in a header shortens the deadline of a request."""

from __future__ import annotations

from msgspec import Struct

from aggregator.edge.networks import Networks
from aggregator.exchange import Exchange
from aggregator.http import first

_LONGEST = 9
"""Digits of milliseconds that are read: eleven days."""


class AskedDeadline(Struct, frozen=True):
    """The *header* in which callers say how many milliseconds they wait, and whom of them is believed (*trusted*)."""

    header: bytes
    trusted: Networks

    def shorten(self, exchange: Exchange, now: float) -> None:
        """Shorten the deadline of *exchange*, begun *now*, to the time for which its caller waits; never extend it."""
        if not self.trusted.holds(exchange.peer):
            return
        said = first(exchange.header_list, self.header)
        if said is not None and said.isdigit() and len(said) <= _LONGEST:
            exchange.deadline = min(exchange.deadline, now + int(said) / 1000)
