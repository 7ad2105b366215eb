"""The one walk over the parts of a plan: what is inside of them, and the same plan with other calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import assert_never

from msgspec.structs import replace

from aggregator.plan.calls import CallPlan, CallsPlan, CorePlan, FanPlan, GroupPlan, PartPlan, RacePlan
from aggregator.plan.schemes import ExternalPlan
from aggregator.plan.types import Plan, RowPlan
from aggregator.plan.upstreams import UpstreamPlan


def parts_in(fan: FanPlan | None) -> Iterator[PartPlan]:
    """Yield every part of *fan*, each before those inside of it; none for None."""
    for part in () if fan is None else fan.parts:
        yield from parts_within(part)


def parts_within(part: PartPlan) -> Iterator[PartPlan]:
    """Yield *part*, then every part inside of it."""
    yield part
    for inner in part.inner:
        yield from parts_within(inner)


def placed_parts(fan: FanPlan | None) -> Iterator[tuple[str, PartPlan]]:
    """Yield what ``parts_in`` does, each with its place: ``page``, ``page.cart`` in a group, ``price[0]`` in a race."""
    for part in () if fan is None else fan.parts:
        yield from placed_within(part, part.name)


def placed_within(part: PartPlan, place: str) -> Iterator[tuple[str, PartPlan]]:
    """Yield *part* at its *place*, then every part inside of it."""
    yield place, part
    for inner in part.inner:
        yield from placed_within(inner, _place_in(part, place, inner))


def _place_in(part: PartPlan, place: str, inner: PartPlan) -> str:
    """Return the place of *inner* in *part*, whose own is *place*; who runs in a race has the race in its name."""
    return (
        f"{place.removesuffix(part.name)}{inner.name}" if isinstance(part.core, RacePlan) else f"{place}.{inner.name}"
    )


def calls_in(fan: FanPlan | None) -> list[CallPlan]:
    """Return every call of *fan*, those inside alternatives, races and groups included."""
    return [choice for part in parts_in(fan) for call in part.calls for choice in call.each_choice]


def rows_in(fan: FanPlan | None) -> Iterator[RowPlan]:
    """Yield the rows of each part and call of *fan*; a row that speaks of several comes as often."""
    for part in parts_in(fan):
        yield from part.rows
    for call in calls_in(fan):
        yield from call.rows


def calls_in_part(part: PartPlan) -> list[CallPlan]:
    """Return every call of *part*, those inside alternatives, races and groups included."""
    return [choice for each in parts_within(part) for call in each.calls for choice in call.each_choice]


def with_calls(
    part: PartPlan, change: Callable[[CallPlan], CallPlan], change_fan: Callable[[FanPlan], FanPlan] | None = None
) -> PartPlan:
    """Return *part* whose calls are what *change* makes of them.

    Calls of a nested group are changed, too, unless *change_fan* makes something else of its fan-out.
    """
    return replace(part, core=_changed(part.core, change, change_fan))


def with_rows(part: PartPlan, change: Callable[[tuple[RowPlan, ...]], tuple[RowPlan, ...]]) -> PartPlan:
    """Return *part* whose rows, and those of the parts and calls inside of it, are what *change* makes of them."""
    match part.core:
        case CallsPlan():
            changed = with_calls(part, lambda call: replace(call, rows=change(call.rows)))
        case RacePlan(runners=runners):
            changed = replace(part, core=RacePlan(tuple(with_rows(runner, change) for runner in runners)))
        case GroupPlan(fan=fan):
            parts = tuple(with_rows(inner, change) for inner in fan.parts)
            changed = replace(part, core=replace(part.core, fan=replace(fan, parts=parts)))
        case _:
            assert_never(part.core)
    return replace(changed, rows=change(part.rows))


def with_placed_calls(
    part: PartPlan,
    change: Callable[[tuple[str, ...], CallPlan], CallPlan],
    place: str = "",
    around: tuple[str, ...] = (),
) -> PartPlan:
    """Return *part* whose calls are what *change* makes of them.

    It is told the places of the parts that a call is in, from outside in: those *around*, the *place* of this part
    (its name, where nothing else is said), and those inside.
    """
    place = place or part.name
    places = (*around, place)
    inside = [with_placed_calls(inner, change, _place_in(part, place, inner), places) for inner in part.inner]
    match part.core:
        case CallsPlan():
            return with_calls(part, partial(change, places))
        case RacePlan():
            return replace(part, core=RacePlan(tuple(inside)))
        case GroupPlan(fan=fan):
            return replace(part, core=replace(part.core, fan=replace(fan, parts=tuple(inside))))
        case _:
            assert_never(part.core)


def _changed(
    core: CorePlan, change: Callable[[CallPlan], CallPlan], change_fan: Callable[[FanPlan], FanPlan] | None
) -> CorePlan:
    match core:
        case CallsPlan(calls=calls):
            return replace(core, calls=tuple(call.changed(change) for call in calls))
        case RacePlan(runners=runners):
            return RacePlan(tuple(with_calls(runner, change, change_fan) for runner in runners))
        case GroupPlan(fan=fan) if change_fan is not None:
            return replace(core, fan=change_fan(fan))
        case GroupPlan(fan=fan):
            return replace(core, fan=replace(fan, parts=tuple(with_calls(part, change) for part in fan.parts)))
        case _:
            assert_never(core)


def upstreams_in(plan: Plan) -> tuple[UpstreamPlan, ...]:
    """Return every upstream that *plan* declares or calls by its URL, each once, in the order of the file."""
    calls = [call for endpoint in plan.endpoints for call in calls_in(endpoint.fan)]
    calls += [call for endpoint in plan.endpoints for effect in endpoint.effects for call in calls_in_part(effect.part)]
    calls += [shadow.call for endpoint in plan.endpoints for shadow in endpoint.shadows]
    calls += [scheme.call for scheme in plan.schemes if isinstance(scheme, ExternalPlan)]
    declared = (*plan.upstreams, *(call.upstream for call in calls))
    return tuple(dict.fromkeys(one for upstream in declared for one in upstream.each_service))
