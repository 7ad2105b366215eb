"""Limits: whom they count is known before the body is read, and they refuse somebody, but not everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from aggregator.config.analysis.scope import OF_ONE_REQUEST, Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.analysis.walking import walk_limits
from aggregator.config.findings import value_at
from aggregator.config.hints.twins import as_said
from aggregator.config.model.auth import AuthSettings
from aggregator.config.rules.constants import constant
from aggregator.config.rules.names import check_names
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.durations import quota_of, rate_of
from aggregator.policies.callers.settings import CallerConcurrencySettings
from aggregator.policies.rate_limit.settings import RateLimitSettings

_WHO = ("by", "unless")


def check_limits(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about the limits of an endpoint."""
    settings = analysis.settings
    if settings is None:
        return
    yield from _check_at_once(analysis)
    if not isinstance(settings.rate_limit, tuple):
        return
    path = (*analysis.path, "rate_limit")
    yield from _check(analysis, settings.rate_limit, path, around)
    for index, window in enumerate(settings.rate_limit):
        yield from _within_the_server(window, (*path, index), analysis, around)


def check_shared_limits(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about limits of the server, of prefixes, and those that endpoints inherit."""
    root = around.settings
    own = root.defaults.endpoint.rate_limit
    places: list[tuple[Steps, Sequence[RateLimitSettings]]] = [(("server", "rate_limit"), root.server.rate_limit)]
    places += [(("prefixes", path, "rate_limit"), one.rate_limit) for path, one in root.prefixes.items()]
    places.append((("defaults", "endpoint", "rate_limit"), own if isinstance(own, tuple) else ()))
    has_auth = isinstance(root.defaults.endpoint.auth, AuthSettings) or bool(root.auth)
    scope = Scope(Inputs(has_auth=has_auth), is_open=True)
    at_once: dict[Steps, CallerConcurrencySettings | None]
    at_once = {("server",): root.server.concurrency, ("defaults", "endpoint"): root.defaults.endpoint.concurrency}
    at_once |= {("prefixes", path): one.concurrency for path, one in root.prefixes.items()}
    for path, windows in places:
        analysis = Analysis(path[:-1], None)
        said = at_once[path[:-1]]
        if said is not None:
            Texts(analysis).condition(said.by, (*path[:-1], "concurrency", "by"), scope)
            yield from _check_at_once(analysis)
        walk_limits(tuple(windows), path, scope, Texts(analysis))
        yield from analysis.problems
        yield from check_names(analysis, around)
        yield from _check(analysis, windows, path, around)


def _check_at_once(analysis: Analysis) -> Iterator[Finding]:
    """Yield what requests at once are counted by that is not known when they are."""
    for use in analysis.uses:
        if use.path[-2:] != ("concurrency", "by"):
            continue
        unknown = {"body", "params", *use.scope.inputs.params}
        for root in sorted({reference[0] for reference in use.references} & unknown):
            message = f"`{root}` is not known yet when requests at once are counted"
            hint = "count by a header, a query parameter, `auth` or `request.client`"
            yield Finding("limit-by-body", message, use.path, hint, text=root)


def _check(
    analysis: Analysis, windows: Sequence[RateLimitSettings], path: Steps, around: Surroundings
) -> Iterator[Finding]:
    for use in analysis.uses:
        if use.path[: len(path)] != path or use.path[-1] not in _WHO:
            continue
        if any(reference[0] == "body" for reference in use.references):
            message = "whom a limit counts is asked before the body is read"
            hint = "count by a header, a parameter, `auth` or `request.client`"
            yield Finding("limit-by-body", message, use.path, hint, text="body")
        for reference in sorted(use.references & OF_ONE_REQUEST if use.path[-1] == "by" else ()):
            message = f"`{'.'.join(reference)}` is another one in each request, so nobody ever reaches the limit"
            yield Finding("moment-in-key", message, use.path, "count by who asks", text=reference[0])
    for index, window in enumerate(windows):
        yield from _bites(window, (*path, index), analysis, around)
    yield from _never_used_up(windows, path, analysis, around)


def _said(value: object, path: Steps, analysis: Analysis, around: Surroundings) -> str:
    """Return *value*, which stands at *path*, as the endpoint or the section that it is in says it."""
    is_own = analysis.settings is not None and path[: len(analysis.path)] == analysis.path
    written = value_at(analysis.written, path[len(analysis.path) :]) if is_own else value_at(around.written, path)
    return as_said(value, written)


def _bites(window: RateLimitSettings, path: Steps, analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with a limit that refuses nobody, or everybody."""
    if (exempt := constant(window.unless)) is not None:
        message = f"this exempts {'everybody' if exempt[0] is True else 'nobody'}"
        hint = "remove the limit, or ask for something" if exempt[0] is True else "remove `unless`"
        yield Finding("limit-without-effect", message, (*path, "unless"), hint)
    cost = constant(window.cost) if "{{" in (window.cost or "") else None  # of one without another rule speaks
    if cost is not None and not _is_number(cost[0]):
        message = "a cost is a number, and this is none: every request is refused with 400"
        yield Finding("limit-without-effect", message, (*path, "cost"), "write it like `{{ query.limit / 10 }}`")
    elif cost is not None and isinstance(cost[0], int | float) and cost[0] < 1:
        message = "a request costs 1 at least, so this changes nothing"
        yield Finding("limit-without-effect", message, (*path, "cost"), "remove it, or write more")
    if cost is not None and isinstance(cost[0], int | float) and cost[0] > window.most:
        costs = _said(cost[0], (*path, "cost"), analysis, around)
        key = "burst" if window.burst is not None else "rate" if window.quota is None else "quota"
        most = _said(window.most, (*path, key), analysis, around)
        message = f"a request costs {costs}, and never more than {most} are granted: every request is refused"
        hint = f"raise `{'burst' if window.quota is None else 'quota'}` to {costs} or more"
        yield Finding("limit-without-effect", message, (*path, "cost"), hint)


def _is_number(value: object) -> bool:
    """Return whether *value* can be a cost."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


_LONGEST = {"hour": 3600.0, "day": 25 * 3600.0, "month": 31 * 86400.0 + 3600.0}
"""Seconds of the longest hour, day and month."""


def _never_used_up(
    windows: Sequence[RateLimitSettings], path: Steps, analysis: Analysis, around: Surroundings
) -> Iterator[Finding]:
    """Yield a warning for a quota that the rates beside it let nobody use up."""
    for number, window in enumerate(windows):
        quota = quota_of(window.quota or "")
        if quota is None or window.cost is not None:
            continue
        for place, other in enumerate(windows):
            rate = rate_of(other.rate or "")
            if rate is None or other.by not in (window.by, None) or any((other.unless, other.cost, other.report)):
                continue
            if other.most + rate[0] / rate[1] * _LONGEST[quota[1]] < quota[0]:
                there = Elsewhere((*path, place), "the rate")
                slow = _said(other.rate, (*path, place, "rate"), analysis, around)
                wanted = _said(window.quota, (*path, number, "quota"), analysis, around)
                message = f"{slow} lets nobody reach {wanted}"
                hint = "lower the quota, or remove it"
                yield Finding(
                    "limit-without-effect", message, (*path, number, "quota"), hint, "warning", related=(there,)
                )
                break


def _within_the_server(
    window: RateLimitSettings, path: Steps, analysis: Analysis, around: Surroundings
) -> Iterator[Finding]:
    """Yield a warning for a limit of all callers together that those of the server never let them reach."""
    rate = rate_of(window.rate or "")
    if rate is None or window.by is not None or window.cost is not None:
        return
    for number, wide in enumerate(around.settings.server.rate_limit):
        other = rate_of(wide.rate or "")
        if other is None or any((wide.by, wide.unless, wide.cost, wide.report)):
            continue
        if other[0] / other[1] <= rate[0] / rate[1] and (wide.burst or other[0]) <= (window.burst or rate[0]):
            place = ("server", "rate_limit", number)
            there = Elsewhere(place, "the limit of the server")
            most = _said(wide.rate, (*place, "rate"), analysis, around)
            rate_said = _said(window.rate, (*path, "rate"), analysis, around)
            message = f"the server lets no more than {most} through, so {rate_said} is never reached"
            hint = "lower it, or count `by` caller"
            yield Finding("limit-without-effect", message, path, hint, "warning", related=(there,))
            return
