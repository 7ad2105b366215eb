"""Which calls of one request may be equal, so that one flight may serve them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from functools import partial
from typing import assert_never

from msgspec.structs import replace

from aggregator.http import SAFE
from aggregator.plan.analysis.walking import with_calls
from aggregator.plan.calls import CallPlan, CallsPlan, FanPlan, GroupPlan, PartPlan, RacePlan


def with_flights(fan: FanPlan) -> FanPlan:
    """Return *fan*, in which safe calls to one upstream whose URLs differ in values alone fly together when equal."""
    shapes = Counter(_shape(call) for call in _calls(fan) if call.request.method.decode() in SAFE)
    shared = frozenset(shape for shape, count in shapes.items() if count > 1)
    return _fan(fan, shared) if shared else fan


def _calls(fan: FanPlan) -> Iterator[CallPlan]:
    """Yield the calls of *fan* but for runners of races, of which equal ones are meant to be two."""
    for part in fan.parts:
        match part.core:
            case CallsPlan(calls=calls):
                yield from calls
            case GroupPlan(fan=inner):
                yield from _calls(inner)
            case RacePlan():
                pass
            case _:
                assert_never(part.core)


def _shape(call: CallPlan) -> Hashable:
    """Return what is equal for calls that may send the same."""
    pieces = tuple(piece if isinstance(piece, bytes) else None for piece in call.request.url.segments)
    return (call.upstream.name, call.request.method, pieces)


def _fan(fan: FanPlan, shared: frozenset[Hashable]) -> FanPlan:
    return replace(fan, parts=tuple(_part(part, shared) for part in fan.parts))


def _part(part: PartPlan, shared: frozenset[Hashable]) -> PartPlan:
    if isinstance(part.core, RacePlan):
        return part
    return with_calls(part, partial(_call, shared=shared), partial(_fan, shared=shared))


def _call(call: CallPlan, shared: frozenset[Hashable]) -> CallPlan:
    return replace(call, coalesce="request") if call.coalesce == "no" and _shape(call) in shared else call
