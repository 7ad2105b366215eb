"""Purges that reach all processes: done here at once, told to the others, done there when they hear of it.

A process that may have missed some of them, or does not understand one, forgets all that it keeps.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial

import msgspec

from aggregator.policies.cache.flights import Flights
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.purging import (
    FLIGHTS,
    REPLIES,
    purge_all,
    purge_endpoint,
    purge_key,
    purge_prefix,
    purge_tags,
    purge_upstream,
)
from aggregator.policies.cache.shared.purge import Purge
from aggregator.policies.cache.shared.spaces import purged_spaces
from aggregator.policies.registry import Registry
from aggregator.stores.shared.channel import MOST, Subscriber
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.telemetry.logging import log
from aggregator.transport import Reply

_log = logging.getLogger("aggregator.cache")
PURGES = b"purges"
"""The name of the channel."""
_decoder = msgspec.msgpack.Decoder(Purge)


class Purges:
    """Purges of *states* in this process, and in all that share *store*; None when this process is alone."""

    __slots__ = ("_states", "_store")

    def __init__(self, states: Registry, store: ConnectedStore | None) -> None:
        self._states = states
        self._store = store

    def do(self, purge: Purge) -> int:
        """Carry out *purge* and announce it; return the number of entries removed here."""
        count = purged(self._states, purge)
        self.tell(purge)
        return count

    def tell(self, purge: Purge) -> None:
        """Announce *purge* to other processes, once the store has removed what it concerns."""
        after = _nobody if self._store is None else partial(_announce, self._store, _pieces(purge))
        own, spaces = None if self._store is None else self._store.level, purged_spaces(self._states, purge)
        for level, tags in spaces.items():
            level.purge(tags, after if level is own else _nobody)
        if own not in spaces:
            after()

    def tell_places(self, upstream: str, places: Collection[str]) -> None:
        """Announce a purge of *places* in what is kept of *upstream*."""
        self.tell(Purge("place", tuple(places), upstream))


def _announce(store: ConnectedStore, messages: Collection[bytes]) -> None:
    for message in messages:
        store.tell(PURGES, message)


def _pieces(purge: Purge) -> list[bytes]:
    """Return *purge* as messages that a channel takes, of one name each where it does not take all of them at once.

    What is told of places is made of URLs, which clients may make as long as they like: instead of one that is too
    long, its upstream is named, since all processes forget everything when they miss a message.
    """
    whole = msgspec.msgpack.encode(purge)
    if len(whole) <= MOST:
        return [whole]
    pieces = [msgspec.msgpack.encode(Purge(purge.what, (name,), purge.upstream)) for name in purge.names]
    if purge.what != "place" or all(len(piece) <= MOST for piece in pieces):
        return pieces
    return [msgspec.msgpack.encode(Purge("upstream", (purge.upstream,)))]


def _nobody() -> None:
    """Announce nothing: there is no store."""


def purged(states: Registry, purge: Purge) -> int:
    """Carry out *purge* in *states*; return the number of entries removed."""
    match purge.what:
        case "tag":
            return purge_tags(states, purge.names)
        case "key":
            return sum(purge_key(states, name) for name in purge.names)
        case "prefix":
            return sum(purge_prefix(states, name) for name in purge.names)
        case "upstream":
            return sum(purge_upstream(states, name) for name in purge.names)
        case "endpoint":
            return sum(purge_endpoint(states, name) for name in purge.names)
        case "place":
            return _places(states, purge)
        case "all":
            return purge_all(states)


def _places(states: Registry, purge: Purge) -> int:
    flights: Flights | None = states.find(FLIGHTS, purge.upstream)
    if flights is not None:
        flights.purges.add(purge.names)
    kept: Kept[Reply] | None = states.find(REPLIES, purge.upstream)
    return 0 if kept is None else kept.purge(purge.names)


def subscriber(states: Registry) -> Subscriber:
    """Return what does in *states* what other processes have purged."""

    def heard(message: bytes) -> None:
        try:
            purge = _decoder.decode(message)
        except msgspec.MsgspecError:
            lost()  # a purge of a later version
            return
        purged(states, purge)

    def lost() -> None:
        if count := purge_all(states):
            log(_log, logging.WARNING, "Purges of others may have been missed; all that was kept is forgotten.",
                entries=count)  # fmt: skip

    return Subscriber(heard, lost)
