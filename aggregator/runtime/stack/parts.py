"""Parts and their fan-outs, with what is around each part, in the order that ``plan/order/call.py`` declares."""

from __future__ import annotations

from functools import partial
from typing import assert_never

from aggregator.parts.frame import Part
from aggregator.plan.calls import CallsPlan, FanPlan, GroupPlan, PartPlan, RacePlan
from aggregator.plan.order.call import AROUND_PART, attempts_of
from aggregator.plan.order.step import tied
from aggregator.policies.cache.last_good import LastGood
from aggregator.runtime.foresight.foreseeing import foresight_of
from aggregator.runtime.foresight.parts import Foreseen
from aggregator.runtime.foresight.reading import long_reads
from aggregator.runtime.keeping.keys import part_key
from aggregator.runtime.parts.alternatives import Fallback, Race
from aggregator.runtime.parts.fanout import FanOut, fan_out
from aggregator.runtime.parts.groups import Group
from aggregator.runtime.parts.guarding import Guarded
from aggregator.runtime.parts.shape import compile_reshape
from aggregator.runtime.parts.wholes import Whole, read, read_and_copied
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.calls import build_attempt, transformed
from aggregator.runtime.stack.site import Site


def build_fan(
    plan: FanPlan | None,
    key: str,
    resources: Resources,
    params: tuple[str, ...],
    digest: bytes = b"",
    optional: bool = False,
    is_kept: bool = False,
) -> FanOut:
    """Return the runnable fan-out of *plan*; an empty one for None."""
    if plan is None:
        return fan_out((), (), ())
    parts = [build_part(part, key, resources, params, digest, optional, is_kept) for part in plan.parts]
    return fan_out(parts, [part.waits for part in plan.parts], plan.dependents)


def build_part(
    plan: PartPlan,
    key: str,
    resources: Resources,
    params: tuple[str, ...],
    digest: bytes = b"",
    optional: bool = False,
    is_kept: bool = False,
) -> Part:
    """Return the runnable part of *plan*, in the endpoint *key*; what is in an *optional* one, or one that is
    kept, is so, too.
    """
    at = Site(key, resources, params, digest, optional or plan.optional, is_kept or plan.last_good is not None)
    part = _core(plan, at)
    for step, wrap in reversed(_AROUND_PART):
        part = wrap(part, plan, at) if step.has(plan) else part
    return part


def _core(plan: PartPlan, at: Site) -> Part:
    match plan.core:
        case CallsPlan():
            choices = tuple(build_attempt(attempt, at) for attempt in attempts_of(plan))
            part = choices[0] if len(choices) == 1 else Fallback(plan.name, choices)
            return part if plan.each is None else _read_ahead(part, plan)
        case RacePlan(runners=runners):
            return Race(plan.name, tuple(build_part(runner, *at) for runner in runners))
        case GroupPlan(fan=fan, is_read=is_read):
            return _read_ahead(Group(plan.name, build_fan(fan, *at), is_read=is_read), plan)
        case _:
            assert_never(plan.core)


def _read_ahead(part: Part, plan: PartPlan) -> Part:
    """Return *part*, whose result is decoded before others hear of it where expressions read it as a whole."""
    if plan.whole == "unread":
        return part
    return Whole(part, read_and_copied if plan.whole == "copied" else read, plan.rows, ahead=True)


def _guarded(part: Part, plan: PartPlan, at: Site) -> Part:
    pressure = at.resources.pressure if plan.optional else None
    return Guarded(part, when=plan.when, optional=plan.optional, default=plan.default, timeout=plan.timeout,
                   shape=compile_reshape(plan.shape), rows=plan.rows, pressure=pressure,
                   reads=long_reads(plan.shape, at.params))  # fmt: skip


def _last_good(part: Part, plan: PartPlan, at: Site) -> Part:
    kept = plan.last_good
    assert kept is not None
    values = at.resources.values()
    level = at.resources.levels.values(values) if kept.shared else None
    return LastGood(part, values, partial(part_key, kept, at.digest + at.resources.plugins.code), kept, level)


def _foreseen(part: Part, plan: PartPlan, at: Site) -> Part:
    foresight = foresight_of((plan.when, plan.default), at.params)
    return part if foresight is None else Foreseen(part, foresight)


_AROUND_PART = tied(
    AROUND_PART, {"foresight": _foreseen, "guard": _guarded, "last_good": _last_good, "transform": transformed}
)
