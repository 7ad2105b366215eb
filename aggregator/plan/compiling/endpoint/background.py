"""The calls that follow an answer."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.plan.analysis.longest import longest
from aggregator.plan.analysis.walking import with_calls
from aggregator.plan.calls import CallPlan, CallsPlan, PartPlan
from aggregator.plan.compiling.calls import EndpointSurroundings, compile_call, unread
from aggregator.plan.compiling.expressions import optional_expression
from aggregator.plan.compiling.parts import compile_part
from aggregator.plan.compiling.policies.durables import compile_delivery
from aggregator.plan.types import EffectPlan


def compile_effect(settings: BackgroundCallSettings, shown_url: str, near: EndpointSurroundings) -> EffectPlan:
    """Return the plan of what follows the answers of *near*; *shown_url* is as the file writes it."""
    near = replace(near, is_background=True)
    part = compile_part(settings.name or shown_url, settings.model_copy(update={"when": None}), near)
    name = settings.name or f"{part.calls[0].request.method.decode('ascii')} {shown_url}"
    part = replace(with_calls(_unread(part), lambda call: unread(replace(call, name=name))), name=name)
    when = optional_expression(settings.when)
    if settings.durable is None:
        return EffectPlan(name, part, longest(part), when, settings.on)
    part = with_calls(part, lambda call: replace(call, retry=None, hedge=None))
    bare = replace(near, whole=replace(near.whole, is_bare=True))
    delivery = compile_delivery(settings, near.whole.root.background.durable, part.calls[0].success.statuses)
    return EffectPlan(name, part, longest(part), when, settings.on, delivery,
                      _without_caller(compile_call(name, settings, bare)))  # fmt: skip


def _unread(part: PartPlan) -> PartPlan:
    """Return *part* for a list of whose results nothing is made."""
    each = None if part.each is None else replace(part.each, is_read=False)
    return replace(part, core=CallsPlan(part.calls, each))


def _without_caller(call: CallPlan) -> CallPlan:
    """Return *call* without the credential of the caller, which is not kept."""
    return replace(call, request=replace(call.request, forward_caller=()))
