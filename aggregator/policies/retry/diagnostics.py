"""Problems of declared retries: those that cannot happen, and those that rarely have the time."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from aggregator.causes import causes_called
from aggregator.diagnostics.finding import Elsewhere, Finding, Shown, Steps
from aggregator.diagnostics.values import Level
from aggregator.errors import Cause
from aggregator.fields import duration_text
from aggregator.policies.retry.settings import RetrySettings
from aggregator.policies.values import Span

_TIMES_OUT = frozenset({Cause.DEADLINE})


class Bounds(Struct, frozen=True):
    """The *seconds* that all attempts have together, and the place that says so, with its name in words."""

    seconds: float
    place: Steps
    label: str


def longest_pauses(backoff: Span, attempts: int) -> float:
    """Return the seconds of all pauses between *attempts*, at their longest."""
    return float(sum(min(backoff.most, backoff.least * 2**number) for number in range(attempts - 1)))


def retry_findings(retry: RetrySettings, path: Steps, bounds: Bounds | None) -> Iterator[Finding]:
    """Yield what is wrong with *retry*, which stands at *path*; *bounds* are those of its calls, None if unknown."""
    names = [key for key in retry.on if _TIMES_OUT & causes_called(key)]
    if retry.per_try is None:
        for key in names:
            message = f"a call is not retried after `{key}`: the attempt that took too long has taken all the time"
            hint = "add `per_try`, well below the `timeout` of the call"
            yield Finding("bad-retry", message, (*path, "on", retry.on.index(key)), hint)
        yield from _pauses_too_long(retry, path, bounds)
        return
    if bounds is not None and retry.per_try >= bounds.seconds:
        yield from _all_in_one(retry, path, bounds, only=len(names) == len(retry.on), some=bool(names))
    elif bounds is not None and names:
        yield from _last_in_short(retry, retry.per_try, path, bounds)


def _all_in_one(retry: RetrySettings, path: Steps, bounds: Bounds, *, only: bool, some: bool) -> Iterator[Finding]:
    """Yield findings about an attempt that may take as long as all of them."""
    assert retry.per_try is not None
    what = (
        "no retry can happen" if only else "no retry follows an attempt that takes too long" if some else "it cuts none"
    )
    message = f"one attempt may take as long as all of them together: {what}"
    there = Elsewhere(bounds.place, bounds.label)
    hint = f"write `per_try: {duration_text(bounds.seconds / (retry.attempts + 1))}` or so, or give the call more time"
    level: Level = "error" if only else "warning"
    places = (bounds.place, (*path, "attempts"))
    shows = (Shown(duration_text(bounds.seconds / (retry.attempts + 1)), places, "…"),)
    yield Finding("bad-retry", message, (*path, "per_try"), hint, level, related=(there,), shows=shows)


def _pauses_too_long(retry: RetrySettings, path: Steps, bounds: Bounds | None) -> Iterator[Finding]:
    """Yield findings about pauses that leave nothing for attempts, when all of them are at their longest."""
    pauses = longest_pauses(retry.backoff, retry.attempts)
    if bounds is not None and pauses >= bounds.seconds:
        message = (
            f"the pauses, at their longest, take {duration_text(pauses)}, and all attempts have "
            f"{duration_text(bounds.seconds)}: the last ones seldom happen"
        )
        hint = "shorten `backoff`, make fewer `attempts`, or give the call more time"
        there = Elsewhere(bounds.place, bounds.label)
        key = ("backoff",) if "backoff" in retry.model_fields_set else ()
        shows = (
            Shown(f"take {duration_text(pauses)}", (path,), "take too long"),
            Shown(f"have {duration_text(bounds.seconds)}", (bounds.place,), "have less"),
        )
        yield Finding("bad-retry", message, (*path, *key), hint, "warning", related=(there,), shows=shows)


def _last_in_short(retry: RetrySettings, per_try: float, path: Steps, bounds: Bounds) -> Iterator[Finding]:
    """Yield findings about attempts that have less time than declared, when those before took all of theirs."""
    needed = retry.attempts * per_try + longest_pauses(retry.backoff, retry.attempts)
    if needed <= bounds.seconds:
        return
    short = duration_text(needed - bounds.seconds)
    message = f"the attempts and pauses, at their longest, lack {short} of their time"
    hint = "shorten `per_try`, make fewer `attempts`, or give the call more time"
    there = Elsewhere(bounds.place, bounds.label)
    shows = (Shown(short, (path, bounds.place), "some"),)
    yield Finding("bad-retry", message, (*path, "per_try"), hint, "warning", related=(there,), shows=shows)
