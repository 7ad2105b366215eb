"""The calls that follow an answer."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.plan.calls import CallPlan
from aggregator.plan.compiling.calls import EndpointSurroundings, compile_call, unread
from aggregator.plan.compiling.expressions import optional_expression
from aggregator.plan.compiling.policies.durables import compile_delivery
from aggregator.plan.types import EffectPlan


def compile_effect(settings: BackgroundCallSettings, shown_url: str, near: EndpointSurroundings) -> EffectPlan:
    """Return the plan of a call that follows the answers of *near*; *shown_url* is as the file writes it."""
    call = compile_call(settings.name or shown_url, settings, replace(near, is_background=True))
    name = settings.name or f"{call.request.method.decode('ascii')} {shown_url}"
    total = settings.timeout.total if settings.timeout else None
    background = near.whole.root.background.timeout if total is None else total
    made = call.changed(lambda one: unread(replace(one, name=name, timeout=background)))
    if settings.durable is None:
        return EffectPlan(name, made, optional_expression(settings.when), settings.on)
    made = replace(made, retry=None, hedge=None)
    bare = replace(near, whole=replace(near.whole, is_bare=True), is_background=True)
    delivery = compile_delivery(settings, near.whole.root.background.durable, made.success.statuses)
    return EffectPlan(name, made, optional_expression(settings.when), settings.on, delivery,
                      _without_caller(compile_call(name, settings, bare)))  # fmt: skip


def _without_caller(call: CallPlan) -> CallPlan:
    """Return *call* without the credential of the caller, which is not kept."""
    return replace(call, request=replace(call.request, forward_caller=()))
