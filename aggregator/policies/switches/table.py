"""What is switched off in a process, by whom, why and until when. Times are those of the clock on the wall.

Processes that share a store have one table, each a copy of it: of two changes to the same target the later one counts,
in whatever order they come, so that copies which know the same changes are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nextafter
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["endpoint", "part", "effect", "upstream"]


class Target(NamedTuple):
    """What can be switched off: an upstream by *name*, an endpoint by its key, or a *part* or effect in it."""

    kind: Kind
    name: str
    part: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.name, self.part)))


class Switch(NamedTuple):
    """A switch that is off *until* then (None: until it is switched on), *since* then, *by* whom, and *why*."""

    until: float | None
    since: float
    by: str
    why: str


class Change(NamedTuple):
    """What became of a target *at* a time: it has been off by *switch* since, or it was switched on (None)."""

    at: float
    switch: Switch | None


Changes: TypeAlias = dict[Target, Change]
REMEMBERED = 30 * 86_400.0
"""Seconds for which it is remembered that something was switched on, so that a copy which missed it learns of it."""
_MOST_ON = 10_000


class Switches:
    """The switches of one process; what is not in here is on."""

    def __init__(self) -> None:
        self.version = 0
        """Grows with each change."""
        self._off: dict[Target, Switch] = {}
        self._on: dict[Target, float] = {}

    def turn_off(self, target: Target, switch: Switch) -> None:
        """Take *target* out of service."""
        self.version += 1
        self._on.pop(target, None)
        self._off[target] = switch

    def turn_on(self, target: Target, at: float) -> bool:
        """Take *target* into service again, and return whether it was out."""
        was_off = target in self._off
        if was_off:
            self._turned_on(target, at)
        return was_off

    def _turned_on(self, target: Target, at: float) -> None:
        self.version += 1
        self._off.pop(target, None)
        self._on.pop(target, None)
        self._on[target] = at
        while len(self._on) > _MOST_ON:
            del self._on[next(iter(self._on))]

    def after(self, target: Target, now: float) -> float:
        """Return the time of what is ordered *now*: behind all that is known of *target*, whatever clocks say."""
        known = self.known(target)
        return now if known is None else max(now, known.at + 0.001, nextafter(known.at, inf))

    def known(self, target: Target) -> Change | None:
        """Return the last change to *target*; None where none is remembered."""
        switch, at = self._off.get(target), self._on.get(target)
        if switch is not None:
            return Change(switch.since, switch)
        return None if at is None else Change(at, None)

    def changes(self, now: float) -> Changes:
        """Return all changes that count *now*: what is off, and what was switched on of late."""
        found = {target: Change(switch.since, switch) for target, switch in self.off(now).items()}
        return found | {target: Change(at, None) for target, at in self._on.items() if now - at < REMEMBERED}

    def merge(self, changes: Mapping[Target, Change], now: float) -> bool:
        """Take what is later in *changes* than what is known, and not over *now*; return whether there was any."""
        before = self.version
        for target, (at, switch) in changes.items():
            known = self.known(target)
            if known is not None and known.at >= at:
                continue
            if switch is None:
                self._turned_on(target, at)
            elif switch.until is None or now < switch.until:
                self.turn_off(target, switch)
        return self.version != before

    def off(self, now: float) -> dict[Target, Switch]:
        """Return what is off *now*; what is over is forgotten."""
        self._off = {one: switch for one, switch in self._off.items() if switch.until is None or now < switch.until}
        return dict(self._off)

    def kept(self) -> list[tuple[Target, Switch]]:
        """Return what is off, as it is written down."""
        return list(self._off.items())

    def restore(self, kept: list[tuple[Target, Switch]]) -> None:
        """Take out of service what was when it was written down."""
        self._off = dict(kept)

    @property
    def has_ends(self) -> bool:
        """Whether a switch ends by itself."""
        return any(switch.until is not None for switch in self._off.values())
