"""Health checks: each host is asked at its time, beside the calls, over connections of its own.

    stopped ── ``start`` ──▶ asking all hosts at once ── each has answered, failed or was too late ──▶ resting
    resting ── its time is over ──▶ asking
    asking, resting ── ``stop`` ──▶ stopped; what was being asked tells nothing

So no host is ever asked twice at the same time, and one that does not answer keeps the others waiting no longer than
``timeout``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import random
from typing import Final

from aggregator.causes import Cause
from aggregator.errors import CallError, place_of
from aggregator.policies.breaker.plan import OURS
from aggregator.policies.hosts.host import Host
from aggregator.policies.hosts.plan import HealthPlan, HostPlan
from aggregator.policies.hosts.table import HostTable
from aggregator.telemetry.logging import log
from aggregator.transport import Door
from aggregator.transport.failures import TOO_LATE
from aggregator.transport.fetching import fetched

_log = logging.getLogger("aggregator.policies")
_SHORTER: Final = 0.1  # a rest is up to so much shorter, that gateways do not ask at the same time


class HealthChecks:
    """The checks of *plan* of the hosts in *table*, by the *way* to each; *draw* gives a random number below 1."""

    def __init__(
        self, table: HostTable, plan: HealthPlan, way: Callable[[HostPlan], Door], headers: bytes,
        draw: Callable[[], float] = random,
    ) -> None:  # fmt: skip
        self._table = table
        self._plan = plan
        self._way = way
        self._headers = headers
        self._draw = draw
        self._task: asyncio.Task[None] | None = None

    @property
    def is_asking(self) -> bool:
        """Whether the checks are running."""
        return self._task is not None

    def start(self) -> None:
        """Start the health checks."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Stop the health checks."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _run(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(self._plan.every * (1 - _SHORTER * self._draw()))

    async def ask(self) -> None:
        """Check every host once."""
        ways = [(host, self._way(host.plan)) for host in self._table.hosts]  # now, while none of them can be gone
        await asyncio.gather(*(self._ask(host, door) for host, door in ways))

    async def _ask(self, host: Host, door: Door) -> None:
        try:
            why = await self._failure(host, door)
        except CallError as error:
            if error.cause in OURS:  # the host was never asked
                return
            why = str(error)
        except Exception as error:  # a fault of ours tells nothing of the host, and must not end the checks
            log(_log, logging.ERROR, "A health check could not be made.", host=host.name, fault=place_of(error))
            return
        self._table.checked(host, asyncio.get_running_loop().time(), is_well=why is None, reason=why)

    async def _failure(self, host: Host, door: Door) -> str | None:
        """Return why the answer of *host* is not well; None if it is. Raises ``CallError``."""
        plan, headers = self._plan, b"host: " + host.plan.header + b"\r\n" + self._headers
        deadline = asyncio.get_running_loop().time() + plan.timeout
        try:
            async with asyncio.timeout_at(deadline):
                reply = await fetched(door, b"GET", plan.target, headers, deadline=deadline)
        except TimeoutError:
            return TOO_LATE[Cause.DEADLINE]
        return None if 200 <= reply.status < 300 else f"The upstream answered with status {reply.status}."
