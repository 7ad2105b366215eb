"""Pressure as data."""

from __future__ import annotations

from msgspec import Struct

from aggregator.fields import duration_text


class DegradePlan(Struct, frozen=True):
    """From where on there is pressure; None for what says nothing of it. *loop_lag* is in seconds."""

    in_flight: int | None = None
    queue: int | None = None
    loop_lag: float | None = None

    @property
    def words(self) -> str:
        """Return what `explain` says of it: ``in_flight 1500, loop_lag 100ms``."""
        lag = None if self.loop_lag is None else duration_text(self.loop_lag)
        said = (("in_flight", self.in_flight), ("queue", self.queue), ("loop_lag", lag))
        return ", ".join(f"{name} {limit}" for name, limit in said if limit is not None)

    def load(self, in_flight: int, queue: int, lag: float) -> tuple[float, str]:
        """Return the highest of what is measured, as a multiple of its limit, and which it is."""
        measured = (("in_flight", in_flight, self.in_flight), ("queue", queue, self.queue),
                    ("loop_lag", lag, self.loop_lag))  # fmt: skip
        return max((value / limit, name) for name, value, limit in measured if limit is not None)
