"""Counts of requests at once by caller; a caller without one takes no room."""

from __future__ import annotations

from collections.abc import Hashable

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.policies.callers.plan import AtOncePlan
from aggregator.policies.rate_limit.keys import bucket_of
from aggregator.policies.registry import Draft, Kind


class Counts:
    """The number of requests under way, by key."""

    def __init__(self) -> None:
        self.under_way: dict[Hashable, int] = {}

    def leave(self, key: Hashable) -> None:
        """Count one request of *key* as ended."""
        left = self.under_way.get(key, 0) - 1
        if left > 0:
            self.under_way[key] = left
        else:
            self.under_way.pop(key, None)


class Place:
    """The place of one request; it is left once, and at the latest when nobody holds it any more."""

    __slots__ = ("_taken",)

    def __init__(self, taken: list[tuple[Hashable, Counts]]) -> None:
        self._taken = taken

    def leave(self) -> None:
        """Count the request as ended."""
        taken, self._taken = self._taken, []
        for key, counts in taken:
            counts.leave(key)

    __del__ = leave


AT_ONCE: Kind[None, Counts] = Kind("at_once", lambda _: Counts())


class AtOnce:
    """Limits of requests at once, which decide together: of one that is refused none counts."""

    __slots__ = ("_limits",)

    def __init__(self, limits: tuple[tuple[AtOncePlan, Counts], ...]) -> None:
        self._limits = limits

    def enter(self, exchange: Exchange) -> Place | None:
        """Count the request of *exchange* and return its place; None when there is no room for it."""
        names = Names(exchange)
        asked = [(bucket_of(plan.by, exchange, names, reads_caller=plan.reads_caller), plan, counts)
                 for plan, counts in self._limits]  # fmt: skip
        if any(counts.under_way.get(key, 0) >= plan.limit for key, plan, counts in asked):
            return None
        for key, _, counts in asked:
            counts.under_way[key] = counts.under_way.get(key, 0) + 1
        return Place([(key, counts) for key, _, counts in asked])


def build_at_once(plans: tuple[AtOncePlan, ...], states: Draft) -> AtOnce:
    """Return what decides by *plans*; the counts are those of *states*."""
    return AtOnce(tuple((plan, states.hold(AT_ONCE, plan.state, None)) for plan in plans))
