"""The calls that follow an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, assert_never

from msgspec.structs import replace

from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.calls.call import CallSettings
from aggregator.plan.analysis.longest import longest
from aggregator.plan.analysis.readers import names_read, with_readers
from aggregator.plan.analysis.roots import references_in
from aggregator.plan.analysis.walking import calls_in_part, parts_within, with_calls
from aggregator.plan.calls import CallPlan, CallsPlan, CorePlan, FanPlan, GroupPlan, PartPlan, RacePlan
from aggregator.plan.compiling.calls import EndpointSurroundings, compile_call, unread
from aggregator.plan.compiling.expressions import optional_expression
from aggregator.plan.compiling.parts import compile_part
from aggregator.plan.compiling.policies.durables import compile_delivery, delivery_retry
from aggregator.plan.compiling.references import calls_of
from aggregator.plan.compiling.telemetry import hidden_of
from aggregator.plan.requests import RequestPlan
from aggregator.plan.types import EffectPlan, FixedPlan
from aggregator.telemetry.hiding import Hidden


def compile_effect(settings: BackgroundCallSettings, shown_url: str, near: EndpointSurroundings) -> EffectPlan:
    """Return the plan of what follows the answers of *near*; *shown_url* is as the file writes it."""
    near = replace(near, is_background=True)
    part = compile_part(settings.name or shown_url, settings.model_copy(update={"when": None}), near)
    part = _unread(_named(part, settings, shown_url))
    if settings.dry_run:
        shown: Literal["told", "hidden"] = "hidden" if _tells_hidden(part, hidden_of(near.whole.root)) else "told"
        part = with_calls(part, lambda call: replace(call, dry_run=shown))
    when = optional_expression(settings.when)
    if settings.durable is None:
        return EffectPlan(part.name, part, longest(part), when, settings.on)
    part = with_calls(part, lambda call: replace(call, retry=None, hedge=None))
    made = EffectPlan(part.name, part, longest(part), when, settings.on)
    fixed = tuple(_fixed(settings, near, part.name, made.pieces))
    retry = delivery_retry(settings.retry, made.pieces[0].calls[0])
    delivery = compile_delivery(settings, near.whole.root.background.durable, retry)
    return replace(made, delivery=delivery, fixed=fixed)


def _fixed(
    settings: BackgroundCallSettings, near: EndpointSurroundings, name: str, pieces: tuple[PartPlan, ...]
) -> Iterator[FixedPlan]:
    """Yield what is kept of each of *pieces*, by the *name* of the effect, and its own where there are several."""
    bare = replace(near, whole=replace(near.whole, is_bare=True))
    said: dict[str, CallSettings] = {name: settings}
    if settings.fan_out is not None:
        said = {f"{name}.{key}": call for key, call in calls_of(settings.fan_out, near.whole.root.groups).items()}
    for (key, call), piece in zip(said.items(), pieces, strict=True):
        calls = tuple(_without_caller(compile_call(key, one, bare)) for one in (call, *call.fallback))
        retry = settings.retry if call.retry is None else call.retry
        yield FixedPlan(key, calls, delivery_retry(retry, piece.calls[0]))


def _tells_hidden(part: PartPlan, hidden: Hidden) -> bool:
    """Return whether the target or the body of a call of *part* is of a *hidden* place of the request.

    The list of its items counts: they lead to what they were taken from. Headers are told to nobody.
    """
    lists = tuple(one.each.items for one in parts_within(part) if one.each is not None)
    calls = [one for call in calls_in_part(part) for one in call.each_choice]
    requests = [request for call in calls for request in (call.request, *call.routes)]
    told = tuple((request.url, request.query, request.body) for request in requests)
    added = tuple(call.upstream.query for call in calls)
    return any(map(hidden.hides, references_in((lists, told, added)))) or any(_passes(one, hidden) for one in requests)


def _passes(request: RequestPlan, hidden: Hidden) -> bool:
    """Return whether *request* passes on a *hidden* place that no expression names."""
    passes_query = request.forward_query or request.forward_rest.query is not None
    return bool((hidden.body and request.body_kind == "forward") or (hidden.query and passes_query))


def _named(part: PartPlan, settings: BackgroundCallSettings, shown_url: str) -> PartPlan:
    """Return *part*, and its calls but for those of a fan-out, by the name that logs and counters have for it."""
    if isinstance(part.core, GroupPlan):
        return part
    name = settings.name or f"{part.calls[0].request.method.decode('ascii')} {shown_url}"
    return replace(with_calls(part, lambda call: replace(call, name=name)), name=name)


def _unread(part: PartPlan, read: frozenset[str] = frozenset()) -> PartPlan:
    """Return *part* without a look at replies that nobody reads: those of parts that are not *read* by name."""
    return part if part.name in read else replace(part, core=_unread_core(part.core, read))


def _unread_core(core: CorePlan, read: frozenset[str]) -> CorePlan:
    match core:
        case CallsPlan(calls=calls, each=each):
            each = None if each is None else replace(each, is_read=False)
            return CallsPlan(tuple(call.changed(unread) for call in calls), each)
        case RacePlan(runners=runners):
            return RacePlan(tuple(_unread(runner, read) for runner in runners))
        case GroupPlan(fan=fan):
            return GroupPlan(_unread_fan(fan, read), is_read=False)
        case _:
            assert_never(core)


def _unread_fan(fan: FanPlan, outer: frozenset[str]) -> FanPlan:
    """Return *fan*, whose parts are read by each other, or further *outer*."""
    read, marked = outer | names_read(fan), with_readers(fan, fan)
    return replace(marked, parts=tuple(_unread(part, read) for part in marked.parts))


def _without_caller(call: CallPlan) -> CallPlan:
    """Return *call* without the credential of the caller, which is not kept."""
    return replace(call, request=replace(call.request, forward_caller=()))
