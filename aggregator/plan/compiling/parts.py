"""Fan-outs: parts in declared order, and the order between them as it follows from what they name."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.config.model.call import CallSettings, EachSettings, FanOutSettings
from aggregator.plan.compiling.calls import EndpointSurroundings, compile_call, compile_shape_plan
from aggregator.plan.compiling.expressions import one_expression, optional_expression
from aggregator.plan.compiling.references import references_of
from aggregator.plan.compiling.rows import compile_rows, rows_for
from aggregator.plan.types import BatchPlan, EachPlan, FanPlan, PartPlan, RowPlan
from aggregator.templates import compile_value


def calls_of(fan: FanOutSettings, groups: Mapping[str, Mapping[str, CallSettings]]) -> dict[str, CallSettings]:
    """Give all calls of *fan*: those of its groups first, then its own, which replace equal names."""
    used = (fan.use,) if isinstance(fan.use, str) else fan.use
    found: dict[str, CallSettings] = {}
    for name in used:
        found.update(groups[name])
    found.update(fan.calls)
    return found


def compile_fan(fan: FanOutSettings, near: EndpointSurroundings) -> FanPlan:
    """Give the plan of *fan*; a part waits for the parts that it names, and for those that it ``needs``."""
    calls = calls_of(fan, near.whole.root.groups)
    index = {name: number for number, name in enumerate(calls)}
    waits = [_waits(settings, index) for settings in calls.values()]
    parts = tuple(
        compile_part(name, settings, near, wait) for (name, settings), wait in zip(calls.items(), waits, strict=True)
    )
    dependents = tuple(tuple(i for i, wait in enumerate(waits) if number in wait) for number in range(len(parts)))
    return FanPlan(parts, dependents)


def _waits(settings: CallSettings, index: Mapping[str, int]) -> tuple[int, ...]:
    named = references_of(settings, index.keys()) | set(settings.needs)
    return tuple(sorted(index[name] for name in named))


def compile_part(
    name: str, settings: CallSettings, near: EndpointSurroundings, waits: tuple[int, ...] = ()
) -> PartPlan:
    """Give the plan of one part, whatever its kind."""
    common = {
        "when": optional_expression(settings.when),
        "optional": settings.optional,
        "default": compile_value(settings.default) if "default" in settings.model_fields_set else None,
        "waits": waits,
    }
    if settings.url is not None:
        first = compile_call(name, settings, near)
        others = tuple(compile_call(name, other, near) for other in settings.fallback)
        each = None if settings.for_each is None else _each(settings.for_each)
        return PartPlan(name, (first, *others), each=each, rows=first.rows, **common)  # type: ignore[arg-type]
    rows = _own_rows(name, settings, near)
    around = {"shape": compile_shape_plan(settings), "transform": settings.transform, "rows": rows,
              "timeout": settings.timeout.total if settings.timeout else None}  # fmt: skip
    if settings.race:
        runners = tuple(compile_part(f"{name}[{number}]", runner, near) for number, runner in enumerate(settings.race))
        return PartPlan(name, race=runners, **common, **around)  # type: ignore[arg-type]
    assert settings.fan_out is not None
    return PartPlan(name, group=compile_fan(settings.fan_out, near), **common, **around)  # type: ignore[arg-type]


def _own_rows(name: str, settings: CallSettings, near: EndpointSurroundings) -> tuple[RowPlan, ...]:
    return rows_for(name, compile_rows(settings.status_map), near.rows, near.whole.default_rows)


def _each(settings: EachSettings) -> EachPlan:
    batch = settings.batch
    return EachPlan(
        items=one_expression(settings.items),
        key=optional_expression(settings.key),
        concurrency=settings.concurrency,
        max_items=settings.max_items,
        on_error=settings.on_error,
        join=None if settings.join is None else settings.join.into,
        batch=None if batch is None else BatchPlan(batch.key, batch.size, batch.separator, batch.path),
    )
