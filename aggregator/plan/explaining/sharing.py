"""What several processes count together, and what each has for itself."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.plan.analysis.walking import calls_in, parts_in
from aggregator.plan.types import EndpointPlan, Plan


def sharing_words(endpoint: EndpointPlan, whole: Plan) -> tuple[str, ...]:
    """Return what of *endpoint* processes share, and what they do not; nothing where there is one process alone."""
    store, workers = whole.store, whole.server.workers
    if workers.count == 1 and not store.is_remote:
        return ()
    place = store.address.label if store.is_remote else "the supervisor"
    limits = (f"limits are counted by all processes together, in {place}; while it is away each grants its share",)
    failures = (f"wrong credentials are counted by all processes together, in {place}; while it is away by each alone",)
    purges = (f"what one process purges all forget, told by way of {place}",)
    kept = ", ".join(_kept_for_all(endpoint))
    replies = (f"{kept} are kept for all processes, in {place}; while it is away each has only its own",)
    flights = (
        "of processes that lack the same at once one fetches it; others wait for up to half of their time, 5s at most",
    )
    repeats = (f"answers by idempotency key are kept for all processes, in {place}; while it is away they are 503",)
    apart = tuple(dict.fromkeys(_apart(endpoint)))
    each = (f"each process has for itself: {', '.join(apart)}",)
    return (
        *(limits if _has_limits(endpoint) else ()),
        *(failures if _counts_failures(endpoint, whole) else ()),
        *(purges if _has_purges(endpoint) else ()),
        *(replies if kept else ()),
        *(flights if _has_flights(endpoint) else ()),
        *(repeats if endpoint.idempotency is not None and whole.server.idempotency.is_shared else ()),
        *(each if apart else ()),
    )


def _has_limits(endpoint: EndpointPlan) -> bool:
    """Return whether requests of *endpoint*, or its calls, are limited in how many come in a time."""
    limited = any(call.upstream.rate_limit is not None for call in calls_in(endpoint.fan))
    return bool(endpoint.admission.limits.windows) or limited


def _counts_failures(endpoint: EndpointPlan, whole: Plan) -> bool:
    """Return whether an address may send wrong credentials to *endpoint* a limited number of times."""
    auth = endpoint.admission.auth
    return auth is not None and any(one.failures is not None and one.name in auth.schemes for one in whole.schemes)


def _has_purges(endpoint: EndpointPlan) -> bool:
    """Return whether *endpoint* keeps something, or makes something old that others keep."""
    calls = tuple(calls_in(endpoint.fan))
    keeps = endpoint.keeping is not None or any(call.cache is not None for call in calls)
    return keeps or bool(endpoint.purges) or any(call.invalidates for call in calls)


def _kept_for_all(endpoint: EndpointPlan) -> Iterator[str]:
    """Yield what is kept in the store, too."""
    if endpoint.keeping is not None and endpoint.keeping.keep.shared:
        yield "answers"
    if any(call.cache is not None and call.cache.shared for call in calls_in(endpoint.fan)):
        yield "replies"
    if any(part.last_good is not None and part.last_good.shared for part in parts_in(endpoint.fan)):
        yield "last good values"


def _has_flights(endpoint: EndpointPlan) -> bool:
    """Return whether a process may wait for what another one fetches; for elements of batches none does."""
    if endpoint.keeping is not None and endpoint.keeping.keep.shared:
        return True
    single = [part for part in parts_in(endpoint.fan) if part.each is None or part.each.batch is None]
    calls = [choice for part in single for call in part.calls for choice in call.each_choice]
    return any(call.cache is not None and call.cache.shared for call in calls)


def _apart(endpoint: EndpointPlan) -> Iterator[str]:
    """Yield what no store keeps, in the words of the file."""
    if endpoint.admission.at_once:
        yield "concurrency"
    if endpoint.keeping is not None and not endpoint.keeping.keep.shared:
        yield "cache"
    if any(part.last_good is not None and not part.last_good.shared for part in parts_in(endpoint.fan)):
        yield "last good values"
    for call in calls_in(endpoint.fan):
        upstream = call.upstream
        kept = None if call.cache is None or call.cache.shared else call.cache
        policies = (
            ("cache", kept), ("retry budget", call.retry), ("hedge", call.hedge), ("breaker", upstream.breaker),
            ("concurrency of upstreams", upstream.concurrency),
        )  # fmt: skip
        yield from (name for name, policy in policies if policy is not None)
