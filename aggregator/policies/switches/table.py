"""What is switched off in a process, by whom, why and until when. Times are those of the clock on the wall.

Processes that share a store have one table, each a copy of it: of two changes to the same target the later one counts,
in whatever order they come, so that copies which know the same changes are the same.

    off ── its time is over, switched on ──▶ in service, remembered ── thirty days, too many ──▶ unknown
     ▲                                               │
     └───────────────── a later order ───────────────┘

A switch that has ended by itself is remembered with the time of its order, not with that of its end: an order that was
given in between, on a machine that could not be heard, is the later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nextafter
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["endpoint", "part", "effect", "upstream"]


class Target(NamedTuple):
    """A target of a switch: an upstream by *name*, an endpoint by its key, or a *part* or effect in it.

    A part inside of another has both names: ``page.ads``. An effect with no *name* is that of every endpoint that has
    one of this name.
    """

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
    """A change of a target *at* a time: it has been off by *switch* since, or it was switched on (None)."""

    at: float
    switch: Switch | None

    @property
    def end(self) -> float:
        """The time at which its target is in service again; ``inf`` while nobody has said so."""
        if self.switch is None:
            return self.at
        return inf if self.switch.until is None else self.switch.until


Changes: TypeAlias = dict[Target, Change]
REMEMBERED = 30 * 86_400.0
"""Seconds for which what is in service again is remembered, so that a copy which missed it learns of it."""
_MOST_ON = 10_000


class Switches:
    """The switches of one process; what is not in here is on."""

    def __init__(self) -> None:
        self.version = 0
        """Grows with each change."""
        self._off: dict[Target, Switch] = {}
        self._on: dict[Target, Change] = {}
        """What is in service again, by an order or since its switch is over; the first is forgotten first."""

    def turn_off(self, target: Target, switch: Switch) -> None:
        """Take *target* out of service."""
        self.version += 1
        self._on.pop(target, None)
        self._off[target] = switch

    def _turned_on(self, target: Target, change: Change) -> None:
        self.version += 1
        self._off.pop(target, None)
        self._remember(target, change)

    def _remember(self, target: Target, change: Change) -> None:
        self._on.pop(target, None)
        self._on[target] = change
        while len(self._on) > _MOST_ON:
            del self._on[next(iter(self._on))]

    def after(self, target: Target, now: float) -> float:
        """Return the time of what is ordered *now*: behind all that is known of *target*, whatever clocks say."""
        known = self.known(target)
        return now if known is None else max(now, known.at + 0.001, nextafter(known.at, inf))

    def known(self, target: Target) -> Change | None:
        """Return the last change to *target*; None where none is remembered."""
        switch = self._off.get(target)
        return self._on.get(target) if switch is None else Change(switch.since, switch)

    def changes(self, now: float) -> Changes:
        """Return all changes that count *now*: what is off, and what came into service of late."""
        return {target: Change(switch.since, switch) for target, switch in self.off(now).items()} | self._on

    def merge(self, changes: Mapping[Target, Change], now: float) -> bool:
        """Merge the *changes* that are later than those known, and not too old; return whether there was any."""
        before = self.version
        for target, change in changes.items():
            known = self.known(target)
            if (known is not None and known.at >= change.at) or now - change.end >= REMEMBERED:
                continue
            if change.switch is None or change.end <= now:
                self._turned_on(target, change)
            else:
                self.turn_off(target, change.switch)
        return self.version != before

    def off(self, now: float) -> dict[Target, Switch]:
        """Return what is off *now*; what is over is remembered for a time."""
        changes = [(target, Change(switch.since, switch)) for target, switch in self._off.items()]
        for target, change in changes:
            if change.end <= now:
                del self._off[target]
                self._remember(target, change)
        self._on = {target: change for target, change in self._on.items() if now - change.end < REMEMBERED}
        return dict(self._off)

    def kept(self) -> list[tuple[Target, Switch]]:
        """Return what is off, and what is remembered, as it is written down.

        What was switched on is a switch that ended before it began, which programs that only know what is off read as
        well.
        """
        on = [(one, change.switch or Switch(0.0, change.at, "", "")) for one, change in self._on.items()]
        return [*on, *self._off.items()]

    def restore(self, kept: list[tuple[Target, Switch]]) -> None:
        """Restore the table from what was *kept*."""
        on = {target: switch for target, switch in kept if switch.until is not None and switch.until <= switch.since}
        self._on = {target: Change(switch.since, None) for target, switch in on.items()}
        self._off = {target: switch for target, switch in kept if target not in on}

    @property
    def has_ends(self) -> bool:
        """Whether a switch ends by itself."""
        return any(switch.until is not None for switch in self._off.values())
