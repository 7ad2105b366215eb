"""Everything that lives while the application runs: client, pools, workers, generations; and how they change.

``open`` and ``close`` are called by the lifespan, ``reload`` by the watcher and by SIGHUP.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Protocol

import httpx

from aggregator.demo.server import DemoServer
from aggregator.errors import ConfigError, StartupError
from aggregator.plan.types import Plan, UpstreamPlan
from aggregator.runtime.client import SharedClient
from aggregator.runtime.effects import EffectQueue
from aggregator.runtime.stack import Resources
from aggregator.server.memory import collection_paused
from aggregator.server.generation import Generation
from aggregator.server.reload import ReloadOutcome, Verdict
from aggregator.telemetry.logging import log
from aggregator.transport import Pool

_log = logging.getLogger("aggregator.server")
_THREADS = 32


class PlanSource(Protocol):
    """Where plans come from, the first one and those of reloads."""

    def load(self) -> Plan:
        """Give the plan as the files say now; raises ``ConfigError``. May be called in a thread."""

    def describe(self, error: ConfigError) -> str:
        """Give the text that a terminal shows for *error*."""


class Running:
    """The running application."""

    def __init__(self, source: PlanSource, plan: Plan, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.plan = plan
        self.generation: Generation | None = None
        self.draining = False
        self.last_refusal: ReloadOutcome | None = None
        self.queue = EffectQueue(plan.background)
        self._source = source
        self._transport = transport
        self._client: SharedClient | None = None
        self._demo: DemoServer | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()

    @property
    def client(self) -> httpx.AsyncClient:
        """The one shared client; there is none before ``open``."""
        if self._client is None:
            raise StartupError("The application has not been started.")
        return self._client.client

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The open pools of all generations."""
        return () if self._client is None else self._client.pools

    async def open(self) -> None:
        """Open the client and make the first plan runnable; raises ``StartupError``."""
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="plugin")
        self._stack.callback(self._executor.shutdown, wait=False, cancel_futures=True)
        self._client = SharedClient(self.plan.client, self._transport)
        self._stack.push_async_callback(self._client.aclose)
        try:
            self.generation = await self._build(1, self.plan, None)
        except BaseException:
            await self._stack.aclose()
            raise

    async def _build(self, number: int, plan: Plan, previous: Generation | None) -> Generation:
        assert self._client is not None
        assert self._executor is not None
        await self._start_demo(plan)
        port = None if self._demo is None else self._demo.port
        client = self._client

        def pool(upstream: UpstreamPlan) -> Pool:
            return client.pool(upstream, port)

        resources = Resources(pool, self._executor, self.queue, plan.server)
        with collection_paused():
            return Generation(number, plan, resources, client, port, previous)

    async def _start_demo(self, plan: Plan) -> None:
        if self._demo is None and any(upstream.demo for upstream in plan.upstreams):
            demo = DemoServer()
            await demo.start()
            self._demo = demo
            self._stack.push_async_callback(demo.aclose)

    async def reload(self) -> ReloadOutcome:
        """Load, check and build a new generation beside the running one, and swap; on any problem change nothing."""
        async with self._turn:
            started = asyncio.get_running_loop().time()
            assert self.generation is not None
            try:
                plan = await asyncio.to_thread(self._source.load)
                if plan.digest == self.generation.plan.digest:
                    self.last_refusal = None
                    return ReloadOutcome(Verdict.UNCHANGED, self.generation.number)
                fresh = await self._build(self.generation.number + 1, plan, self.generation)
            except ConfigError as error:
                outcome = ReloadOutcome(Verdict.REFUSED, self.generation.number, summary=str(error),
                                        report=self._source.describe(error), diagnostics=error.diagnostics)  # fmt: skip
                return self._refuse(outcome)
            except StartupError as error:
                return self._refuse(
                    ReloadOutcome(Verdict.REFUSED, self.generation.number, summary=str(error), report=str(error))
                )
            self._swap(fresh)
            seconds = asyncio.get_running_loop().time() - started
            outcome = ReloadOutcome(Verdict.SWAPPED, fresh.number, seconds, f"{len(plan.endpoints)} endpoints")
            log(_log, logging.INFO, "A new configuration is served.", generation=fresh.number, config=plan.digest[:12],
                endpoints=len(plan.endpoints), ms=round(seconds * 1000))  # fmt: skip
            return outcome

    def _refuse(self, outcome: ReloadOutcome) -> ReloadOutcome:
        self.last_refusal = outcome
        log(_log, logging.ERROR, "A new configuration was refused; the running one stays.", generation=outcome.generation,
            reason=outcome.summary)  # fmt: skip
        return outcome

    def _swap(self, fresh: Generation) -> None:
        assert self.generation is not None
        assert self._client is not None
        old, self.generation = self.generation, fresh
        self.plan = fresh.plan
        self.last_refusal = None
        self.queue.configure(fresh.plan.background)
        self._client.configure(fresh.plan.client)
        old.retire()

    async def close(self) -> None:
        """Run what is left of the background calls within the grace, then close everything."""
        self.draining = True
        await self.queue.drain(self.plan.server.shutdown_grace)
        await self._stack.aclose()
        if self.generation is not None:
            self.generation.retired = True
            self.generation = None
