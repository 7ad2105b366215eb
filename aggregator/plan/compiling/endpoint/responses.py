"""What the client gets when nothing failed, and the static answers."""

from __future__ import annotations

from typing import Any

from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.edge.cookies import SetCookieSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.response import ListJoinSettings, ResponseSettings, StaticSettings
from aggregator.plan.compiling.calls import compile_shape_plan
from aggregator.plan.compiling.expressions import one_expression, templates, text_or_template
from aggregator.plan.types import CookiePlan, ListJoinPlan, ResponsePlan
from aggregator.shaping.join import part_looked_up
from aggregator.templates import compile_value


def compile_response(settings: ResponseSettings | None, headers: dict[str, Any]) -> ResponsePlan:
    """Return the plan of an answer that has *headers* when nothing failed."""
    if settings is None:
        return ResponsePlan(headers=templates(headers))
    is_expression = isinstance(settings.status, str)
    return ResponsePlan(
        status=settings.status if isinstance(settings.status, int) else None,
        status_expression=one_expression(str(settings.status)) if is_expression else None,
        headers=templates(headers),
        cookies=tuple(map(_cookie, settings.set_cookies)),
        body=compile_value(settings.body) if "body" in settings.model_fields_set else None,
        merge=settings.merge,
        join=tuple(_join(join, settings.body) for join in settings.join),
        shape=compile_shape_plan(settings),
        pass_headers=tuple((name.lower().encode("ascii"), rule) for name, rule in settings.pass_headers.items()),
        pass_all=settings.pass_ is not None,
        cache_control=text_or_template(settings.cache_control),
        etag=settings.etag,
        meta=settings.meta,
        timing=settings.timing,
        fields=settings.fields,
        formats=tuple(settings.formats),
        transform=settings.transform,
    )


def _join(settings: ListJoinSettings, body: Any) -> ListJoinPlan:
    part = part_looked_up(settings.left, settings.right, body)
    return ListJoinPlan(settings.left, settings.right, settings.into, settings.missing, part)


def compile_static(settings: StaticSettings, headers: dict[str, Any]) -> ResponsePlan:
    """Return the plan of a static answer with *headers*."""
    return ResponsePlan(
        status=settings.status,
        headers=templates(headers),
        cookies=tuple(map(_cookie, settings.set_cookies)),
        body=compile_value(settings.body) if "body" in settings.model_fields_set else None,
        shape=compile_shape_plan(settings),
        delay=settings.delay,
    )


def _cookie(settings: SetCookieSettings) -> CookiePlan:
    said: dict[str, str | bool | None] = {
        "Max-Age": None if settings.max_age is None else str(int(settings.max_age)),
        "Domain": settings.domain,
        "Path": settings.path,
        "Secure": settings.secure,
        "HttpOnly": settings.http_only,
        "SameSite": settings.same_site.capitalize(),
    }
    attributes = tuple((name, value) for name, value in said.items() if value not in (None, False))
    return CookiePlan(settings.name, compile_value(settings.value), attributes)


def passes_raw(settings: EndpointSettings) -> bool:
    """Return whether the answer is the body of one call as it came, so that nobody has to read it."""
    response = settings.response
    if settings.call is None or not _is_plain(settings.call):
        return False
    if response is None:
        return True
    is_whole = "body" not in response.model_fields_set and compile_shape_plan(response) is None
    is_changed = response.join or response.transform or response.fields or response.meta
    return is_whole and not is_changed and tuple(response.formats) == ("json",)


def is_single(call: CallSettings) -> bool:
    """Return whether one reply is what *call* gives: it is no group and no list."""
    return call.fan_out is None and call.for_each is None and all(map(is_single, (*call.fallback, *call.race)))


def _is_plain(call: CallSettings) -> bool:
    """Return whether the result of *call* is a body as it came."""
    if call.fan_out is not None or call.for_each is not None or call.graphql is not None or call.transform is not None:
        return False
    return compile_shape_plan(call) is None and all(map(_is_plain, (*call.fallback, *call.race)))
