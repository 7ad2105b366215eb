"""What the server tells of itself: metrics, promises, the log. Data only."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.edge.networks import Networks
from aggregator.telemetry.hiding import NOTHING_HIDDEN, Hidden
from aggregator.telemetry.traces.context import Propagation
from aggregator.templates import Template


class PushPlan(Struct, frozen=True):
    """The collector that metrics are pushed to *every* so many seconds, with *headers*, as those of *service*."""

    otlp: str
    protocol: Literal["http", "grpc"] = "http"
    headers: tuple[tuple[str, str], ...] = ()
    service: str = "aggregator"
    every: float = 60.0


class MetricsPlan(Struct, frozen=True):
    """The metrics: *buckets* are the boundaries of durations, in seconds, rising.

    *push* says where to it is pushed, None for nowhere.
    """

    buckets: tuple[float, ...]
    push: PushPlan | None = None


class SloPlan(Struct, frozen=True):
    """The *objective* of an endpoint, a share of good requests; *latency* is in seconds, None for any."""

    objective: float
    latency: float | None = None
    partial_is_bad: bool = False


class LogPlan(Struct, frozen=True):
    """Which answers have a line in the log, and what it looks like.

    *sample* are the shares of good answers that have one, by status or class (``2xx``); *fields* are those of the
    operator, *hidden* is what they and all others do not show, *file* is as it is written, None for stderr.
    """

    access: Literal["all", "errors", "none"] = "errors"
    format: Literal["text", "json", "combined"] = "text"
    file: str | None = None
    sample: tuple[tuple[str, float], ...] = ()
    fields: tuple[tuple[str, Template], ...] = ()
    hidden: Hidden = NOTHING_HIDDEN


LOG = LogPlan()
"""What is logged where nothing is said of it."""


class TracesPlan(Struct, frozen=True):
    """Which traces are told to the collector at *otlp*, None for none, and how contexts are passed on.

    *headers* go to the collector, *sample* is the share of the traces that begin here. *parent* says whose contexts are
    continued: everybody's, nobody's, or those of the clients in some networks. *hidden* is what spans do not show.
    """

    otlp: str | None = None
    protocol: Literal["http", "grpc"] = "http"
    headers: tuple[tuple[str, str], ...] = ()
    service: str = "aggregator"
    sample: float = 0.01
    parent: bool | Networks = False
    propagate: tuple[Propagation, ...] = ("tracecontext",)
    hidden: Hidden = NOTHING_HIDDEN


class RecorderPlan(Struct, frozen=True):
    """The recorder: the last *keep* requests that failed, or took *slow* seconds, with some *headers*.

    *bodies* is how many bytes are kept of each body, 0 for none. *hidden* is what nobody is shown of them.
    """

    keep: int = 200
    slow: float = 1.0
    bodies: int = 0
    headers: tuple[str, ...] = ()
    hidden: Hidden = NOTHING_HIDDEN
