"""The breakers of an upstream: one for all of its calls, or one for each key, which are bounded in number."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Final

from aggregator.errors import CallError, Cause
from aggregator.policies.breaker.breaker import Breaker, Phase
from aggregator.policies.breaker.plan import BreakerPlan
from aggregator.policies.registry import Kind

OPEN: Final = (Phase.OPEN, Phase.TRYING, Phase.FORCED_OPEN)
"""Phases in which calls are kept away."""
MOST: Final = 1000
"""Breakers of one upstream by key; the one that was used longest ago makes room, closed ones first."""


class Breakers:
    """The breakers of the upstream that *settings* name; ``whole`` is that of all calls without a key, and
    ``only`` the same, unless calls have keys.

    What an operator orders holds for all of them, also for those to come.
    """

    def __init__(self, settings: tuple[str, BreakerPlan]) -> None:
        self.upstream, self.plan = settings
        self.whole = Breaker(self.upstream, self.plan)
        self.only: Breaker | None = self._only()
        self._by_key: OrderedDict[str, Breaker] = OrderedDict()

    @property
    def keeps_away(self) -> bool:
        """Whether calls without a key are refused now, if no probe has changed that."""
        return self.whole.phase_at(asyncio.get_running_loop().time()) in OPEN

    @property
    def keys(self) -> Collection[str]:
        """The keys that have a breaker of their own."""
        return self._by_key.keys()

    def adopt(self, settings: tuple[str, BreakerPlan]) -> None:
        """Continue with other settings; when the key has changed, breakers by key start anew."""
        self.upstream, plan = settings
        if plan.by_host != self.plan.by_host or (plan.key and plan.key.source) != (
            self.plan.key and self.plan.key.source
        ):
            self._by_key.clear()
        self.plan = plan
        self.only = self._only()
        for breaker in (self.whole, *self._by_key.values()):
            breaker.adopt(plan)

    def _only(self) -> Breaker | None:
        return self.whole if self.plan.key is None else None

    def of(self, key: str, now: float) -> Breaker:
        """Return the breaker of *key*; it may begin *now*."""
        breaker = self._by_key.get(key)
        if breaker is None:
            if len(self._by_key) >= MOST:
                self._make_room()
            breaker = self._by_key[key] = Breaker(f"{self.upstream} {key[:100]}", self.plan)
            breaker.obey(self.whole, now)
        else:
            self._by_key.move_to_end(key)
        return breaker

    def _make_room(self) -> None:
        closed = (key for key, breaker in self._by_key.items() if breaker.phase is Phase.CLOSED)
        del self._by_key[next(closed, next(iter(self._by_key)))]

    def order(self, phase: Phase, seconds: float | None, reason: str) -> None:
        """Carry out an operator's order on all breakers of the upstream."""
        now = asyncio.get_running_loop().time()
        for breaker in (self.whole, *self._by_key.values()):
            breaker.order(phase, now, seconds, reason)

    def as_list(self) -> list[dict[str, object]]:
        """Return what there is to know of each."""
        now = asyncio.get_running_loop().time()
        shown = [] if self.plan.by_host and self._by_key else [self.whole]
        return [breaker.as_dict(now) for breaker in (*shown, *self._by_key.values())]

    def is_open(self, now: float, hosts: Iterable[str] = ()) -> bool:
        """Return whether calls are kept away; of breakers by host those of all *hosts* there are have to be open.

        A host that no call has chosen yet has none, unless an operator orders something. Breakers by key play no part.
        """
        looked_at = [self._by_key.get(host, self.whole) for host in hosts] if self.plan.by_host else []
        return all(breaker.phase_at(now) in OPEN for breaker in looked_at or (self.whole,))


BREAKERS: Final[Kind[tuple[str, BreakerPlan], Breakers]] = Kind("breaker", Breakers, Breakers.adopt)


def refusal(breaker: Breaker, label: str, now: float) -> CallError:
    """Return the failure of a call that *breaker* keeps away from the upstream *label*."""
    message = f"The upstream '{label}' is left alone for now: its breaker is open."
    error = CallError(Cause.BREAKER_OPEN, message, retry_after=breaker.wait(now))
    error.attempts = 0
    return error
