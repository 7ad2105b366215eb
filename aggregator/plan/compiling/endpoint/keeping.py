"""What an endpoint keeps of its answers, and the inputs that tell them apart: all that its plan reads or passes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec.structs import replace

from aggregator.plan.analysis.roots import Reference, references_in
from aggregator.plan.analysis.walking import calls_in_part
from aggregator.plan.calls import CallPlan, FanPlan, PartPlan
from aggregator.plan.edge import EdgePlan
from aggregator.plan.types import ResponsePlan, RowPlan
from aggregator.policies.cache.compiling import compile_cache
from aggregator.policies.cache.plan import (
    AnswerCachePlan,
    AnswerKeyPlan,
    LastGoodPlan,
    of_endpoint,
    of_place,
    of_upstream,
)
from aggregator.policies.cache.purged.naming import naming
from aggregator.policies.cache.settings import AnswerCacheSettings, LastGoodSettings
from aggregator.policies.credentials.plan import is_for_callers

_MOMENTS = frozenset({"id", "time"})
_ROOTS = ("query", "headers", "cookies", "request", "auth")
_OF_CLIENT = frozenset({"client", "host", "scheme", "port"})
Read = tuple[FanPlan | None, ResponsePlan, tuple[RowPlan, ...]]


def compile_keeping(
    settings: AnswerCacheSettings | None, start: tuple[str, str, bytes], calls: Iterable[CallPlan], read: Read,
    params: Collection[str], *, asks_who: bool, edge: EdgePlan,
) -> AnswerCachePlan | None:  # fmt: skip
    """Return what is kept of the answers of an endpoint; None when nothing is.

    *start* are its key, method and digest, *calls* those that make its answer, *read* the pieces of its plan that do;
    *params* are the names of parameters of its path, *asks_who* tells whether callers are known, *edge* what is done to
    every answer.
    """
    key, method, digest = start
    keep = None if settings is None else compile_cache(settings, None, method)
    if settings is None or keep is None:
        return None
    calls = tuple(calls)
    references = references_in(read) | references_in(keep.tags)
    plan = _key(
        settings, key.encode() + digest, calls, (read[1], references), identity=asks_who and not settings.public
    )
    tags = (of_endpoint(key), *dict.fromkeys(of_upstream(call.upstream.name) for call in calls))
    inputs = {*_ROOTS, "body", "params", *params}
    theirs = [tag for call in calls if call.cache is not None for tag in call.cache.tags]
    own, whole = naming(tags, keep.tags, inputs), naming(tags, (*keep.tags, *theirs), inputs, [of_place("")])
    return AnswerCachePlan(
        keep, plan, settings.public, "no-cache" in settings.obey, _has_own_life(read[1], edge), tags, own, whole
    )


def _has_own_life(response: ResponsePlan, edge: EdgePlan) -> bool:
    """Return whether the file says how long clients may keep an answer; ``compute`` takes the age of parts off."""
    names = {name for name, _ in (*response.headers, *edge.fixed, *edge.made)}
    return response.cache_control is not None or b"cache-control" in names


def _key(
    settings: AnswerCacheSettings, start: bytes, calls: tuple[CallPlan, ...],
    read: tuple[ResponsePlan, set[Reference]], *, identity: bool,
) -> AnswerKeyPlan:  # fmt: skip
    response, references = read
    query = {*settings.query, *(("fields",) if response.fields else ())}
    headers = {*map(str.lower, settings.vary), *(("accept",) if response.formats != ("json",) else ())}
    narrowed = {name for name, said in (("query", settings.query), ("headers", settings.vary)) if said}
    plan = inputs_of(start, calls, references, query=query, headers=headers, narrowed=narrowed)
    return replace(plan, identity=identity)


def inputs_of(
    start: bytes, calls: Iterable[CallPlan], references: Collection[tuple[str, ...]],
    *, query: Collection[str] = (), headers: Collection[str] = (), narrowed: Collection[str] = (),
) -> AnswerKeyPlan:  # fmt: skip
    """Return all inputs that *references* read, or *calls* pass on, with those of *query* and *headers* besides.

    What is *narrowed* ("query", "headers") is no more than what is named, also where all of it is passed on.
    """
    calls = tuple(calls)
    references = {*references, *_references_of_ways(calls)}
    found = {root: {ref[1] for ref in references if ref[0] == root and len(ref) > 1} for root in _ROOTS}
    passed = tuple(sorted({name for call in calls for name in call.request.forward_query}))
    found["query"] |= {*query, *passed}
    found["headers"] = {name.lower() for name in found["headers"]} | set(headers)
    for call in calls:
        sent = call.request
        found["headers"].update(name.decode() for name in sent.forward_headers)
        for place in sent.forward_caller:
            found["headers" if place.where == "header" else "cookies"].add(place.field.lower())
        found["request"] |= _OF_CLIENT if sent.forward_client != "no" else set()
    rests = [call.request.forward_rest for call in calls]
    named = {root: tuple(sorted(names)) for root, names in found.items()}
    every = {
        "query": ("query",) in references or any(rest.query is not None for rest in rests),
        "headers": ("headers",) in references or any(rest.headers is not None for rest in rests),
    }
    return AnswerKeyPlan(
        start,
        None if every["query"] and "query" not in narrowed else named["query"],
        None if every["headers"] and "headers" not in narrowed else named["headers"],
        named["cookies"],
        tuple(name for name in named["request"] if name not in _MOMENTS),
        named["auth"],
        body=any(ref[0] == "body" for ref in references) or any(c.request.body_kind == "forward" for c in calls),
        passed=passed,
    )


def _references_of_ways(calls: Iterable[CallPlan]) -> Iterator[tuple[str, ...]]:
    """Yield what tells whom calls go to, where their upstream is several, or a mock stands in for some of them."""
    for upstream in (call.upstream for call in calls):
        if upstream.route is not None:
            yield from upstream.route.by.references
        if upstream.mock is not None and upstream.mock.when is not None:
            yield from upstream.mock.when.references


def compile_last_good(settings: LastGoodSettings, part: PartPlan) -> LastGoodPlan:
    """Return how long the last good value of *part* stands in for a failure, and what that value depends on.

    Where an upstream is called in the name of callers, each of them has values apart: nothing in the request that the
    part reads may tell them from others.
    """
    references, calls = references_in(part), calls_in_part(part)
    roots = {ref[1] if ref[0] == "calls" and len(ref) > 1 else ref[0] for ref in references}
    upstreams = [call.upstream for call in calls]
    plan = replace(
        inputs_of(part.name.encode(), calls, references),
        identity=any(is_for_callers(one.credentials) for upstream in upstreams for one in upstream.each_service),
    )
    tags = tuple(dict.fromkeys(of_upstream(upstream.name) for upstream in upstreams))
    results = tuple(sorted(roots - {*_ROOTS, "body", "calls", "params"}))
    return LastGoodPlan(settings.ttl, plan, results, tags, settings.shared)
