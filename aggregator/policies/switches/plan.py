"""What is switched off, as data."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from aggregator.policies.switches.calendar import Hours

OUT_OF_SERVICE: Final = "This is out of service for now."
"""What is said where nothing else is declared."""


class OffPlan(Struct, frozen=True, order=True):
    """A target switched off *until* a Unix time; None where the end is not known."""

    status: int
    detail: str | None
    until: float | None

    def wait(self, now: float) -> int:
        """Return the seconds after which it may be asked for again, at least one."""
        return 60 if self.until is None else max(1, round(self.until - now))


class MaintenancePlan(Struct, frozen=True):
    """Endpoints, by *keys*, that are out of service at certain *hours* of a *zone*, which are written as *every*."""

    keys: tuple[str, ...]
    hours: Hours
    every: str
    zone: str
    status: int
    detail: str | None

    @property
    def words(self) -> str:
        """The hours, their zone and the status, for people."""
        return f"{self.every} {self.zone} ({self.status})"
