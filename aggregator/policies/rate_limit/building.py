"""From the plans of limits to what decides by them; what they count outlives a reload."""

from __future__ import annotations

from aggregator.durations import rate_text
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.quotas import QuotaWindow
from aggregator.policies.rate_limit.windows import Clock, Window, Windows, policy_item
from aggregator.policies.registry import Draft, Kind
from aggregator.stores.limiter import Limiter
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.used import Used

QUOTAS = "quota"
"""The kind of what is used of quotas."""


def buckets(clock: Clock) -> Kind[Rate, Limiter]:
    """Return the kind of the buckets of one window, by caller; they outlive a reload, and a change of their rate."""
    return Kind("rate_limit", lambda rate: Limiter(rate, clock), Limiter.adopt)


def quotas(clock: Clock) -> Kind[Quota, Used]:
    """Return the kind of what is used of one quota, by caller; it outlives a reload, and a change of the number."""
    return Kind(QUOTAS, lambda quota: Used(quota, clock), Used.adopt)


class KeyWindow(Window):
    """The limit of a caller's key: each key has a bucket."""

    __slots__ = ()

    def key(self, exchange: Exchange, _: Names) -> str:
        """Return the name of the key."""
        return str(exchange.caller.key)


def key_windows(scheme: str, rate: Rate, shared: tuple[WindowPlan, ...], states: Draft, clock: Clock) -> Windows:
    """Return what decides for keys of *scheme* that have *rate*: that, and the windows that endpoints share."""
    title = f"key {rate_text(rate.count, rate.period)}"
    state = f"{scheme} {title}"
    own = KeyWindow(WindowPlan(state, title, rate), states.hold(buckets(clock), state, rate), policy_item(title, rate))
    beside = build_windows(shared, states, clock)
    return Windows((own, *(() if beside is None else beside.windows)))


def build_windows(plans: tuple[WindowPlan, ...], states: Draft, clock: Clock) -> Windows | None:
    """Return what decides by *plans*, None when there are none; their counts are those of *states*."""
    return Windows(tuple(_window(plan, states, clock) for plan in plans)) if plans else None


def _window(plan: WindowPlan, states: Draft, clock: Clock) -> Window:
    if isinstance(plan.limit, Quota):
        return QuotaWindow(plan, states.hold(quotas(clock), plan.state, plan.limit))
    counts = states.hold(buckets(clock), plan.state, plan.limit)
    return Window(plan, counts, policy_item(plan.title, plan.limit))
