"""The spaces of a store that a purge concerns, and the tags it has there.

There is one for the replies of each upstream, one for elements of its batches, one for all answers, and one for last
good values.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from aggregator.policies.cache.plan import of_endpoint, of_place
from aggregator.policies.cache.shared.level import LEVELS, SharedLevel
from aggregator.policies.cache.shared.purge import Purge
from aggregator.policies.registry import Registry
from aggregator.stores.level.contract import tag_digest
from aggregator.stores.shared.level import Level

_REPLIES: Final = "replies "
_ELEMENTS: Final = "elements "
_EVERYTHING: Final[tuple[str, ...]] = ()
ANSWERS_SPACE: Final = "answers"
VALUES_SPACE: Final = "values"


def space_of(upstream: str) -> str:
    """Return the space of the replies of *upstream*."""
    return f"{_REPLIES}{upstream}"


def elements_space_of(upstream: str) -> str:
    """Return the space of the elements of batches of *upstream*."""
    return f"{_ELEMENTS}{upstream}"


def purged_spaces(states: Registry, purge: Purge) -> dict[Level, list[tuple[bytes, list[bytes]]]]:
    """Return the tags that are purged by space, in each store that *states* have levels in; no tags are everything.

    A store knows digests of tags, so of a prefix, and of services by key, it forgets more than was asked for.
    """
    found: dict[Level, list[tuple[bytes, list[bytes]]]] = {}
    for name, shared in states.each(LEVELS).items():
        of: SharedLevel[object] = shared
        tags = _tags_in(name, purge)
        if tags is not None:
            found.setdefault(of.level, []).append((of.space, [*map(tag_digest, tags)]))
    return found


def _tags_in(space: str, purge: Purge) -> Collection[str] | None:
    """Return the tags of what is purged in *space*; None when nothing is."""
    match space:
        case "answers":
            return _answer_tags(purge)
        case "values":
            return None if purge.what == "endpoint" else _answer_tags(purge)
        case _:
            return _reply_tags(space.removeprefix(_REPLIES).removeprefix(_ELEMENTS), purge)


def _reply_tags(upstream: str, purge: Purge) -> Collection[str] | None:
    """Return the tags of what is purged among the replies of *upstream*; None when nothing is."""
    match purge.what:
        case "tag":
            return purge.names
        case "key":
            return [*map(of_place, purge.names)]
        case "place":
            return purge.names if purge.upstream == upstream else None
        case "upstream":
            named = any(upstream == name or upstream.startswith(f"{name}[") for name in purge.names)
            return _EVERYTHING if named else None
        case "endpoint":
            return None
        case "prefix" | "all":
            return _EVERYTHING


def _answer_tags(purge: Purge) -> Collection[str] | None:
    """Return the tags of what is purged among answers; None when nothing is."""
    match purge.what:
        case "tag":
            return purge.names
        case "key":
            return [*map(of_place, purge.names)]
        case "endpoint":
            return [*map(of_endpoint, purge.names)]
        case "place":
            return None
        case "upstream" | "prefix" | "all":
            return _EVERYTHING
