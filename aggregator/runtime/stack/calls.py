"""Calls, with what is around them, in the order that ``plan/order/call.py`` declares."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aggregator.parts.frame import Part
from aggregator.plan.calls import CallPlan, PartPlan
from aggregator.plan.order.call import AROUND_CALL, Attempt, asked_by
from aggregator.plan.order.step import tied
from aggregator.policies.breaker.breaking import Broken
from aggregator.policies.cache.batches import CachedBatch
from aggregator.policies.cache.calls import Cached
from aggregator.policies.cache.elements import Elements
from aggregator.policies.cache.flights import Coalesced, flights_of
from aggregator.policies.cache.purged.tagged import Tagged
from aggregator.policies.cache.standard.invalidating import Invalidating
from aggregator.policies.cache.standard.obeying import Obeying
from aggregator.policies.call_budget.spending import Budgeted, is_spent
from aggregator.policies.concurrency.holding import Placed
from aggregator.policies.hedge.hedging import Hedged
from aggregator.policies.rate_limit.pacing import Paced
from aggregator.policies.retry.retrying import Retried
from aggregator.policies.switches.switched import SwitchedOff
from aggregator.runtime.calls.direct import direct
from aggregator.runtime.calls.dry import DryRun
from aggregator.runtime.calls.keyed import Keyed
from aggregator.runtime.calls.unhindered import unhindered
from aggregator.runtime.foresight.foreseeing import foresight_of
from aggregator.runtime.foresight.parts import Foreseen, Writing, is_looked_at, keying_of
from aggregator.runtime.foresight.reading import long_reads
from aggregator.runtime.parts.batching import compile_find, keys_in, text_of_key
from aggregator.runtime.parts.choices import chosen_part, routed_part
from aggregator.runtime.parts.each import Each
from aggregator.runtime.plugins.functions import Transformed
from aggregator.runtime.stack.sending import build_leaf, build_sender, build_teller
from aggregator.runtime.stack.site import Site


def build_attempt(attempt: Attempt, at: Site) -> Part:
    """Return one alternative of a part: its call, with what is around it."""
    part: Part | None = None
    for step, wrap in reversed(_AROUND_CALL):
        part = wrap(part, attempt, at) if step.has(attempt) else part
    assert part is not None
    return part


def transformed(part: Part, plan: PartPlan | CallPlan, at: Site) -> Part:
    """Return *part* with the function of *plan* behind it; raises ``StartupError`` when it cannot be loaded."""
    assert plan.transform is not None
    return Transformed(part, at.resources.plugins.function(plan.transform))


def _per_item(part: Part, attempt: Attempt, at: Site) -> Part:
    assert attempt.each is not None
    budget = attempt.call.budget
    each, cuts = attempt.each, budget is not None and budget.cuts
    if not isinstance(part, CachedBatch):
        reads = long_reads((each.items, each.key, each.reads), at.params)
        return Each(part, each, attempt.rows, cuts=cuts, reads=reads)
    foresight = foresight_of((each.items, each.key, asked_by(attempt.call), attempt.call.request), at.params)
    whole = Each(part, each, attempt.rows, cuts=cuts, ranks=part.ranks)  # what is kept is looked at in the loop
    keying = keying_of(part.elements, attempt.call, at.params, lambda frame: keys_in(each, frame.names), each)
    return whole if foresight is None and keying is None else Foreseen(whole, foresight, keying)


def _told(part: Part, attempt: Attempt, at: Site) -> Part:
    teller = build_teller(attempt.call, at.key, at.resources, attempt.number + 1)
    part = part if teller is None else teller.around(part)
    return part if attempt.call.retry is not None else direct(unhindered(part))


def _broken(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    breakers = at.resources.breakers(plan.upstream)
    return part if breakers is None else Broken(part, breakers, plan.upstream.label, plan.rows)


def _budgeted(part: Part, attempt: Attempt, _: Site) -> Part:
    plan = attempt.call
    assert plan.budget is not None
    return Budgeted(part, plan.budget, plan.upstream.label, plan.rows)


def _cached(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    assert plan.cache is not None
    if plan.cache.elements is not None:
        batch = _cached_batch(part, plan, at)
        return batch if attempt.each is not None else _keyed_ahead(batch, plan, at)
    kind, kept = Obeying if plan.cache.obeys else Cached, at.resources.kept(plan.upstream)
    shared = at.resources.levels.replies(plan.upstream, kept) if plan.cache.shared else None
    return kind(part, _keyed(plan, at), kept, plan.cache, shared)


def _keyed_ahead(batch: CachedBatch, plan: CallPlan, at: Site) -> Part:
    """Return *batch*, behind a choice or a route, of which the list that it is for does not know."""
    keying = keying_of(batch.elements, plan, at.params, lambda frame: frame.names["keys"])
    return batch if keying is None else Foreseen(batch, None, keying)


def _cached_batch(part: Part, plan: CallPlan, at: Site) -> CachedBatch:
    cache, resources = plan.cache, at.resources
    assert cache is not None
    assert cache.elements is not None
    call, find = _keyed(plan, at), compile_find(cache.elements.path, cache.elements.key, plan.name)
    kept = resources.kept(plan.upstream)
    level = resources.levels.elements(plan.upstream, kept) if cache.shared else None
    elements = Elements(call, kept, cache, find, text_of_key, level)
    return CachedBatch(part, call, elements, resources.flights(plan.upstream), plan.rows, _ahead(plan, at))


def _tagged(part: Part, attempt: Attempt, at: Site) -> Part:
    return Tagged(part, _keyed(attempt.call, at)) if at.is_kept else part


def _invalidating(part: Part, attempt: Attempt, at: Site) -> Part:
    plan, resources = attempt.call, at.resources
    upstream = plan.upstream
    tell = partial(resources.purges.tell_places, upstream.name)
    return Invalidating(part, _keyed(plan, at), resources.kept(upstream), resources.flights(upstream), tell)


def _coalesced(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    if plan.coalesce == "request" and plan.cache is None:
        return Coalesced(part, _keyed(plan, at), flights_of)
    flights, tags = at.resources.flights(plan.upstream), () if plan.cache is None else plan.cache.tags
    return Coalesced(part, _keyed(plan, at), lambda _: flights, tags)


def _keyed(plan: CallPlan, at: Site) -> Keyed:
    return Keyed(build_sender(plan, at.resources, at.params))


def _placed(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    places = at.resources.places(plan.upstream)
    if places is None:
        return part
    return Placed(
        part, places, plan.upstream.label, plan.rows, plan.timeout, plan.steps, optional=attempt.optional or at.optional
    )


def _paced(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    pace = at.resources.pace(plan.upstream)
    return part if pace is None else Paced(part, pace, plan.upstream.label, plan.rows, plan.timeout)


def _retried(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    assert plan.retry is not None
    is_over = None if plan.budget is None else partial(is_spent, plan.budget)
    return unhindered(Retried(part, plan.retry, at.resources.budget(plan.upstream), plan.timeout, is_over=is_over))


def _switched(part: Part, attempt: Attempt, at: Site) -> Part:
    plan = attempt.call
    assert plan.off is not None
    return SwitchedOff(part.name, plan.off, plan.upstream.label, plan.rows, at.resources.clock)


def _hedged(part: Part, attempt: Attempt, at: Site) -> Part:
    plan, resources = attempt.call, at.resources
    assert plan.hedge is not None
    latencies = resources.latencies(f"{at.key} {plan.name} {attempt.number + 1}")
    budget = resources.budget(plan.upstream)
    return Hedged(part, plan.hedge, budget, latencies, plan.timeout, counts=plan.retry is None)


def _foreseen(part: Part, attempt: Attempt, at: Site) -> Part:
    """Return *part* behind what it computes of long values, and behind its request where something looks at that."""
    plan = attempt.call
    if isinstance(part, CachedBatch) and attempt.each is not None:
        return part  # all of it is foreseen before the list is made
    foresight = foresight_of(asked_by(plan), at.params)
    writing = _writing(plan, at) if is_looked_at(plan) and not isinstance(part, CachedBatch) else None
    return part if foresight is None and writing is None else Foreseen(part, foresight, writing)


def _writing(plan: CallPlan, at: Site) -> Writing | None:
    """Return what writes the request of *plan* ahead; None where nothing of it is long."""
    request = plan.request
    reads = long_reads((request.query, request.headers, request.body), at.params)
    return None if reads is None else Writing(build_sender(plan, at.resources, at.params), reads)


def _ahead(plan: CallPlan, at: Site) -> Callable[[Part], Part]:
    """Return what puts a part, which looks at the request of *plan*, behind what writes that ahead."""
    writing = _writing(plan, at)
    return lambda part: part if writing is None else Foreseen(part, None, writing)


_AROUND_BUILDERS: dict[str, Callable[[Any, Attempt, Site], Part]] = {
    "choose": lambda _, attempt, at: chosen_part(attempt, lambda one: build_attempt(one, at)),
    "route": lambda _, attempt, at: routed_part(attempt, lambda one: build_attempt(one, at)),
    "for_each": _per_item,
    "foresight": _foreseen,
    "dry_run": lambda _, attempt, at: DryRun(build_sender(attempt.call, at.resources, at.params)),
    "transform": lambda part, attempt, at: transformed(part, attempt.call, at),
    "cache": _cached,
    "tags": _tagged,
    "invalidate": _invalidating,
    "coalesce": _coalesced,
    "switches": _switched,
    "retry": _retried,
    "hedge": _hedged,
    "told": _told,
    "call_budget": _budgeted,
    "breaker": _broken,
    "rate_limit": _paced,
    "concurrency": _placed,
    "send": lambda _, attempt, at: build_leaf(attempt, at),
}


_AROUND_CALL = tied(AROUND_CALL, _AROUND_BUILDERS)
