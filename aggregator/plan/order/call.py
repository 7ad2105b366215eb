"""The order of a call: what is around a part, each of its alternatives, and the way to its upstream, from outside in.

``runtime/stack`` wraps each call from these tuples, so that nothing is around a call that does not stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from aggregator.durations import rate_text
from aggregator.plan.analysis.roots import slow_in
from aggregator.plan.calls import CallPlan, EachPlan, PartPlan
from aggregator.plan.order.step import Step, step, words_of
from aggregator.plan.types import RowPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.cache.plan import cache_text
from aggregator.policies.retry.plan import budget_words


class Attempt(Struct, frozen=True):
    """One alternative of a part: a *call*, its *number* from 0, and what is made *each* item of it.

    *rows* are those of the status map of the part, *optional* tells that the answer goes without it. What it sends when
    it *is_fixed* was written before. When it *is_stream* its answer passes as it comes.
    """

    call: CallPlan
    number: int = 0
    each: EachPlan | None = None
    rows: tuple[RowPlan, ...] = ()
    optional: bool = False
    is_fixed: bool = False
    is_stream: bool = False


def attempts_of(part: PartPlan, *, is_stream: bool = False) -> tuple[Attempt, ...]:
    """Return the alternatives of *part*; only the first one is made for each item of a list."""
    return tuple(
        Attempt(call, number, None if number else part.each, part.rows, part.optional, is_stream=is_stream)
        for number, call in enumerate(part.calls)
    )


def _ours(has: Callable[[Attempt], bool]) -> Callable[[Attempt], bool]:
    """Return *has* for calls that go to one service: what is behind a choice or a route is around each of its calls."""
    return lambda attempt: not attempt.call.routes and attempt.call.choice is None and has(attempt)


def _choice_words(attempt: Attempt) -> tuple[str, ...]:
    """Return the words of the choice, and of what is around each of its calls."""
    choice = attempt.call.choice
    assert choice is not None
    each = [" → ".join(words_of(AROUND_CALL, replace(attempt, call=call, each=None))) for call in choice.calls]
    return (choice.chance.words, " | ".join(each))


def _route_words(attempt: Attempt) -> tuple[str, ...]:
    """Return the words of the route, and of what is around the call to the first of its services, as to all."""
    route = attempt.call.upstream.route
    assert route is not None
    first = replace(attempt, call=next(iter(attempt.call.by_key().values())), each=None)
    return (route.words, *words_of(TO_SERVICE, first))


def asked_by(call: CallPlan) -> tuple[Any, ...]:
    """Return what is evaluated around *call* and to tell its place, before and after it is made.

    What each choice of it does is foreseen when it is made.
    """
    if call.choice is not None:
        return (call.choice.chance,)
    upstream = call.upstream
    route = None if upstream.route is None else upstream.route.by
    when = None if upstream.mock is None else upstream.mock.when
    tags = () if call.cache is None else call.cache.tags
    return (route, when, tags, upstream.breaker, upstream.hosts, call.request.query)


def _computes(attempt: Attempt) -> bool:
    """Return whether something is computed of values that may be long, for the call or around it."""
    return bool(slow_in((asked_by(attempt.call), attempt.call.request)))


def _is_guarded(part: PartPlan) -> bool:
    return part.when is not None or part.optional or part.timeout is not None or part.shape is not None


def _guard_words(part: PartPlan) -> tuple[str, ...]:
    said = (("when", part.when), ("optional", part.optional or None), ("timeout", part.timeout), ("shape", part.shape))
    return tuple(word for word, value in said if value is not None)


def _last_good_words(part: PartPlan) -> tuple[str, ...]:
    assert part.last_good is not None
    return (part.last_good.words,)


def _auth_words(upstream: UpstreamPlan) -> tuple[str, ...]:
    return () if upstream.credentials is None else (f"auth ({upstream.credentials.scheme})",)


def _hedge_words(attempt: Attempt) -> tuple[str, ...]:
    hedge = attempt.call.hedge
    assert hedge is not None
    return (hedge.words(attempt.call.upstream.budget.hedges),)


def _mock_words(upstream: UpstreamPlan) -> tuple[str, ...]:
    return () if upstream.mock is None else (upstream.mock.words,)


def _has_breaker(attempt: Attempt) -> bool:
    breaker = attempt.call.upstream.breaker
    return breaker is not None and not breaker.by_host


def _breaker_words(attempt: Attempt) -> tuple[str, ...]:
    plan = attempt.call.upstream.breaker
    assert plan is not None
    return (plan.words,)


def _cache_words(attempt: Attempt) -> tuple[str, ...]:
    assert attempt.call.cache is not None
    return (f"cache {cache_text(attempt.call.cache)}",)


def _flies(attempt: Attempt) -> bool:
    return attempt.call.coalesce != "no" or attempt.call.cache is not None


def _budget_words(attempt: Attempt) -> tuple[str, ...]:
    assert attempt.call.budget is not None
    return (attempt.call.budget.words,)


def _rate_words(attempt: Attempt) -> tuple[str, ...]:
    plan = attempt.call.upstream.rate_limit
    assert plan is not None
    return (f"rate_limit {rate_text(plan.rate.count, plan.rate.period)}",)


def _concurrency_words(attempt: Attempt) -> tuple[str, ...]:
    """Return the words of the places that are taken; those of streams alone come first."""
    upstream = attempt.call.upstream
    assert upstream.concurrency is not None
    streams = upstream.streams if attempt.is_stream else None
    return (*(() if streams is None else (f"max_streams {streams.limit}",)), upstream.concurrency.words)


AROUND_PART: Final[tuple[Step[PartPlan], ...]] = (
    Step("foresight", lambda part: bool(slow_in((part.when, part.default))), lambda _: ()),
    Step("guard", _is_guarded, _guard_words),
    Step("last_good", lambda part: part.last_good is not None, _last_good_words),
    step("transform", lambda part: part.transform is not None),
)
"""What is around all alternatives of a part; what it computes of long values is computed first, in a thread."""


def _retry_words(attempt: Attempt) -> tuple[str, ...]:
    retry = attempt.call.retry
    assert retry is not None
    return (retry.words, budget_words(attempt.call.upstream.budget))


def _way_words(upstream: UpstreamPlan) -> tuple[str, ...]:
    hosts = () if upstream.hosts is None else (upstream.hosts.words,)
    if upstream.breaker is not None and upstream.breaker.by_host:
        hosts = (*hosts, upstream.breaker.words)
    return (*hosts, *words_of(AROUND_DOOR, upstream), upstream.name)


AROUND_DOOR: Final[tuple[Step[UpstreamPlan], ...]] = (
    Step("auth", lambda upstream: upstream.credentials is not None, _auth_words),
    Step("mock", lambda upstream: upstream.mock is not None, _mock_words),
)
"""What is around the way to an upstream, or to one host of it: met by each request that is sent, repeated ones too."""

TO_SERVICE: Final[tuple[Step[Attempt], ...]] = (
    step("dry_run", _ours(lambda attempt: attempt.call.dry_run != "no"), "a dry run: nothing is sent"),
    step("transform", _ours(lambda attempt: attempt.call.transform is not None)),
    Step("cache", _ours(lambda attempt: attempt.call.cache is not None), _cache_words),
    Step("tags", _ours(lambda attempt: attempt.call.cache is None), lambda _: ()),
    step("invalidate", _ours(lambda attempt: attempt.call.invalidates), "ends what is kept there"),
    Step("coalesce", _ours(_flies), lambda attempt: ("coalesce",) if attempt.call.coalesce == "all" else ()),
    Step("retry", _ours(lambda attempt: attempt.call.retry is not None), _retry_words),
    Step("hedge", _ours(lambda attempt: attempt.call.hedge is not None), _hedge_words),
    Step("told", _ours(lambda _: True), lambda _: ()),
    Step("call_budget", _ours(lambda attempt: attempt.call.budget is not None), _budget_words),
    Step("breaker", _ours(_has_breaker), _breaker_words),
    Step("rate_limit", _ours(lambda attempt: attempt.call.upstream.rate_limit is not None), _rate_words),
    Step("concurrency", _ours(lambda attempt: attempt.call.upstream.concurrency is not None), _concurrency_words),
    Step(
        "send",
        _ours(lambda _: True),
        lambda attempt: _way_words(attempt.call.upstream),
    ),
)
"""What is around a call to one service; its *tags* are for what is kept around it, it is *told* to
listeners, if there are any, and the last step sends it."""

AROUND_CALL: Final[tuple[Step[Attempt], ...]] = (
    step("switches", lambda attempt: attempt.call.off is not None and attempt.call.choice is None, "switched off"),
    step("for_each", lambda attempt: attempt.each is not None),
    Step("foresight", _computes, lambda _: ()),
    Step("choose", lambda attempt: attempt.call.choice is not None, _choice_words),
    Step("route", lambda attempt: bool(attempt.call.routes) and attempt.call.choice is None, _route_words),
    *TO_SERVICE,
)
"""What is around one alternative, with *foresight* of what the steps behind it compute. A route stands in for all
that is behind it, which each of its services has.
"""
