"""The limits of an endpoint: those of the server, of its prefixes, and its own, at the place where each can be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

from aggregator.config.model.auth import AdmissionSettings
from aggregator.config.model.root import RootSettings
from aggregator.durations import quota_of, rate_of
from aggregator.edge.prefixes import is_below, layers_of
from aggregator.plan.compiling.expressions import optional_expression
from aggregator.policies.callers.plan import AtOncePlan
from aggregator.policies.rate_limit.plan import UNLIMITED, LimitsPlan, WindowPlan
from aggregator.policies.rate_limit.settings import RateLimitSettings
from aggregator.stores.quota import Quota, Unit
from aggregator.stores.rate import Rate
from aggregator.templates import Expression

_T = TypeVar("_T")


def compile_limits(
    settings: AdmissionSettings, key: str, path: str, params: tuple[str, ...], root: RootSettings
) -> LimitsPlan:
    """Return the limits of the endpoint *key* at *path*, whose placeholders are *params*.

    Those of the server and of prefixes are shared by all that is below; those of ``defaults`` are each endpoint's own.
    """
    places: dict[str, tuple[WindowPlan, ...]] = {"early": (), "known": (), "valid": ()}
    titles: Counter[str] = Counter()
    for state, window, is_own in _declared(settings, key, path, root):
        plan = _window(state, window, titles, is_own=is_own)
        places[_place(plan, params)] += (plan,)
    limits = LimitsPlan(**places)
    return UNLIMITED if limits == UNLIMITED else limits


def compile_at_once(settings: AdmissionSettings, key: str, path: str, root: RootSettings) -> tuple[AtOncePlan, ...]:
    """Return how many requests are answered at once: of the server, of prefixes, and of the endpoint itself."""
    own = settings.concurrency or root.defaults.endpoint.concurrency
    declared = [("server", root.server.concurrency)]
    declared += [(f"prefix {name}", one.concurrency) for name, one in sorted(root.prefixes.items())
                 if is_below(path, name)]  # fmt: skip
    plans = []
    for state, said in (*declared, (f"endpoint {key}", own)):
        if said is not None:
            by = optional_expression(said.by)
            plans.append(AtOncePlan(state, said.limit, by, _reads(by, "auth")))
    return tuple(plans)


def _declared(
    settings: AdmissionSettings, key: str, path: str, root: RootSettings
) -> Iterator[tuple[str, RateLimitSettings, bool]]:
    """Yield each limit with the name of its counts, and whether it is the endpoint's own."""
    yield from _named("server", root.server.rate_limit, is_own=False)
    for name, prefix in layers_of(path, {name: (name, one) for name, one in root.prefixes.items()}):
        yield from _named(f"prefix {name}", prefix.rate_limit, is_own=False)
    own = root.defaults.endpoint.rate_limit if settings.rate_limit is None else settings.rate_limit
    if isinstance(own, tuple):
        yield from _named(f"endpoint {key}", own, is_own=True)


def _named(
    owner: str, windows: Iterable[RateLimitSettings], *, is_own: bool
) -> Iterator[tuple[str, RateLimitSettings, bool]]:
    """Yield *windows* of *owner* with their names: a rate has that of its place, a quota that of what it counts."""
    again: Counter[str] = Counter()
    for number, window in enumerate(windows):
        if window.quota is None:
            yield f"{owner} #{number}", window, is_own
            continue
        _, unit = _checked(quota_of(window.quota))
        counts = f"{owner} {unit} {window.zone or 'UTC'} by {window.by}"
        again[counts] += 1
        yield counts if again[counts] == 1 else f"{counts} #{again[counts]}", window, is_own


def _window(state: str, settings: RateLimitSettings, titles: Counter[str], *, is_own: bool) -> WindowPlan:
    titles[settings.words] += 1
    again = titles[settings.words]
    by, unless = optional_expression(settings.by), optional_expression(settings.unless)
    return WindowPlan(
        state=state,
        title=settings.words if again == 1 else f"{settings.words} #{again}",
        limit=_limit(settings),
        by=by,
        unless=unless,
        cost=optional_expression(settings.cost),
        report=settings.report,
        fields=settings.fields,
        reads_caller=_reads(by, "auth"),
        is_own=is_own,
    )


def _limit(settings: RateLimitSettings) -> Rate | Quota:
    if settings.quota is None:
        return compile_rate(_checked(settings.rate), settings.burst)
    count, unit = _checked(quota_of(settings.quota))
    return Quota(count, cast("Unit", unit), settings.zone or "UTC")


def compile_rate(text: str, burst: int | None) -> Rate:
    """Return the rate that *text* says; without a *burst* as many may come at once as its number says."""
    count, period = _checked(rate_of(text))
    return Rate(count, period, count if burst is None else burst)


def _checked(found: _T | None) -> _T:
    """Return what was *found* in a setting; the configuration has been checked, so that there is something."""
    assert found is not None
    return found


def _place(plan: WindowPlan, params: tuple[str, ...]) -> str:
    if plan.cost is not None or any(_reads(plan.by, name) or _reads(plan.unless, name) for name in (*params, "params")):
        return "valid"
    return "known" if plan.reads_caller or _reads(plan.unless, "auth") else "early"


def _reads(expression: Expression | None, root: str) -> bool:
    return expression is not None and any(reference[0] == root for reference in expression.references)
