"""The pace of an upstream that all processes keep together, by a store; without it each takes its share.

A turn that comes later is one that the store grants ahead: there the bucket is larger by what comes back while a call
may wait, and who finds less than that left waits until his unit has come back. Units are divided, so that a wait which
is no whole number of them counts, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from aggregator.errors import StoreError
from aggregator.policies.rate_limit.pacing import Pace, too_often
from aggregator.policies.rate_limit.plan import CallRatePlan
from aggregator.policies.rate_limit.sharing import share_of_rate
from aggregator.policies.registry import Draft, Kind
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate, Taken
from aggregator.stores.shared.asks import Ask
from aggregator.stores.shared.connected import ConnectedStore

_PIECES = 1000
"""Into how many pieces a unit is divided."""
_AT_ONCE = 1e-4
"""A wait of so many seconds is none: times of stores are rounded."""
_ALL = b"all"


def build_pace(
    name: str, plan: CallRatePlan, label: str, states: Draft, clock: Callable[[], float],
    store: ConnectedStore | None = None,
) -> Pace:  # fmt: skip
    """Return the pace of the upstream *name*; all that call it have the same, over reloads, too."""
    kind: Kind[Rate, Limiter] = Kind("call_rate", lambda rate: Limiter(rate, clock), Limiter.adopt)
    limiter = states.hold(kind, name, plan.rate)
    return Pace(limiter, plan.wait, label) if store is None else SharedPace(limiter, plan, label, name, store)


class SharedPace(Pace):
    """The turns of the calls of all processes to the upstream *name*; *limiter* has those of this one alone."""

    def __init__(self, limiter: Limiter, plan: CallRatePlan, label: str, name: str, store: ConnectedStore) -> None:
        super().__init__(limiter, plan.wait, label)
        self._rate = plan.rate
        self._store = store
        self._processes = 0
        self._going_back: set[asyncio.Task[None]] = set()
        rate, ahead = plan.rate, plan.wait / plan.rate.interval
        pieces = Rate(rate.count * _PIECES, rate.period, int((rate.burst + ahead) * _PIECES))
        self._turn_of_all = Ask(b"p:" + name.encode(), _ALL, pieces, _PIECES)

    @property
    def asks(self) -> bool:
        """Whether the store is there."""
        return self._store.is_there

    def reserve(self, left: float) -> float:
        """Return the seconds until the turn of a call by the share of this process."""
        self._store.alone += 1
        if self._store.processes != self._processes:
            self._processes = max(1, self._store.processes)
            self._limiter.adopt(share_of_rate(self._rate, self._processes))
        return super().reserve(left)

    async def turn(self, left: float) -> None:
        """Return when it is the turn of a call of which *left* seconds are left; raise ``CallError`` as ``reserve``."""
        asking = asyncio.get_running_loop().create_task(self._store.take_all([self._turn_of_all]))
        try:
            await asyncio.wait((asking,))  # which goes on asking when this call is given up: the store may grant it yet
            wait = self._wait_of(asking.result()[0])
            if not wait or wait <= left:
                if wait:
                    await asyncio.sleep(wait)
                return
        except asyncio.CancelledError:
            self._go_back(asking)
            raise
        except StoreError:
            await super().turn(left)
            return
        await self._store.give_back(self._turn_of_all)
        raise too_often(self._label, wait)

    def _wait_of(self, taken: Taken) -> float:
        """Return the seconds until the turn that is *taken*; raise ``CallError`` where none is."""
        if not taken.granted:
            raise too_often(self._label, taken.wait + self._wait)
        wait = taken.reset - self._rate.span
        return wait if wait >= _AT_ONCE else 0.0

    def _go_back(self, asking: asyncio.Task[Sequence[Taken]]) -> None:
        """Put back the turn that *asking* will be granted, in a task of its own."""
        task = asyncio.get_running_loop().create_task(self._give_up(asking))
        self._going_back.add(task)
        task.add_done_callback(self._going_back.discard)

    async def _give_up(self, asking: asyncio.Task[Sequence[Taken]]) -> None:
        with suppress(StoreError):  # what a store that is away has granted is lost
            if (await asking)[0].granted:
                await self._store.give_back(self._turn_of_all)
