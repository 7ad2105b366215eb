"""Retries can happen: the request may be sent twice, and there is time for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from aggregator.config.analysis.bounds import bounds_of_call, bounds_of_endpoint
from aggregator.config.analysis.sites import Analysis, CallSite, Part
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.calls.items import EachSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding, Shown
from aggregator.fields import duration_text
from aggregator.http import IDEMPOTENT
from aggregator.policies.hedge.settings import NO_HEDGE, HedgeSettings
from aggregator.policies.retry.diagnostics import Bounds, longest_pauses, retry_findings
from aggregator.policies.retry.settings import NO_RETRY, RetrySettings
from aggregator.templates import Const, TemplateProblem, compile_value

_KEY = "idempotency-key"


def check_retries(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about retries of calls, and of upstreams in the time that the calls of an endpoint have."""
    for call in analysis.calls:
        if call.via is not None or call.settings.kind != "url" or call.is_durable:
            continue
        upstream = _upstream_at(call, around)
        if call.whole.settings.retry is None and upstream is not None and upstream.retry is not None:
            yield from _check_shared(upstream.retry, bounds_of_call(analysis, call, around), call)
        if call.chosen_in is None:
            yield from _check_own(analysis, chosen_from(analysis, call), around)
    yield from _check_chain(analysis, around)


def _check_own(analysis: Analysis, urls: Sequence[CallSite], around: Surroundings) -> Iterator[Finding]:
    """Yield findings about what a call says itself, which goes to one of *urls*."""
    call = urls[0].whole
    own, hedge = call.settings.retry, call.settings.hedge
    if hedge is not None and hedge is not NO_HEDGE:
        yield from _check_budget(hedge, (*call.path, "hedge"))
        yield from _check_repeats(analysis, urls, around, "hedge")
    if own is not None and own is not NO_RETRY:
        bounds = min((bounds_of_call(analysis, one, around) for one in urls), key=lambda one: one.seconds)
        yield from retry_findings(own, (*call.path, "retry"), bounds)
        yield from _check_budget(own, (*call.path, "retry"))
        yield from _check_repeats(analysis, urls, around, "retry")
    yield from _check_idempotent(call, [_upstream_at(one, around) for one in urls])


def _upstream_at(call: CallSite, around: Surroundings) -> UpstreamSettings | None:
    return around.upstream(call.url.upstream if call.url else None)


def chosen_from(analysis: Analysis, call: CallSite) -> list[CallSite]:
    """Return *call* at each URL that it chooses from, without those of no weight; by itself where it has one alone."""
    if not call.settings.choose:
        return [call]
    urls = [call, *(other for other in analysis.calls if other.chosen_in is call)]
    return [url for url, choice in zip(urls, call.settings.choose, strict=True) if choice.weight] or urls


