"""What an endpoint keeps of its answers, and the inputs that tell them apart: all that its plan reads or passes on."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.plan.analysis.roots import references_in
from aggregator.plan.calls import CallPlan, FanPlan
from aggregator.plan.types import ResponsePlan, RowPlan
from aggregator.policies.cache.compiling import compile_cache
from aggregator.policies.cache.plan import AnswerCachePlan, AnswerKeyPlan, of_endpoint, of_upstream
from aggregator.policies.cache.settings import AnswerCacheSettings

_MOMENTS = frozenset({"id", "time"})
Read = tuple[FanPlan | None, ResponsePlan, tuple[RowPlan, ...]]


def compile_keeping(
    settings: AnswerCacheSettings | None, start: tuple[str, str, bytes], calls: Iterable[CallPlan], read: Read,
    *, asks_who: bool,
) -> AnswerCachePlan | None:  # fmt: skip
    """Return what is kept of the answers of an endpoint; None when nothing is.

    *start* are its key, method and digest, *calls* those that make its answer, *read* the pieces of its plan that do;
    *asks_who* tells whether callers are known.
    """
    key, method, digest = start
    keep = None if settings is None else compile_cache(settings, None, method)
    if settings is None or keep is None:
        return None
    calls = tuple(calls)
    plan = _key(settings, key.encode() + digest, calls, read, identity=asks_who and not settings.public)
    tags = (of_endpoint(key), *dict.fromkeys(of_upstream(call.upstream.name) for call in calls))
    return AnswerCachePlan(keep, plan, settings.public, "no-cache" in settings.obey, tags)


def _key(
    settings: AnswerCacheSettings, start: bytes, calls: tuple[CallPlan, ...], read: Read, *, identity: bool
) -> AnswerKeyPlan:
    references = references_in(read)
    fields = {"fields"} if read[1].fields else set()
    query = {ref[1] for ref in references if ref[0] == "query" and len(ref) > 1} | fields
    headers = {ref[1].lower() for ref in references if ref[0] == "headers" and len(ref) > 1}
    cookies = {ref[1] for ref in references if ref[0] == "cookies" and len(ref) > 1}
    request = {ref[1] for ref in references if ref[0] == "request" and len(ref) > 1} - _MOMENTS
    headers |= {"accept"} if read[1].formats != ("json",) else set()
    for call in calls:
        sent = call.request
        query.update(sent.forward_query)
        headers.update(name.decode() for name in sent.forward_headers)
        headers.update(place.field.lower() for place in sent.forward_caller if place.where == "header")
        cookies.update(place.field for place in sent.forward_caller if place.where == "cookie")
        request |= {"client", "host", "scheme", "port"} if sent.forward_client != "no" else set()
    all_query = ("query",) in references or any(call.request.forward_rest.query is not None for call in calls)
    all_headers = ("headers",) in references or any(call.request.forward_rest.headers is not None for call in calls)
    passes_body = any(call.request.body_kind == "forward" for call in calls)
    return AnswerKeyPlan(
        start,
        None if all_query and not settings.query else tuple(sorted({*query, *settings.query})),
        None if all_headers and not settings.vary else tuple(sorted({*headers, *(v.lower() for v in settings.vary)})),
        tuple(sorted(cookies)),
        tuple(sorted(request)),
        tuple(sorted({ref[1] for ref in references if ref[0] == "auth" and len(ref) > 1})),
        identity,
        passes_body or any(ref[0] == "body" for ref in references),
    )
