"""The answers of an endpoint when nothing that it needs has failed: statuses, media types, headers."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.codecs.registry import require
from aggregator.http import FETCHING, has_body
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import PartPlan, RacePlan
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.answers.passing import needed_names
from aggregator.server.openapi.answers.bodies import can_be_replaced, source_text, stand_in_schema, success_schema
from aggregator.server.openapi.answers.outcomes import ANY_TYPE, Outcome, status_keys

_STREAMED = ("cache-control", "etag")


def successes(plan: EndpointPlan, body_name: str | None) -> Iterator[Outcome]:
    """Yield what *plan* answers when no required part fails; *body_name* is the component of its request body."""
    schema = {} if _passes_through(plan) else success_schema(plan, body_name)
    headers = tuple(_success_headers(plan))
    keys = _success_keys(plan)
    for key in keys:
        for media in _media_types(plan) if _has_body(plan, key) else (None,):
            yield Outcome(key, _success_text(plan, key), media, schema, headers)
    if _passes_through(plan) and plan.fan is not None and can_be_replaced(plan.fan.parts[0]):
        text = stand_in_schema(plan.fan.parts[0])["description"]
        yield Outcome(str(plan.response.status or 200), text, ANY_TYPE, {}, headers)
    yield from _verdicts(plan)
    if plan.method in FETCHING and {"200", "default"}.intersection(keys):
        yield from _conditional(plan, headers)


def _conditional(plan: EndpointPlan, headers: tuple[str, ...]) -> Iterator[Outcome]:
    """Yield what *plan* answers to a condition or a range in place of a whole answer of ours."""
    if plan.response.etag or plan.keeping is not None:
        yield Outcome("304", "The client has this very body already.", None, None, headers)
    if plan.keeping is not None and plan.method == "GET":
        ranged = (*headers, "content-range")
        for media in _media_types(plan):
            yield Outcome("206", "The range of the body that the client has asked for.", media, {}, ranged)
        yield Outcome("416", "The body has no such range.", None, None, ("content-range",))


_VERDICTS = {
    304: "The client has this very body already.",
    412: "A condition of the request does not hold.",
    416: "The upstream has no such range.",
}


def _verdicts(plan: EndpointPlan) -> Iterator[Outcome]:
    """Yield what the call of *plan* may answer to a condition of the client, which is no failure."""
    found = {status for call in calls_in(plan.fan) for status, _ in call.success.verdicts}
    for status in sorted(found):
        media = ANY_TYPE if has_body(status) and plan.method != "HEAD" else None
        yield Outcome(str(status), _VERDICTS[status], media, {} if media else None, needed_names(status))


def _has_body(plan: EndpointPlan, key: str) -> bool:
    if plan.method == "HEAD" or (plan.kind == "respond" and plan.response.body is None):
        return False
    return not key.isdigit() or has_body(int(key))


def _success_keys(plan: EndpointPlan) -> tuple[str, ...]:
    """Return the statuses of an answer whose parts did not fail: those of a single call pass through."""
    response = plan.response
    if response.status_expression is not None:
        return ("default",)
    statuses = _passed_statuses(plan.fan.parts[0]) if plan.kind == "call" and plan.fan is not None else frozenset({200})
    if response.status is not None:
        stays = plan.stream and 206 in statuses - {response.status}  # a part of a body keeps its status
        return (str(response.status), "206") if stays else (str(response.status),)
    if not _passes_through(plan):  # what has a body of ours has a status that allows one
        statuses = frozenset(status if has_body(status) else 200 for status in statuses)
    keys = status_keys(statuses)
    return ("200", *keys) if "2XX" in keys else keys


def _passed_statuses(part: PartPlan) -> frozenset[int]:
    """Return the statuses of upstreams that pass through *part*; 200 when it has none of its own."""
    statuses: frozenset[int] = frozenset()
    for call in part.calls if part.each is None else ():
        statuses |= call.success.statuses
    for runner in part.inner if isinstance(part.core, RacePlan) else ():
        statuses |= _passed_statuses(runner)
    return statuses | {200} if not statuses or can_be_replaced(part) else statuses


def _success_text(plan: EndpointPlan, key: str) -> str:
    if key == "default":
        return "The answer; its status is computed."
    if plan.kind != "call" or plan.fan is None or plan.response.body is not None:
        return "The answer."
    text = "Any other success, passed on likewise." if key == "2XX" else source_text(plan.fan.parts[0])
    return f"{text[:-1]}, passed on as it comes." if plan.stream else text


def _media_types(plan: EndpointPlan) -> tuple[str, ...]:
    response = plan.response
    if response.formats != ("json",):
        return tuple(require(name).media_types[0] for name in response.formats)
    declared = next((value for name, value in response.headers if name == b"content-type"), None)
    if declared is not None:
        value = declared.render({}) if declared.is_constant else None
        return (value.split(";")[0].strip(),) if isinstance(value, str) else (ANY_TYPE,)
    return (ANY_TYPE,) if _passes_through(plan) else ("application/json",)


def _passes_through(plan: EndpointPlan) -> bool:
    return plan.raw or plan.stream


def _success_headers(plan: EndpointPlan) -> Iterator[str]:
    response = plan.response
    yield from (name.decode("ascii") for name, _ in (*response.headers, *response.pass_headers))
    if response.cookies:
        yield "set-cookie"
    if plan.idempotency is not None:
        yield "idempotency-replayed"
    if plan.stream:
        yield from _STREAMED
        return
    if (response.etag or plan.keeping is not None) and plan.method in FETCHING:
        yield "etag"
    if response.formats != ("json",) or response.cache_control == "compute":
        yield "vary"
    partial = plan.fan is not None and any(map(_may_be_partial, plan.fan.parts))
    if response.cache_control is not None or partial:
        yield "cache-control"
    if partial:
        yield "aggregator-parts"


def _may_be_partial(part: PartPlan) -> bool:
    """Return whether an answer can lack *part*, or something in it, and still be a success."""
    if part.optional or (part.each is not None and part.each.on_error != "fail"):
        return True
    return any(map(_may_be_partial, part.inner))
