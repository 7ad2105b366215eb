"""The hosts of a name: looked up before they are called, and again when what was found does not hold any more.

    made ── ``prepare`` ──▶ prepared: looked up, unless what was found before still serves
    prepared ── ``start`` ──▶ resting, until the time of what was found is over
    resting ── a look-up finds hosts ──▶ they are the hosts now; those that are gone drain
            ── it fails ──▶ the last good ones stay, and it is tried again soon, and then less often
    any ── ``stop`` ──▶ stopped: nothing is looked up ── ``close`` ──▶ the pools of the hosts are given back

A host that is gone is called no more, and its pool is given back when nothing is under way there.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from aggregator.policies.hosts.host import Host
from aggregator.policies.hosts.lookup import Found, Lookup, NotFoundError, find
from aggregator.policies.hosts.plan import HostPlan, HostsPlan
from aggregator.policies.hosts.table import HostTable
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.policies")
_SOON, _LATER = 1.0, 30.0  # seconds to the next try after a failure, at first and at the longest
_LOOK: Final = 2.0  # seconds between two looks at hosts that drain


class Pools(Protocol):
    """The pools of hosts that come and go."""

    def keep(self, host: HostPlan) -> None:
        """Keep a pool for *host*."""

    def give_back(self, host: HostPlan) -> None:
        """Undo one ``keep``: *host* is called no more."""

    def is_busy(self, host: HostPlan) -> bool:
        """Return whether anything is under way at *host*."""


class Resolution:
    """Looks up the hosts of *plan* for *table* with *lookup*, and keeps their *pools*."""

    def __init__(self, table: HostTable, plan: HostsPlan, pools: Pools, lookup: Lookup = find) -> None:
        assert plan.resolve is not None
        self._table = table
        self._plan = plan
        self._resolve = plan.resolve
        self._pools = pools
        self._lookup = lookup
        self._kept: dict[str, HostPlan] = {}
        self._leaving: list[Host] = []
        self._found: Found | None = None
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Look the hosts up, unless they are known. A failure is logged, and does not prevent the start."""
        if not self._table.knows(self._resolve):
            self._found = await self._look_up()

    def start(self) -> None:
        """Use the hosts found, and start the periodic lookup."""
        for host in self._table.hosts:
            self._keep(host.plan)
        if self._found is not None:
            self._follow(self._found)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Stop the periodic lookup."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """Release the pools."""
        kept, self._kept = self._kept, {}
        for host in kept.values():
            self._pools.give_back(host)

    async def _run(self) -> None:
        rest = self._rest(self._found) if self._found is not None or self._failures else 0.0
        while True:
            await self._sleep(rest)
            found = await self._look_up()
            if found is not None:
                self._follow(found)
            rest = self._rest(found)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, and meanwhile return the pools of hosts that have drained."""
        while self._leaving and seconds > _LOOK:
            await asyncio.sleep(_LOOK)
            seconds -= _LOOK
            self._sweep()
        await asyncio.sleep(seconds)
        self._sweep()

    def _rest(self, found: Found | None) -> float:
        if found is not None:
            return found.seconds
        return float(min(_LATER, _SOON * 2.0 ** min(self._failures - 1, 10)))

    async def _look_up(self) -> Found | None:
        """Return what is found, None when nothing is."""
        try:
            found = await self._lookup(self._resolve)
        except NotFoundError as error:
            self._failures += 1
            if self._failures == 1:
                self._tell(logging.WARNING, "The hosts of an upstream could not be looked up.", reason=str(error))
            return None
        if self._failures:
            self._tell(logging.INFO, "The hosts of an upstream can be looked up again.")
        self._failures = 0
        return found

    def _tell(self, level: int, message: str, **fields: object) -> None:
        log(_log, level, message, upstream=self._table.upstream, name=self._resolve.name, **fields)

    def _follow(self, found: Found) -> None:
        """Use the hosts *found* from now on."""
        for address in found.addresses:
            self._keep(self._plan.host_at(address))
        self._leaving += self._table.follow(found.addresses, asyncio.get_running_loop().time())
        self._sweep()

    def _keep(self, host: HostPlan) -> None:
        if host.name not in self._kept:
            self._kept[host.name] = host
            self._pools.keep(host)

    def _sweep(self) -> None:
        """Release the pools of hosts that are gone and have no request under way."""
        present = {host.name for host in self._table.hosts}
        self._leaving = [host for host in self._leaving if host.name not in present]
        for host in [one for one in self._leaving if not one.in_flight and not self._pools.is_busy(one.plan)]:
            self._leaving.remove(host)
            kept = self._kept.pop(host.name, None)
            if kept is not None:
                self._pools.give_back(kept)
