"""Call budgets: some request can go beyond, and not every one does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.config.analysis.sites import Analysis, CallSite
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding, Shown
from aggregator.policies.hedge.settings import NO_HEDGE
from aggregator.policies.retry.settings import NO_RETRY


def check_call_budget(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield what is wrong with the call budget of an endpoint."""
    settings = analysis.settings
    if settings is None or settings.call_budget is None or settings.stream:
        return
    budget, path = settings.call_budget, (*analysis.path, "call_budget")
    calls = [call for call in analysis.calls if not call.is_background]
    sent = [call for call in calls if call.url is not None]
    if not sent:
        message = "nothing is called here, so there is nothing to count"
        yield Finding("no-effect", message, path, "remove it", at_key=True)
        return
    lists = [call for call in calls if call.settings.for_each is not None]
    if budget.over == "cut" and not lists:
        hint = "leave it out: calls beyond fail"
        yield Finding("no-effect", "`cut` has no effect without a list (`for_each`)", (*path, "over"), hint)
    if budget.calls is not None:
        yield from _refuses_all(analysis, budget.calls, (*path, "calls"))
        most = sum(_attempts(call, around) for call in sent)
        if not lists and most <= budget.calls:
            message = (
                f"a request makes {most} call{'' if most == 1 else 's'} at most, so {budget.calls} is never reached"
            )
            many = f"makes {most} call{'' if most == 1 else 's'} at most, so {budget.calls}"
            shows = (
                Shown(many, _repeating(sent), "makes fewer calls, so the budget"),
                Shown(f"so {budget.calls}", ((*path, "calls"),), "so the budget"),
            )
            yield Finding(
                "limit-without-effect", message, (*path, "calls"), "lower it, or remove it", "warning", shows=shows
            )


def _repeating(calls: Iterable[CallSite]) -> tuple[Steps, ...]:
    """Return the places that say how often *calls* are sent."""
    named = [("upstreams", str(call.url.upstream)) for call in calls if call.url is not None]
    return tuple((*place, key) for place in (*(call.path for call in calls), *named) for key in ("retry", "hedge"))


def _attempts(call: CallSite, around: Surroundings) -> int:
    """Return how often *call* may be sent."""
    upstream = around.upstream(call.url.upstream) if call.url is not None else None
    retry, hedge = call.settings.retry, call.settings.hedge
    if retry is None and upstream is not None:
        retry = upstream.retry
    if hedge is None and upstream is not None:
        hedge = upstream.hedge
    attempts = 1 if retry is None or retry is NO_RETRY else retry.attempts
    return attempts * (1 if hedge is None or hedge is NO_HEDGE else 2)


def _refuses_all(analysis: Analysis, calls: int, path: Steps) -> Iterator[Finding]:
    """Yield an error where the parts that every request needs make more than *calls* calls; equal ones are one."""
    parts = [] if analysis.fan is None else [part.settings for part in analysis.fan.parts.values()]
    needed = {
        part.url
        for part in parts
        if part.kind == "url" and not (part.when or part.for_each or part.optional or part.cache or part.choose)
    }
    if len(needed) > calls:
        message = f"every request needs {len(needed)} calls, and may make {calls}"
        shows = (Shown(str(calls), (path,)),)
        yield Finding("limit-without-effect", message, path, f"raise it to {len(needed)} or more", shows=shows)
