"""Requests under way: how many at once, how many may wait for a place, and what the others are told (load shedding).

A server that takes more than it can do answers nobody in time. What is refused here is refused before its body is
read and before anything is called, so that it costs next to nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from aggregator.edge.networks import client_key
from aggregator.plan.serving import ClientLimitsPlan
from aggregator.runtime.answers.answer import Answer, problem

FULL = "The server has as many requests under way as it takes."
TOO_MANY = "There are too many requests of yours under way."
_SOON = (b"retry-after", b"1")


class Place:
    """A request that was let in, or waits for that. States: waiting (*begin* is there), under way, left."""

    __slots__ = ("_begin", "_load", "_refuse", "_timer", "address")

    def __init__(
        self, load: Load, address: str, begin: Callable[[], None] | None, refuse: Callable[[int], None]
    ) -> None:
        self._load: Load | None = load
        self._begin = begin
        self._refuse = refuse
        self._timer: asyncio.TimerHandle | None = None
        self.address = address

    @property
    def is_waiting(self) -> bool:
        """Whether it was not let in yet."""
        return self._begin is not None

    def wait(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Wait for a place, *seconds* at most."""
        self._timer = loop.call_later(seconds, self._give_up)

    def begin(self) -> None:
        """Let the request continue."""
        if self._timer is not None:
            self._timer.cancel()
        begin, self._begin = self._begin, None
        if begin is not None:
            begin()

    def _give_up(self) -> None:
        self.leave()
        self._refuse(503)

    def leave(self) -> None:
        """Make room for the next request; once, whatever became of this one."""
        load, self._load = self._load, None
        if load is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        waited, self._begin = self._begin is not None, None
        load.left(self, waited=waited)


class Load:
    """The places of a server. ``under_way``, ``waiting`` and ``shed`` count requests; it outlives reloads."""

    __slots__ = ("_addresses", "_is_letting_in", "_limits", "_queue", "shed", "under_way")

    def __init__(self, limits: ClientLimitsPlan) -> None:
        self._limits = limits
        self._queue: deque[Place] = deque()
        self._addresses: dict[str, int] = {}
        self._is_letting_in = False
        self.under_way = 0
        self.shed = 0

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a place."""
        return len(self._queue)

    def configure(self, limits: ClientLimitsPlan) -> None:
        """Use other *limits*; requests in flight stay."""
        self._limits = limits
        self._let_in()

    def enter(
        self, client: str, loop: asyncio.AbstractEventLoop, begin: Callable[[], None], refuse: Callable[[int], None]
    ) -> Place | int:
        """Return the place of a request of *client* (an address, empty for none), or the status that refuses it.

        For one that has to wait, *begin* is called when it may go on, or *refuse* with a status when not. Who has a
        place calls its ``leave`` at the end.
        """
        limits = self._limits
        address = client_key(client) if client and limits.in_flight_per_address is not None else ""
        if address and self._addresses.get(address, 0) >= (limits.in_flight_per_address or 0):
            return self._shed(429)
        is_full = limits.in_flight is not None and (self.under_way >= limits.in_flight or bool(self._queue))
        if is_full and len(self._queue) >= limits.queue:
            return self._shed(503)
        if address:
            self._addresses[address] = self._addresses.get(address, 0) + 1
        if is_full:
            place = Place(self, address, begin, lambda status: refuse(self._shed(status)))
            self._queue.append(place)
            place.wait(loop, limits.wait)
            return place
        self.under_way += 1
        return Place(self, address, None, refuse)

    def _shed(self, status: int) -> int:
        self.shed += 1
        return status

    def left(self, place: Place, *, waited: bool) -> None:
        """Count *place* as released; it *waited* if it had not been let in."""
        if place.address:
            count = self._addresses.pop(place.address) - 1
            if count:
                self._addresses[place.address] = count
        if waited:
            self._queue.remove(place)
            return
        self.under_way -= 1
        if self._queue:
            self._let_in()

    def _let_in(self) -> None:
        if self._is_letting_in:  # a request that is answered at once leaves within its beginning
            return
        self._is_letting_in = True
        try:
            while self._queue and (self._limits.in_flight is None or self.under_way < self._limits.in_flight):
                self.under_way += 1
                self._queue.popleft().begin()
        finally:
            self._is_letting_in = False


async def place_in(load: Load, client: str) -> Place | int:
    """Return the place of a request of *client* when it has its turn, or the status that refuses it."""
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[int] = loop.create_future()
    place = load.enter(client, loop, lambda: turn.set_result(0), turn.set_result)
    if isinstance(place, int) or not place.is_waiting:
        return place
    try:
        status = await turn
    except asyncio.CancelledError:
        place.leave()
        raise
    return status or place


def shed_answer(status: int, identity: str) -> Answer:
    """Return what a request hears that is refused with *status*: 503 by the server's load, 429 by its client's own."""
    return problem(status, FULL if status == 503 else TOO_MANY, request_id=identity, headers=[_SOON])
