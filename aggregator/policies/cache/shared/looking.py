"""Lookups of a key in the second level: one question to the store for all who wait.

States of a ``Look``: asking (the store), waiting (for the lease of another process), over.
States of a ``Lookup``: looking, gone on (its ticket is that of what came of it), over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_bytes
from typing import Final, Protocol

from aggregator.errors import StoreError
from aggregator.policies.cache.shared.leases import ALONE, Begun, Held, Wish, pause_after
from aggregator.stores.level.contract import NO_LEASE, Lease, Looked
from aggregator.transport.door import Cancelable

GoOn = Callable[[Begun], Cancelable | None]
"""Takes what is known when something begins; returns what cancels what follows."""
_MOST_PATIENT: Final = 200
"""Keys for whose leases a process waits at a time; beyond that it fetches itself."""


class Asked(Protocol):
    """A level that is asked; ``patient`` counts the keys for whose leases this process waits."""

    patient: int

    async def ask(self, there: bytes, key: bytes, lease: Lease) -> Looked:
        """Copy the value of *key* from the store into the first level, and return it. Raises ``StoreError``."""

    def hold(self, there: bytes, token: bytes, number: int) -> Held:
        """Return the lease of *token*, which this process has from now on."""


class Lookup:
    """A waiter for what the store has."""

    __slots__ = ("_begun", "_go_on", "_has_gone", "_is_over", "_ticket", "_timer", "has_wish")

    def __init__(self, go_on: GoOn, begun: Begun = ALONE, *, has_wish: bool = True) -> None:
        self.has_wish = has_wish
        self._go_on = go_on
        self._begun = begun
        self._is_over = self._has_gone = False
        self._ticket: Cancelable | None = None
        self._timer: asyncio.TimerHandle | None = None
        if begun.held is not None:
            begun.held.join()

    @property
    def waits(self) -> bool:
        """Whether the lookup is still waiting."""
        return not self._is_over and not self._has_gone

    def watch(self, seconds: float, begun: Callable[[], Begun]) -> None:
        """Go on after *seconds* at the latest, with what *begun* returns then."""
        self._timer = asyncio.get_running_loop().call_later(seconds, lambda: self.found(begun()))

    def promise(self, begun: Begun) -> None:
        """Go on with *begun* in the next turn of the loop."""
        self._begun = begun
        if begun.held is not None:
            begun.held.join()
        asyncio.get_running_loop().call_soon(self.found, begun)

    def found(self, begun: Begun) -> None:
        """Go on with *begun*, unless the lookup has gone on or was cancelled."""
        if not self.waits:
            return
        self._stop()
        self._has_gone = True
        self._ticket = self._go_on(begun)
        if self._ticket is None and begun.held is not None:
            begun.held.leave()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def cancel(self) -> None:
        """Cancel the lookup, or what followed it."""
        if self._is_over:
            return
        self._is_over = True
        self._stop()
        if self._ticket is not None:
            self._ticket.cancel()
        if self._begun.held is not None:
            self._begun.held.leave()


class Look:
    """One question to *level* for *key*, stored under *there*, by the *wish* of the first waiter."""

    def __init__(self, level: Asked, there: bytes, key: bytes, wish: Wish | None) -> None:
        self._level = level
        self._there = there
        self._key = key
        self._wish = wish
        self._token = b"" if wish is None else token_bytes(8)
        self._number: int | None = None
        self._held: Held | None = None
        self._waiting: list[Lookup] = []
        self._waits_for_lease = False

    def join(self, go_on: GoOn, wish: Wish | None) -> Lookup:
        """Return a lookup that waits with *wish*; without a wish it does not wait for the fetch of another process."""
        lookup = Lookup(go_on, has_wish=wish is not None)
        if wish is None and self._waits_for_lease:
            lookup.promise(Begun(self._number))
            return lookup
        self._waiting.append(lookup)
        if wish is not None:
            now = asyncio.get_running_loop().time()
            lookup.watch(wish.patience(now), lambda: Begun(self._number))
        return lookup

    async def run(self) -> None:
        """Ask the store, and wait for the lease of another process if there is one."""
        try:
            if self._wish is None:
                await self._ask(NO_LEASE)
            else:
                await self._ask_for(self._wish)
        except StoreError:
            return

    async def _ask_for(self, wish: Wish) -> None:
        looked = await self._ask(Lease(self._token, wish.life))
        if looked.value is not None and not wish.is_met():
            looked = await self._ask(Lease(self._token, wish.life, anyway=True))  # what is there is too old
        if looked.holder == self._token:
            self._held = self._level.hold(self._there, self._token, looked.number)
        elif looked.holder and not wish.is_met() and self._level.patient < _MOST_PATIENT:
            self._level.patient += 1
            self._let_go_on()
            try:
                await self._wait(looked.holder, wish)
            finally:
                self._level.patient -= 1

    def _let_go_on(self) -> None:
        """Pass the answer of the store to the waiters without a wish."""
        self._waits_for_lease = True
        for lookup in [lookup for lookup in self._waiting if not lookup.has_wish]:
            self._waiting.remove(lookup)
            lookup.promise(Begun(self._number))

    async def _wait(self, holder: bytes, wish: Wish) -> None:
        """Ask again, after growing pauses, until the value is there or *holder* no longer has the lease."""
        clock = asyncio.get_running_loop().time
        begun, is_held = clock(), True
        while is_held and not wish.is_met() and any(lookup.waits for lookup in self._waiting):
            await asyncio.sleep(pause_after(clock() - begun))
            is_held = (await self._ask(Lease(self._token))).holder == holder

    async def _ask(self, lease: Lease) -> Looked:
        looked = await self._level.ask(self._there, self._key, lease)
        self._number = looked.number
        return looked

    def end(self) -> None:
        """Pass the outcome to all waiters, and give up a lease that none of them needs."""
        begun = Begun(self._number, self._held)
        waiting = [lookup for lookup in self._waiting if lookup.waits]
        for lookup in waiting:
            lookup.promise(begun)
        if self._held is not None and (not waiting or (self._wish is not None and self._wish.is_met())):
            self._held.give_up(0.0)
