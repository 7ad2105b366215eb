"""From the plans of limits to what decides by them; what they count outlives a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aggregator.durations import rate_text
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.quotas import QuotaWindow
from aggregator.policies.rate_limit.sharing import SharedWindows, Shares
from aggregator.policies.rate_limit.windows import Clock, Decides, Window, Windows, policy_item
from aggregator.policies.registry import Draft, Kind
from aggregator.stores.limiter import Limiter
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.stores.used import Used

QUOTAS = "quota"
"""The kind of what is used of quotas, as far as this process knows."""
SHARES = "quota_share"
"""The kind of what a process grants of quotas by itself, while nobody can be asked."""


def buckets(clock: Clock) -> Kind[Rate, Limiter]:
    """Return the kind of the buckets of one window, by caller; they outlive a reload, and a change of their rate."""
    return Kind("rate_limit", lambda rate: Limiter(rate, clock), Limiter.adopt)


def quotas(clock: Clock, name: str = QUOTAS) -> Kind[Quota, Used]:
    """Return the kind of what is used of one quota, by caller; it outlives a reload, and a change of the number."""
    return Kind(name, lambda quota: Used(quota, clock), Used.adopt)


class KeyWindow(Window):
    """The limit of a caller's key: each key has a bucket."""

    __slots__ = ()

    @property
    def read(self) -> Callable[[Exchange], str | bytes]:
        """The function that reads the name of the caller's key."""
        return _key_of

    def key(self, exchange: Exchange, _: Names) -> str:
        """Return the name of the key."""
        return _key_of(exchange)


def _key_of(exchange: Exchange) -> str:
    return str(exchange.caller.key)


def key_windows(scheme: str, rate: Rate, shared: tuple[WindowPlan, ...], source: WindowSource) -> Decides:
    """Return what decides for keys of *scheme* that have *rate*: that, and the windows that endpoints share."""
    title = f"key {rate_text(rate.count, rate.period)}"
    own = WindowPlan(f"{scheme} {title}", title, rate)
    return source.together((source.window(own, KeyWindow), *map(source.window, shared)))


class WindowSource(NamedTuple):
    """The place where limits count: *states* of this process by *clock*, or *store* for all processes together."""

    states: Draft
    clock: Clock
    store: ConnectedStore | None = None

    def windows(self, plans: tuple[WindowPlan, ...]) -> Decides | None:
        """Return what decides by *plans*, None when there are none."""
        return self.together(tuple(map(self.window, plans))) if plans else None

    def together(self, windows: tuple[Window, ...]) -> Decides:
        """Return what decides by *windows*, which stand at one place of the order."""
        return Windows(windows) if self.store is None else SharedWindows(windows, self.store)

    def window(self, plan: WindowPlan, kind: type[Window] = Window) -> Window:
        """Return the window of *plan*; of a rate it is of this *kind*."""
        limit, store = plan.limit, self.store
        if isinstance(limit, Quota):
            used = self.states.hold(quotas(self.clock), plan.state, limit)
            if store is None:
                return QuotaWindow(plan, used)
            share = self.states.hold(quotas(self.clock, SHARES), plan.state, limit)
            return QuotaWindow(plan, used, Shares.of_quota(share, limit, store))
        limiter = self.states.hold(buckets(self.clock), plan.state, limit)
        counts = limiter if store is None else Shares.of_rate(limiter, limit, store)
        return kind(plan, counts, policy_item(plan.title, limit))
