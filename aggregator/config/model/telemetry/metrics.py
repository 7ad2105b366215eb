"""Metrics, and what clients are promised by their means."""

from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from aggregator.config.model.telemetry.collector import CollectorSettings
from aggregator.config.model.telemetry.shares import Objective
from aggregator.fields import Settings, Timeout

_MOST = 30


class MetricsSettings(CollectorSettings):
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
    every: Timeout = Field(60.0, description="Time between two pushes.", examples=["15s"])

    @field_validator("buckets")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or len(value) > _MOST or any(low >= high for low, high in pairwise(value)):
            hint = {"hint": "write them like [5ms, 25ms, 100ms, 500ms, 2s]"}
            message = f"One to {_MOST} boundaries are expected, each longer than the one before."
            raise PydanticCustomError("bad-buckets", message, hint)
        return value


class SloSettings(Settings):
    """What clients are promised of an endpoint over 30 days, for the alerts that `aggregator monitoring` writes."""

    objective: Objective = Field(
        description="The share of good requests. An answer of 5xx is bad; 4xx and clients that hang up are not.",
        examples=["99.5%"],
    )
    latency: Timeout | None = Field(
        None,
        description="A later answer is bad, too. It becomes a boundary of the histogram of durations.",
        examples=["800ms"],
    )
    partial: Literal["good", "bad"] = Field("good", description="Whether an answer with missing parts is good or bad.")
