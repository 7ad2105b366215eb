"""The arithmetic of attempts in words: what a call and the longest chain may take, and what is left of their time."""

from __future__ import annotations

from aggregator.fields import duration_text
from aggregator.plan.analysis.times import longest_chain, seconds_of
from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import CallPlan
from aggregator.plan.types import EndpointPlan


def attempts_text(call: CallPlan, within: float) -> str | None:
    """Return what the attempts of *call* may take of the seconds that it has; None for one that is sent once."""
    retry = call.retry
    if retry is None:
        return None
    pauses = f"pauses of {duration_text(retry.pauses)} in all"
    if retry.per_try is None:
        return f"{retry.attempts} attempts share these {duration_text(within)}, with {pauses} at most"
    needed = retry.attempts * retry.per_try + retry.pauses
    left = (
        f"{duration_text(within - needed)} to spare"
        if needed <= within
        else f"{duration_text(needed - within)} too many"
    )
    each = f"{retry.attempts} attempts of {duration_text(retry.per_try)}{_within(call)} and {pauses}"
    return f"{each} take up to {duration_text(needed)}: {left}"


def _within(call: CallPlan) -> str:
    """Return what may pass of an attempt before its answer can come: `` (up to 200ms of it in the queue)``."""
    queue, hedge = call.upstream.concurrency, call.hedge
    said = []
    if queue is not None and queue.queue:
        said.append(f"up to {duration_text(queue.wait)} of it in the queue")
    if hedge is not None:
        after = hedge.at_least if hedge.seconds is None else hedge.seconds
        said.append(f"a hedge not before {duration_text(after)}")
    return f" ({', '.join(said)})" if said else ""


def chain_text(plan: EndpointPlan) -> str | None:
    """Return the longest chain of *plan* and its time; None where nothing is sent twice, or there is but one call."""
    if plan.fan is None or plan.stream or all(call.retry is None for call in calls_in(plan.fan)):
        return None
    names, seconds = longest_chain(plan.fan)
    if len(names) == 1 and seconds == max(map(seconds_of, calls_in(plan.fan))):
        return None
    cut = "" if seconds <= plan.timeout else f", of which the deadline cuts {duration_text(seconds - plan.timeout)}"
    return f"longest chain: {' → '.join(names)}, up to {duration_text(seconds)} with all attempts{cut}"


def attempts_member(call: CallPlan) -> dict[str, object] | None:
    """Return the attempts of *call* as data, times in seconds; None for one that is sent once."""
    retry = call.retry
    if retry is None:
        return None
    return {"most": retry.attempts, "per_try": retry.per_try, "pauses": retry.pauses, "longest": seconds_of(call)}
