"""How long an endpoint may take, and how long its stream may be silent."""

from __future__ import annotations

import math

from aggregator.config.model.endpoint import EndpointSettings
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import FanPlan
from aggregator.plan.compiling.calls import Surroundings

_SILENCE = 60.0  # seconds that a stream may be silent when nobody says how long
_RESERVE = 0.05
_RESERVED_SHARE = 0.05


def compile_deadline(settings: EndpointSettings, whole: Surroundings, fan: FanPlan | None) -> tuple[float, float]:
    """Return the deadline of an endpoint in seconds, and what of it is kept for making the answer.

    One that declares no deadline has the time of its slowest call, or the client's if longer, and may use all of it.
    A stream has none but its own.
    """
    if settings.stream:
        return settings.timeout or math.inf, 0.0
    declared = settings.timeout or whole.root.defaults.deadline
    if declared is not None:
        return declared, min(_RESERVE, declared * _RESERVED_SHARE)
    client = whole.root.client.timeout.total or 0.0
    return max([client, *(call.timeout for call in calls_in(fan))]), 0.0


def compile_idle_timeout(settings: EndpointSettings, fan: FanPlan | None) -> float:
    """Return the longest silence of a stream in seconds: its own, or that of the upstream."""
    said = [settings.idle_timeout, *(call.upstream.pool.timeouts.read for call in calls_in(fan))]
    return next((seconds for seconds in said if seconds is not None), _SILENCE)
