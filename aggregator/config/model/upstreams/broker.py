"""A message broker that background calls send to."""

from __future__ import annotations

from pydantic import Field

from aggregator.fields import Settings


class BrokerSettings(Settings):
    """How messages go to a broker."""

    max_length: int | None = Field(
        None,
        ge=1,
        description="Entries that each stream of a Redis keeps, about; older ones are taken away when one is added. "
        "All are kept unless it is said.",
        examples=[1_000_000],
    )
