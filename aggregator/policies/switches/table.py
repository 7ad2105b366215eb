"""What is switched off in a process, by whom, why and until when. Times are those of the clock on the wall."""

from __future__ import annotations

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


class Switches:
    """The switches of one process; what is not in here is on."""

    def __init__(self) -> None:
        self._off: dict[Target, Switch] = {}

    def turn_off(self, target: Target, switch: Switch) -> None:
        """Take *target* out of service."""
        self._off[target] = switch

    def turn_on(self, target: Target) -> bool:
        """Take *target* into service again, and return whether it was out."""
        return self._off.pop(target, None) is not None

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
