"""All workers: started, and replaced when they end, stop responding, or use too much memory.

A seat is one of the places that are to be filled:

    starting   a worker is being made; one that ends meanwhile is followed by another after a pause
    filled     its worker serves
    relieved   another worker is started beside the one that serves; that one stops once the other serves
    given up   all stop
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from aggregator.errors import shortage_behind
from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.channel import Channel
from aggregator.server.workers.making.maker import Maker
from aggregator.server.workers.messages import Spawn
from aggregator.server.workers.supervising.member import Hear, Member
from aggregator.server.workers.supervising.relieving import Relief
from aggregator.server.workers.supervising.turns import Turns
from aggregator.telemetry.lately import log_change

_log = logging.getLogger("aggregator.server")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_WELL = 10.0
"""Seconds that a worker has to serve before the next pause begins from the first one again."""
_TRIES = 3
"""Workers that end before any has served, after which there is nothing to wait for."""
_LOOK = 1.0
_TO_WRITE = 10.0
"""Seconds that a worker has at most to write its stack: the machine may be what stands still."""
_MOMENT = 1.0
"""Seconds that a worker has to write its stack, and to end, before it is killed because all stop."""
_NO_STACK = "none was written: the process itself is stopped, or waits for a processor"
_TO_START = 60.0
"""Seconds without a beat that a worker which does not serve yet has at least."""
_TO_LOAD = 600.0
"""Those of one that has to load the program and to compile before it can say anything."""


class Crew:
    """*count* workers by the settings of *plan*; *joined* hears of each one that serves, *left* of each that ended.

    *hear* is given what a worker tells without having been asked.
    """

    def __init__(
        self, count: int, plan: WorkersPlan, balance: Balance, joined: Callable[[Member], None],
        left: Callable[[Member], None], hear: Hear,
    ) -> None:  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self.count = count
        self._plan = plan
        self._balance = balance
        self._joined, self._left, self._hear = joined, left, hear
        self.maker: Maker | None = None
        self.turns = Turns()
        self.generation = 1
        self.members: list[Member] = []
        """All processes that have not ended."""
        self._numbers = list(range(balance.seats))
        self.is_stopping = False
        self._failures = 0
        self.has_served = False
        """Whether any worker ever has."""
        self.failed: asyncio.Future[str] = self._loop.create_future()
        """Why none of them could be started, or none can be any more."""
        self.settled = asyncio.Event()
        """Set when the first worker of each seat serves or has ended."""
        self._first = count
        self._relief = Relief()

    @property
    def serving(self) -> list[Member]:
        """The workers that serve and have not been told to stop."""
        return [one for one in self.members if one.is_serving]

    def ended(self, pid: int, words: str) -> None:
        """Remove the worker whose process *pid* has ended; *words* say how."""
        for member in [one for one in self.members if one.pid == pid]:
            self.members.remove(member)
            self._balance.leave(member.seat)
            self._numbers.append(member.seat)
            member.end(words)
            self._left(member)

    async def run(self) -> None:
        """Keep all seats filled, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.count):
                group.create_task(self._keep())
            group.create_task(self._look())

    async def _keep(self) -> None:
        member, pause, is_first = None, _FIRST_PAUSE, True
        while not self.is_stopping:
            fresh = await self._start()
            if is_first:
                is_first = False
                self._count_first()
            if fresh is None:
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)
                continue
            if member is not None:
                member.stop()
            member, since = fresh, self._loop.time()
            if not await self._served(member):
                pause = _FIRST_PAUSE if self._loop.time() - since >= _WELL else pause
                member = None
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)

    def _count_first(self) -> None:
        self._first -= 1
        if self._first == 0:
            self.settled.set()

    async def _served(self, member: Member) -> bool:
        """Wait until *member* is to be relieved, or has ended; return whether it is there yet."""
        waiting = asyncio.create_task(member.relieved.wait())
        try:
            await _first_of(waiting, member.ended)
        finally:
            waiting.cancel()
        if not member.ended.done():
            return True
        if not self.is_stopping:
            log_change(_log, logging.ERROR, "A worker has ended; another one takes its place.", pid=member.pid,
                reason=member.ended.result())  # fmt: skip
        return False

    async def _start(self) -> Member | None:
        """Return a new worker that serves; None when it ended before."""
        async with self.turns.starting():
            if self.is_stopping:
                return None
            try:
                member = await self._spawn()
            except OSError as error:
                why = shortage_behind(error) or error.strerror or error
                self._not_started(f"no process could be made: {why}")
                return None
            await _first_of(member.ready, member.ended)
            if member.ended.done():
                self._not_started(member.ended.result(), member.pid)
                return None
        self.has_served = True
        self._joined(member)
        return member

    async def _spawn(self) -> Member:
        seat = self._numbers.pop(0)
        try:
            member = await self._made(seat)
        except BaseException:
            self._numbers.append(seat)
            raise
        self.members.append(member)
        if self.is_stopping:
            member.stop()
        return member

    async def _made(self, seat: int) -> Member:
        """Return the worker of *seat* as soon as its process is there: what is told of that later finds it."""
        assert self.maker is not None
        with ExitStack() as given, ExitStack() as kept:
            ours, theirs = socket.socketpair()
            kept.callback(ours.close)
            given.callback(theirs.close)
            stack, written = os.pipe()
            kept.callback(os.close, stack)
            given.callback(os.close, written)
            os.set_blocking(stack, False)
            os.set_blocking(written, False)
            channel = await Channel.over(ours)
            kept.callback(channel.close)
            pid = await self.maker.spawn(Spawn(seat, self.generation), theirs, written)
            kept.pop_all()
            return Member(seat, pid, channel, stack, self._hear)

    def _not_started(self, reason: str, pid: int | None = None) -> None:
        self._failures += 1
        if self.is_stopping:
            return
        process = {} if pid is None else {"pid": pid}
        log_change(_log, logging.ERROR, "A worker could not be started.", **process, reason=reason)
        if not self.has_served and self._failures >= _TRIES and not self.failed.done():
            self.failed.set_result(reason)

    async def _look(self) -> None:
        """Look after all workers once a second."""
        last = self._loop.time()
        while True:
            await asyncio.sleep(_LOOK)
            now = self._loop.time()
            if now - last > 3 * _LOOK:  # it was this process that stood still: nothing is known of others
                for member in self.members:
                    member.beaten_at = now
            last = now
            for member in tuple(self.members):
                self.look_after(member, now)

    def look_after(self, member: Member, now: float) -> None:
        """Ask *member* for its stack, kill it, or have it relieved, if that is due at *now* (time of the loop)."""
        blocked = self._patience(member)
        silent = now - member.beaten_at
        if silent > blocked - min(_TO_WRITE, blocked / 2):
            member.ask_stack()
        if silent > blocked:
            log_change(_log, logging.ERROR, "A worker stands still; another one takes its place.", pid=member.pid,
                seconds=round(silent), stack=member.stack() or _NO_STACK)  # fmt: skip
            member.kill()
        elif self._plan.memory is not None and member.is_serving and member.beat.memory > self._plan.memory:
            age = now - member.made_at
            if not member.relieved.is_set() and self._relief.is_due(age):
                log_change(_log, logging.WARNING, "A worker holds too much memory; another one takes its place.",
                    pid=member.pid, bytes=member.beat.memory, most=self._plan.memory, seconds=round(age))  # fmt: skip
                member.relieved.set()

    def _patience(self, member: Member) -> float:
        """Return the seconds without a word after which *member* is ended."""
        if member.ready.done():
            return self._plan.blocked
        is_loading = not member.has_spoken and self.maker is not None and self.maker.loads
        return max(self._plan.blocked, _TO_LOAD if is_loading else _TO_START)

    def stop(self) -> None:
        """Tell all workers to stop; a second call ends them at once."""
        self.is_stopping = True
        for member in self.members:
            member.stop()

    async def gone(self, seconds: float) -> None:
        """Wait until all workers have ended; kill those that have not after *seconds*."""
        waited = [member.ended for member in self.members]
        if waited:
            await asyncio.wait(waited, timeout=seconds)
        if self.members:
            await self.end_all()
        left = [member.ended for member in self.members]
        if left:
            await asyncio.wait(left, timeout=_LAST)

    async def end_all(self) -> None:
        """Kill all workers, and tell where each stands; they have a moment to end by themselves, and to write that."""
        left = tuple(self.members)
        for member in left:
            member.ask_stack()
        if left:
            await asyncio.wait([member.ended for member in left], timeout=_MOMENT)
        for member in left:
            if not member.ended.done():
                log_change(_log, logging.ERROR, "A worker does not stop, and is ended.", pid=member.pid,
                    stack=member.stack() or _NO_STACK)  # fmt: skip
                member.kill()

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)


_LAST = 5.0
"""Seconds that the system may take to end a process."""


async def _first_of(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
