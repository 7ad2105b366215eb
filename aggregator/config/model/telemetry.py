"""How operators see what happens: metrics, and what they promise."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from aggregator.fields import Settings, Timeout

_MOST = 30
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


class MetricsSettings(Settings):
    """Counters, gauges and histograms of endpoints, parts, upstreams and the process."""

    prometheus: Literal[True] = Field(
        True,
        description="Serve them at `/metrics`, in the Prometheus text format or OpenMetrics: on the admin address if "
        "`server.admin` is declared, else beside the endpoints.",
    )
    buckets: tuple[Timeout, ...] = Field(
        (0.005, 0.025, 0.1, 0.5, 2.0),
        description="Boundaries of the histograms of durations, rising; each costs a series for every endpoint and "
        "status class.",
        examples=[["5ms", "25ms", "100ms", "500ms", "2s"]],
    )

    @field_validator("buckets")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or len(value) > _MOST or any(low >= high for low, high in pairwise(value)):
            hint = {"hint": "write them like [5ms, 25ms, 100ms, 500ms, 2s]"}
            message = f"One to {_MOST} boundaries are expected, each longer than the one before."
            raise PydanticCustomError("bad-buckets", message, hint)
        return value


def _share(value: Any) -> float:
    """Return *value*, a percentage as text, as a share; raise a located problem for others."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())) and 0 < float(match[1]) < 100:
        return float(match[1]) / 100
    hint = {"hint": "write it like 99.5%, more than 0% and less than 100%"}
    raise PydanticCustomError("bad-share", "This is not an objective.", hint)


class SloSettings(Settings):
    """What clients are promised of an endpoint over 30 days, for the alerts that `aggregator monitoring` writes."""

    objective: Annotated[
        float, BeforeValidator(_share), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?%$"})
    ] = Field(description="The share of good requests. An answer of 5xx is bad; 4xx and clients that hang up are not.",
              examples=["99.5%"])  # fmt: skip
    latency: Timeout | None = Field(
        None,
        description="A later answer is bad, too. It becomes a boundary of the histogram of durations.",
        examples=["800ms"],
    )
    partial: Literal["good", "bad"] = Field("good", description="Whether an answer with missing parts is good or bad.")


class TelemetrySettings(Settings):
    """What the server tells of itself."""

    metrics: MetricsSettings | None = Field(
        None, description="Count requests, parts and calls; nothing is counted without.", examples=[{}]
    )
