"""Purges: what has a tag, or comes from an upstream, is forgotten, and what is being fetched is not put back.

Calls under way for what was purged are joined by nobody any more, so that who asks after a purge gets nothing from
before it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from aggregator.policies.cache.flights import Flights
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.plan import of_endpoint, of_place, of_upstream
from aggregator.policies.registry import Registry

_Held = TypeVar("_Held")
REPLIES, FLIGHTS, ANSWERS, VALUES = "replies", "flights", "answers", "values"
"""The kinds of states: an upstream's replies, its calls under way, answers of all endpoints, last good values."""


def purge_tags(states: Registry, tags: Collection[str]) -> int:
    """Purge all that has one of *tags*; return the number of entries removed."""
    for flights in states.each(FLIGHTS).values():
        flights.purges.add(tags)
    return sum(kept.purge(tags) for kept in _all_kept(states))


def purge_key(states: Registry, url: str) -> int:
    """Purge replies to calls of *url*, and answers made of them; return the number of entries removed."""
    return purge_tags(states, [of_place(url)])


def purge_prefix(states: Registry, prefix: str) -> int:
    """Purge as ``purge_key`` all URLs that begin with *prefix*; return the number of entries removed."""
    for flights in states.each(FLIGHTS).values():
        flights.purges.add_prefix(of_place(prefix))
    return sum(kept.purge_prefix(of_place(prefix)) for kept in _all_kept(states))


def purge_upstream(states: Registry, name: str) -> int:
    """Purge the replies of the upstream *name*, and answers made of them; return the number of entries removed.

    Of one with routes by key those of all its services, whose names have their key behind it.
    """
    _part_ways(_services(states.each(FLIGHTS), name))
    made: list[Kept[Any]] = [kept for kind in (ANSWERS, VALUES) for kept in states.each(kind).values()]
    count = sum(kept.purge([of_upstream(name)]) + kept.purge_prefix(of_upstream(f"{name}[")) for kept in made)
    replies: dict[str, Kept[Any]] = _services(states.each(REPLIES), name)
    return count + sum(kept.purge_all() for kept in replies.values())


def _services(held: dict[str, _Held], name: str) -> dict[str, _Held]:
    """Return what is *held* of the upstream *name*, or of its services."""
    return {each: one for each, one in held.items() if each == name or each.startswith(f"{name}[")}


def purge_endpoint(states: Registry, key: str) -> int:
    """Purge the answers of the endpoint *key*; return the number of entries removed."""
    return sum(kept.purge([of_endpoint(key)]) for kept in states.each(ANSWERS).values())


def purge_all(states: Registry) -> int:
    """Purge everything; return the number of entries removed."""
    _part_ways(states.each(FLIGHTS))
    return sum(kept.purge_all() for kept in _all_kept(states))


def _all_kept(states: Registry) -> list[Kept[Any]]:
    return [kept for kind in (REPLIES, ANSWERS, VALUES) for kept in states.each(kind).values()]


def _part_ways(flights: dict[str, Flights]) -> None:
    for table in flights.values():
        table.purges.add_all()
