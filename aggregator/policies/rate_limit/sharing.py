"""Windows that all processes count together, by a store; without it each process grants its share.

All windows of one place of the order are asked for in one go. While the store is away nothing waits for it: the windows
of this process alone decide, with limits divided by the number of processes that were last seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aggregator.errors import StoreError
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.rate_limit.keys import value_hash
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.windows import FREE, NO_NAMES, Charge, Counts, Decision, Pending, Window, Windows
from aggregator.stores.limiter import Limiter
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.asks import Ask, Limit
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.stores.used import Used
from aggregator.transport.door import Cancelable


def share_of_rate(rate: Rate, processes: int) -> Rate:
    """Return what one of *processes* grants of *rate*: one at least comes at once, and no more of them in a second."""
    return Rate(rate.count, rate.period * processes, max(1, rate.burst // processes))


def share_of_quota(quota: Quota, processes: int) -> Quota:
    """Return what one of *processes* grants of *quota*, one at least."""
    return Quota(max(1, quota.count // processes), quota.unit, quota.zone)


class Shares:
    """The counts of this process alone, by a limit that is divided among processes."""

    __slots__ = ("_counts", "_divided", "_processes", "_store")

    def __init__(self, counts: Counts, divided: Callable[[int], None], store: ConnectedStore) -> None:
        self._counts = counts
        self._divided = divided
        self._store = store
        self._processes = 0

    @classmethod
    def of_rate(cls, limiter: Limiter, rate: Rate, store: ConnectedStore) -> Shares:
        """Return the share of *rate*, counted by *limiter*."""
        return cls(limiter, lambda processes: limiter.adopt(share_of_rate(rate, processes)), store)

    @classmethod
    def of_quota(cls, used: Used, quota: Quota, store: ConnectedStore) -> Shares:
        """Return the share of *quota*, counted by *used*."""
        return cls(used, lambda processes: used.adopt(share_of_quota(quota, processes)), store)

    def look(self, key: Any, cost: int) -> Taken:
        """Return what taking *cost* would come to."""
        self._divide()
        return self._counts.look(key, cost)

    def take(self, key: Any, cost: int) -> Taken:
        """Take *cost*, all of it or nothing."""
        self._divide()
        return self._counts.take(key, cost)

    def _divide(self) -> None:
        if self._store.processes != self._processes:
            self._processes = self._store.processes
            self._divided(max(1, self._processes))


class SharedWindows:
    """Windows at one place of the order, counted in *store*; their own counts are shares, for when it is away."""

    __slots__ = ("_alone", "_named", "_own", "_reads_names", "_store", "_windows")

    def __init__(self, windows: tuple[Window, ...], store: ConnectedStore) -> None:
        self._windows = windows
        self._own = Windows(windows)
        self._store = store
        self._named = {window: _name(window.plan) for window in windows}
        self._reads_names = any(window.read is None for window in windows)
        self._alone = _alone(windows)

    def decide(self, exchange: Exchange) -> Decision | Pending:
        """Return what asks the store, or what this process decides alone while it is away; raises ``BadCostError``."""
        if not self._store.is_there:
            return self._alone_decides(exchange)
        if self._alone is not None:
            window, read, name = self._alone
            key, limit = read(exchange), window.plan.limit
            ask = Ask(name, _hashed(limit, key), limit, 1, not window.plan.report)
            return _Asking(((window, key),), (ask,), self._store, partial(self._alone_decides, exchange))
        names = Names(exchange) if self._reads_names else NO_NAMES
        asked = [(window, window.key(exchange, names)) for window in self._windows if not window.exempts(names)]
        asks = [
            Ask(self._named[window], _hashed(window.plan.limit, key), window.plan.limit, window.cost(names),
                not window.plan.report)
            for window, key in asked
        ]  # fmt: skip
        return _Asking(asked, asks, self._store, partial(self._alone_decides, exchange)) if asks else FREE

    def _alone_decides(self, exchange: Exchange) -> Decision:
        self._store.alone += 1
        return self._own.decide(exchange)


class _Asking:
    """Asks *store* for *asks*, those of the windows and keys *asked*; where that fails, *alone* decides.

    One that is given up is counted all the same, and what the store says is heard.
    """

    __slots__ = ("_alone", "_asked", "_asks", "_decided", "_store")

    def __init__(
        self, asked: Sequence[tuple[Window, str | bytes]], asks: Sequence[Ask], store: ConnectedStore,
        alone: Callable[[], Decision],
    ) -> None:  # fmt: skip
        self._asked, self._asks = asked, asks
        self._store = store
        self._alone = alone
        self._decided: Callable[[Decision], None] | None = None

    def start(self, decided: Callable[[Decision], None]) -> Cancelable:
        """Ask the store."""
        self._decided = decided
        try:
            self._store.store.begin_take(self._asks, self._hear)
        except StoreError as error:
            self._hear(error)
        return self

    def _hear(self, told: Sequence[Taken] | StoreError) -> None:
        if isinstance(told, StoreError):
            self._store.lose(str(told))
            decision = None
        else:
            decision = _decision(self._asked, told)
        if self._decided is not None:
            self._decided(decision or self._alone())

    def cancel(self) -> None:
        """Cancel: *decided* is not called any more."""
        self._decided = None


def _decision(asked: Sequence[tuple[Window, str | bytes]], told: Sequence[Taken]) -> Decision:
    """Return what the store has *told* of the windows *asked* comes to; each hears its own."""
    if len(told) == 1 and told[0].wait == 0.0:  # as nearly always
        ((window, key),), (taken,) = asked, told
        window.hear(key, taken)
        return Decision((Charge(window, taken),), None)
    for (window, key), taken in zip(asked, told, strict=True):
        window.hear(key, taken)
    charges = tuple(Charge(window, taken) for (window, _), taken in zip(asked, told, strict=True))
    refused = [charge for charge in charges if charge.taken.wait]
    refusing = [charge for charge in refused if not charge.plan.report]
    if refusing:
        return Decision(charges, max(refusing, key=lambda charge: charge.taken.wait))
    return Decision(charges, None, tuple(refused))


def _alone(windows: tuple[Window, ...]) -> tuple[Window, Callable[[Exchange], str | bytes], bytes] | None:
    """Return the only one of *windows* with what reads its key and its name, if it needs nothing else."""
    if len(windows) > 1:
        return None
    read = windows[0].read
    return None if read is None else (windows[0], read, _name(windows[0].plan))


def ask_of(plan: WindowPlan, key: str | bytes, cost: int = 1) -> Ask:
    """Return what is asked of the store for *key*; a rate and a quota are never one there, and no caller is named."""
    return Ask(_name(plan), _hashed(plan.limit, key), plan.limit, cost, not plan.report)


QUOTA_NAME = b"q:"
"""What the names of quotas in a store begin with."""


def _name(plan: WindowPlan) -> bytes:
    kind = QUOTA_NAME if isinstance(plan.limit, Quota) else b"r:"
    return kind + plan.state.encode()


def _hashed(limit: Limit, key: str | bytes) -> bytes:
    """Return *key* as a store has it; that of a quota is a hash already (``keys.counted``)."""
    return key if isinstance(limit, Quota) and isinstance(key, bytes) else value_hash(key)