def _check_chain(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about calls that wait for each other and together have less time than their attempts need."""
    bounds = bounds_of_endpoint(analysis, around)
    if bounds is None or analysis.fan is None:
        return
    known: dict[str, _Chain] = {}
    chains = [_chain(part, around, known) for part in analysis.fan.parts.values()]
    names, seconds, lists = max(chains, key=_time, default=_NOTHING)
    if (len(names) > 1 or lists) and seconds > bounds.seconds:
        assumed = f" for {' and '.join(lists)}" if lists else ""
        calls = " → ".join(names) if len(names) > 1 else f"of {names[0]}"
        message = (
            f"the calls {calls} may take {duration_text(seconds)} with all their attempts{assumed}, and "
            f"have {duration_text(bounds.seconds)}: {duration_text(seconds - bounds.seconds)} too little"
        )
        hint = "give the endpoint more time, or shorten `per_try`, or make fewer `attempts`"
        if lists:
            hint += "\nor raise `concurrency` of `for_each`, or go through a shorter list"
        shows = _shown_of_chain([analysis.fan.parts[name] for name in names], seconds, lists, bounds)
        yield Finding("bad-retry", message, bounds.place, hint, "warning", shows=shows)


def _shown_of_chain(parts: Sequence[Part], seconds: float, lists: Sequence[str], bounds: Bounds) -> tuple[Shown, ...]:
    """Return what is shown of the retries and lists of *parts*, which may take *seconds*, and of their *bounds*."""
    upstreams = [("upstreams", name, "retry") for part in parts for name in _upstreams_of(part)]
    retries = (*((*part.path, "retry") for part in parts), *upstreams)
    items = tuple((*part.path, "for_each") for part in parts)
    return (
        Shown(f"for {' and '.join(lists)}", items, "for their lists"),
        Shown(f"take {duration_text(seconds)}", (*retries, *items), "take too long"),
        Shown(f"have {duration_text(bounds.seconds)}", (bounds.place,), "have less"),
        Shown(f"{duration_text(seconds - bounds.seconds)} too", (*retries, *items, bounds.place), "too"),
    )


def _upstreams_of(part: Part) -> list[str]:
    """Return the names of the upstreams that *part* may call."""
    urls = [choice.url for choice in part.settings.choose] or [part.settings.url or ""]
    return [url.partition(":")[0].split(" ")[-1] for url in urls if url]


_Chain = tuple[tuple[str, ...], float, tuple[str, ...]]
"""The names of calls, the seconds that they may take, and how long the lists are that they go through."""
_NOTHING: _Chain = ((), 0.0, ())


def _time(chain: _Chain) -> float:
    return chain[1]


def _chain(part: Part, around: Surroundings, known: dict[str, _Chain]) -> _Chain:
    """Return the calls that *part* waits for with itself, and what their attempts may take, also if not *known* yet."""
    if part.name not in known:
        known[part.name] = _NOTHING  # where they wait for each other, another rule speaks
        before = [_chain(part.home.parts[name], around, known) for name in part.reads if name in part.home.parts]
        names, seconds, lists = max(before, key=_time, default=_NOTHING)
        attempts, (rounds, said) = _attempts_of(part, around), _rounds_of(part.settings.for_each)
        lists = (*lists, said) if attempts and rounds > 1 else lists
        known[part.name] = ((*names, part.name), seconds + attempts * rounds, lists)
    return known[part.name]


def _attempts_of(part: Part, around: Surroundings) -> float:
    """Return the seconds that the attempts of *part* may take at most; 0.0 where nothing limits one of them."""
    upstreams = map(around.upstream, _upstreams_of(part))
    shared = [upstream.retry for upstream in upstreams if upstream is not None]
    retries = shared if part.settings.retry is None else [part.settings.retry]
    return max(map(_seconds_of, retries), default=0.0)


def _seconds_of(retry: RetrySettings | None) -> float:
    if retry is None or retry is NO_RETRY or retry.per_try is None:
        return 0.0
    return retry.attempts * retry.per_try + longest_pauses(retry.backoff, retry.attempts)


def _rounds_of(each: EachSettings | None) -> tuple[int, str]:
    """Return how often calls of *each* follow each other, and for which list, in words.

    That is the list as it stands in the file, or the longest one that the file declares to be right; of one that only
    has the bound of all lists nothing is known, and one round is counted.
    """
    items = None if each is None else _length_of(each)
    if each is None or items is None:
        return 1, ""
    calls = items if each.batch is None else ceil(items / each.batch.size)
    keys = "" if each.batch is None else f" in calls of {each.batch.size}"
    return max(1, ceil(calls / each.concurrency)), f"a list of {items}{keys}, {each.concurrency} at a time"


def _length_of(each: EachSettings) -> int | None:
    """Return how long the list of *each* is, or may be by what it says itself; None where neither is known."""
    declared = each.max_items if "max_items" in each.model_fields_set else None
    try:
        node = compile_value(each.items).node
    except TemplateProblem:
        return declared  # another rule speaks
    return len(node.value) if isinstance(node, Const) and isinstance(node.value, list) else declared


def check_upstream_retries(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about retries of upstreams, within the timeout that they have themselves."""
    for name, upstream in around.settings.upstreams.items():
        path: Steps = ("upstreams", name)
        total = upstream.timeout.total if upstream.timeout is not None else None
        bounds = None if total is None else Bounds(total, (*path, "timeout"), "the time of a call")
        if upstream.retry is not None:
            yield from retry_findings(upstream.retry, (*path, "retry"), bounds)


def _check_shared(retry: RetrySettings, bounds: Bounds, call: CallSite) -> Iterator[Finding]:
    """Yield findings about calls with less time than the retry of their upstream needs."""
    assert call.url is not None
    path: Steps = ("upstreams", str(call.url.upstream), "retry")
    if retry.per_try is None or bounds.place[0] == "upstreams":
        return
    for found in retry_findings(retry, path, bounds):
        there = Elsewhere((*path, "per_try"), "the limit of one attempt")
        hint = "give it more time, or write a `retry` of its own, or `retry: none`"
        yield Finding(found.code, found.message, bounds.place, hint, found.level, related=(there,), shows=found.shows)


def _check_budget(said: RetrySettings | HedgeSettings, path: Steps) -> Iterator[Finding]:
    if said.budget is not None:
        message = "a call has no budget of its own: all calls to its upstream share one"
        yield Finding(
            "no-effect", message, (*path, "budget"), f"write it in the `{path[-1]}` of the upstream", at_key=True
        )


def _check_repeats(analysis: Analysis, urls: Sequence[CallSite], around: Surroundings, key: str) -> Iterator[Finding]:
    """Yield findings about a retry, or a hedge, of a request that must not be sent twice to any of *urls*."""
    reasons = [_sent_once(analysis, one, around) for one in urls]
    if None not in reasons:
        what = " and ".join(dict.fromkeys(map(str, reasons)))
        hint = f"add `idempotent: true` if twice is as good as once, or send an `{_KEY}` header"
        path = (*urls[0].whole.path, key)
        yield Finding(f"bad-{key}", f"no {key} can happen: {what}", path, hint, at_key=True)


def _sent_once(analysis: Analysis, call: CallSite, around: Surroundings) -> str | None:
    """Return why *call* is sent once; None where it may be sent twice."""
    own, upstream = call.whole.settings.idempotent, _upstream_at(call, around)
    said = own if own is not None or upstream is None else upstream.idempotent
    if said or (said is None and (call.method in IDEMPOTENT or _may_carry_key(analysis, call.whole, upstream, around))):
        return None
    return "`idempotent: false` says that it is sent once" if said is False else f"a {call.method} is not sent twice"


def _may_carry_key(analysis: Analysis, call: CallSite, upstream: UpstreamSettings | None, around: Surroundings) -> bool:
    own, endpoint = call.settings, analysis.settings
    levels = (own.forward, endpoint.forward if endpoint else None, upstream.forward if upstream else None,
              around.settings.defaults.forward)  # fmt: skip
    forwarded = (name for level in levels if level is not None for name in level.headers)
    names = {name.lower() for name in (*own.headers, *(upstream.headers if upstream else ()), *forwarded)}
    return _KEY in names or "all" in names


def _check_idempotent(call: CallSite, upstreams: Sequence[UpstreamSettings | None]) -> Iterator[Finding]:
    """Yield findings about `idempotent` where nothing is ever sent twice to any of *upstreams*."""
    if call.settings.idempotent is not None and all(_is_sent_once(call.settings, upstream) for upstream in upstreams):
        message = "`idempotent` has no effect: the call is sent once"
        yield Finding(
            "no-effect", message, (*call.path, "idempotent"), "add `retry` or `hedge`, or remove it", at_key=True
        )


def _is_sent_once(settings: CallSettings, upstream: UpstreamSettings | None) -> bool:
    retry = settings.retry if settings.retry is not None or upstream is None else upstream.retry
    hedge = settings.hedge if settings.hedge is not None or upstream is None else upstream.hedge
    return retry in (None, NO_RETRY) and hedge in (None, NO_HEDGE)
