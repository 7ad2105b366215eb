"""Shadows of endpoints: the call of the endpoint, to another URL, with nothing that its own calls know of."""

from __future__ import annotations

from msgspec.structs import replace

from aggregator.config.model.calls.call import CallSettings
from aggregator.plan.compiling.calls import EndpointSurroundings, compile_call, unread
from aggregator.plan.types import ShadowPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.routing.settings import ShadowSettings
from aggregator.templates import compile_url


def compile_shadow(settings: ShadowSettings, near: EndpointSurroundings) -> ShadowPlan:
    """Return the plan of a shadow: sent once, not joined with another call, not kept."""
    call = compile_call("shadow", _sent_to(settings.url, near.settings.call), near)
    upstream = _beside(call.upstream)
    if upstream.route is not None:
        to = tuple((key, _beside(service)) for key, service in upstream.route.to)
        upstream = replace(upstream, route=replace(upstream.route, to=to))
    name = f"shadow {upstream.label}"
    made = replace(
        call,
        name=name,
        upstream=upstream,
        retry=None,
        hedge=None,
        cache=None,
        coalesce="no",
        transform=None,
        budget=None,
    )
    return ShadowPlan(call.upstream.name, unread(made), settings.share)


def _sent_to(url: str, call: CallSettings | None) -> CallSettings:
    """Return *call*, if the endpoint has a single one, to another *url*; else a call that says no more than it."""
    if call is None or call.url is None:
        return CallSettings.model_validate({"url": url})
    said = {"method": None} if compile_url(url).method else {}
    return call.model_copy(update={"url": url, "choose": (), "sticky": None, **said})


def _beside(upstream: UpstreamPlan) -> UpstreamPlan:
    """Return *upstream* under a name by which nothing of its own calls is found."""
    return replace(upstream, name=f"{upstream.name} (shadow)")
