"""Fan-outs: parts in declared order, and the order between them as it follows from what they name."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.config.model.calls.call import CallSettings, FanOutSettings
from aggregator.config.model.calls.items import BatchSettings, EachSettings
from aggregator.http import SAFE
from aggregator.plan.analysis.roots import references_in
from aggregator.plan.calls import (
    BatchPlan,
    CallPlan,
    CallsPlan,
    EachPlan,
    FanPlan,
    GroupPlan,
    PartPlan,
    RacePlan,
    ShapePlan,
)
from aggregator.plan.compiling.calls import EndpointSurroundings, compile_call, compile_shape_plan
from aggregator.plan.compiling.endpoint.keeping import compile_last_good
from aggregator.plan.compiling.expressions import one_expression, optional_expression
from aggregator.plan.compiling.references import calls_of, references_of
from aggregator.plan.compiling.rows import compile_rows
from aggregator.policies.cache.plan import ElementsPlan
from aggregator.templates import Expression, compile_expression, compile_value, json_text


def compile_fan(fan: FanOutSettings, near: EndpointSurroundings) -> FanPlan:
    """Return the plan of *fan*; a part waits for the parts that it names, and for those that it ``needs``."""
    root = near.whole.root
    calls = calls_of(fan, root.groups)
    index = {name: number for number, name in enumerate(calls)}
    waits = [tuple(sorted(index[name] for name in references_of(call, index, root))) for call in calls.values()]
    parts = tuple(
        compile_part(name, settings, near, wait) for (name, settings), wait in zip(calls.items(), waits, strict=True)
    )
    dependents = tuple(tuple(i for i, wait in enumerate(waits) if number in wait) for number in range(len(parts)))
    return FanPlan(parts, dependents)


def compile_part(
    name: str, settings: CallSettings, near: EndpointSurroundings, waits: tuple[int, ...] = ()
) -> PartPlan:
    """Return the plan of one part, whatever its kind; its *rows* are for failures that are not of one of its calls."""
    plan = _part(name, settings, near, waits)
    if settings.last_good is None or not settings.last_good.ttl:
        return plan
    return replace(plan, last_good=compile_last_good(settings.last_good, plan))


def _part(name: str, settings: CallSettings, near: EndpointSurroundings, waits: tuple[int, ...]) -> PartPlan:
    own = compile_rows(settings.status_map)
    inner = near.inside(name, own)
    common = {
        "when": optional_expression(settings.when),
        "optional": settings.optional,
        "default": compile_value(settings.default) if "default" in settings.model_fields_set else None,
        "waits": waits,
    }
    if settings.url is not None:
        first = compile_call(name, settings, near)
        others = tuple(compile_call(name, other, inner) for other in settings.fallback)
        each = None if settings.for_each is None else _each(settings.for_each, first)
        if each is not None and each.batch is not None:
            batch = each.batch
            first = first.changed(lambda one: _kept_by_key(replace(one, shape=_of_whole(one.shape)), batch))
        core = CallsPlan((first, *others), each)
        return PartPlan(name, core, rows=first.rows, **common)  # type: ignore[arg-type]
    around = {"shape": compile_shape_plan(settings), "transform": settings.transform, "rows": near.rows_of(name, own),
              "timeout": settings.timeout.total if settings.timeout else None}  # fmt: skip
    if settings.race:
        runners = tuple(compile_part(f"{name}[{number}]", runner, inner) for number, runner in enumerate(settings.race))
        return PartPlan(name, RacePlan(runners), **common, **around)  # type: ignore[arg-type]
    assert settings.fan_out is not None
    return PartPlan(name, GroupPlan(compile_fan(settings.fan_out, inner)), **common, **around)  # type: ignore[arg-type]


def _each(settings: EachSettings, call: CallPlan) -> EachPlan:
    batch = settings.batch
    key = optional_expression(settings.key)
    return EachPlan(
        items=one_expression(settings.items),
        key=key,
        reads=None if key is not None or batch is not None else _reads(call),
        concurrency=settings.concurrency,
        max_items=settings.max_items,
        on_error=settings.on_error,
        join=None if settings.join is None else settings.join.into,
        batch=None if batch is None else _batch(batch, call),
    )


def _batch(settings: BatchSettings, call: CallPlan) -> BatchPlan:
    return BatchPlan(settings.key, settings.size, settings.separator, settings.path, _of_element(call.shape))


def _of_whole(shape: ShapePlan | None) -> ShapePlan | None:
    """Return what of *shape* finds the list in a batch answer."""
    if shape is None or (shape.select, shape.select_expression, shape.target) == (None, None, None):
        return None
    return ShapePlan(shape.select, shape.select_expression, shape.target)


def _kept_by_key(call: CallPlan, batch: BatchPlan) -> CallPlan:
    """Return the batch *call* with a cache of its elements, where it has a cache by times of the file.

    What a function is given, and what an upstream says of caching, are whole replies.
    """
    if call.cache is None or call.cache.obeys or call.transform is not None:
        return call
    reading = (sorted(call.reading.xml_lists), call.reading.csv_delimiter)  # written alike by all processes
    told = (batch.path, batch.key, call.shape, call.success, call.graphql, call.format, reading)
    holders = (call.success, *(() if call.shape is None else (call.shape,)))
    references = sorted(reference for reference in references_in(holders) if reference[0] != "this")
    reads = tuple(compile_expression(reference[0] + "".join(map(_step, reference[1:]))) for reference in references)
    elements = ElementsPlan(batch.path, batch.key, batch.separator, repr(told).encode("utf-8", "surrogatepass"), reads)
    return replace(call, cache=replace(call.cache, elements=elements))


def _of_element(shape: ShapePlan | None) -> ShapePlan | None:
    """Return what of *shape* is meant for each element of a batch answer."""
    return None if shape is None else replace(shape, select=None, select_expression=None, target=None)


def _reads(call: CallPlan) -> tuple[Expression, ...] | None:
    """Return all that *call* reads of an item: where it is equal, one call will do. None when each needs its own."""
    if call.request.method not in SAFE:
        return None
    references = references_in(call)
    if any(reference[0] == "index" for reference in references):
        return None
    paths = sorted(reference[1:] for reference in references if reference[0] == "item")
    return tuple(compile_expression("item" + "".join(map(_step, path))) for path in paths)


def _step(key: str) -> str:
    return f"[{key}]" if key.isdigit() else f"[{json_text(key)}]"
