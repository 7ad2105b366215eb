"""The ways of the stream of a call."""

from __future__ import annotations

from aggregator.plan.calls import CallPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.doors import build_mocked_door
from aggregator.runtime.stack.sending import build_sender
from aggregator.runtime.streams.around import AroundStream
from aggregator.runtime.streams.repeating import Retrying
from aggregator.runtime.streams.ways import Way
from aggregator.templates import Expression
from aggregator.transport import Door


def build_way(call: CallPlan, resources: Resources, params: tuple[str, ...], chosen: str = "") -> Way:
    """Return the way to the stream of *call*, or to its alternatives, of which each request takes one."""
    further: dict[str, Way] | None = None
    if call.choice is not None:
        further = {
            str(number): build_way(one, resources, params, one.upstream.label)
            for number, one in enumerate(call.choice.calls)
        }
    elif call.routes:
        further = {key: build_way(one, resources, params, chosen) for key, one in call.by_key().items()}
    return Way(build_sender(call, resources, params), _around_stream(call, resources), further, chosen)


def _around_stream(call: CallPlan, resources: Resources) -> AroundStream:
    upstream = call.upstream
    return AroundStream(
        upstream.label,
        call.off,
        None if call.retry is None else Retrying(call.retry, resources.budget(upstream)),
        resources.breakers(upstream),
        resources.pace(upstream),
        resources.stream_places(upstream),
        resources.places(upstream),
        _mock_when(upstream, resources),
    )


def _mock_when(upstream: UpstreamPlan, resources: Resources) -> tuple[Expression, Door] | None:
    """Return the door of a mock that not all calls meet, and which do; None without one."""
    mock = upstream.mock
    if mock is None or mock.when is None:
        return None
    return mock.when, build_mocked_door(upstream, resources)
