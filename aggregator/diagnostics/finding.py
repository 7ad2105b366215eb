"""Problems as rules report them: by path in the configuration, so that they survive when lines move.

``config/findings.py`` turns each :class:`Finding` into a diagnostic with a place.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from aggregator.diagnostics.values import Level

Steps = tuple[str | int, ...]
"""The keys and indexes that lead from the top of a configuration to a value."""


class Elsewhere(NamedTuple):
    """Another place that takes part, and what to say there."""

    path: Steps
    label: str
    at_key: bool = False
    text: str = ""


class Shown(NamedTuple):
    """A *text* of a message that the values at *places* are shown by.

    Where a variable stands at one of them, its name takes the place of the text; that of a text which was worked out
    from several is taken by the words *instead*.
    """

    text: str
    places: tuple[Steps, ...]
    instead: str | None = None


class Finding(Struct, frozen=True):
    """One problem at *path* from the top of the configuration, such as ``("endpoints", "GET /x", "call")``.

    It is pointed at in the value, in the key (*at_key*), or at the *text* that stands in the value for the
    *occurrence*-th time (from 0). *lacks* are the places without which there is this problem: where something is
    written there that could not be read, it only follows from that. What its words *show* of values at other places
    comes from there.
    """

    code: str
    message: str
    path: Steps
    hint: str | None = None
    level: Level = "error"
    at_key: bool = False
    text: str = ""
    occurrence: int = 0
    related: tuple[Elsewhere, ...] = ()
    lacks: tuple[Steps, ...] = ()
    shows: tuple[Shown, ...] = ()
