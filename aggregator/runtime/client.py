"""The one shared ``httpx.AsyncClient`` and, behind it, one bounded pool for each upstream.

Opened and closed by the application's lifespan. Pools live as long as some generation uses them, so that a
reload which does not touch an upstream keeps its connections.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import httpx

from aggregator.plan.types import ClientPlan, UpstreamPlan
from aggregator.transport import ClientPool, EngineTransport, Origin, Pool, PoolSettings, no_cookies

PoolKey = tuple[str, PoolSettings]
"""The name of an upstream, and how its pool is built."""


class SharedClient:
    """Owns the client and the pools; *transport* replaces what carries the calls (tests, special networks)."""

    def __init__(self, plan: ClientPlan, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._pools: dict[PoolKey, Pool] = {}
        self._uses: Counter[PoolKey] = Counter()
        self._closing: set[asyncio.Task[None]] = set()
        self._engine: EngineTransport | None = None
        if transport is None and plan.transport == "engine":
            transport = self._engine = EngineTransport()
        self.client = httpx.AsyncClient(
            transport=transport or _stock(plan),
            timeout=_timeout(plan),
            cookies=no_cookies(),
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": plan.user_agent},
        )

    def configure(self, plan: ClientPlan) -> None:
        """Take the timeouts of *plan* from now on; what carries the calls stays as it was opened."""
        self.client.timeout = _timeout(plan)

    def pool(self, upstream: UpstreamPlan, demo_port: int | None = None) -> Pool:
        """Give the pool of *upstream*, made on first use; its callers count themselves with ``retain``."""
        key = pool_key(upstream, demo_port)
        pool = self._pools.get(key)
        if pool is None:
            pool = Pool(key[1]) if self._engine is not None else ClientPool(key[1], self.client)
            self._pools[key] = pool
            if self._engine is not None:
                self._engine.register(pool)
        return pool

    def retain(self, keys: Iterable[PoolKey]) -> None:
        """Count one more user of each pool."""
        self._uses.update(keys)

    def release(self, keys: Iterable[PoolKey]) -> None:
        """Count one user less; a pool without users is closed."""
        for item in keys:
            self._uses[item] -= 1
            if self._uses[item] <= 0:
                del self._uses[item]
                pool = self._pools.pop(item, None)
                if pool is not None:
                    self._close(pool)

    def _close(self, pool: Pool) -> None:
        task = asyncio.get_running_loop().create_task(pool.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools that are open."""
        return tuple(self._pools.values())

    async def aclose(self) -> None:
        """Close the pools and the client."""
        for pool in self.pools:
            await pool.aclose()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self.client.aclose()


def pool_key(upstream: UpstreamPlan, demo_port: int | None) -> PoolKey:
    """Give what tells the pool of *upstream* from others: one upstream never takes the connections of another.

    A demo upstream is where the demo server listens now.
    """
    if upstream.demo is None:
        return (upstream.name, upstream.pool)
    return (upstream.name, replace(upstream.pool, origin=Origin("http", "127.0.0.1", demo_port or 80)))


def _timeout(plan: ClientPlan) -> httpx.Timeout:
    return httpx.Timeout(plan.total, connect=plan.connect)


def _stock(plan: ClientPlan) -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(
        http2=plan.http2,
        proxy=plan.proxy,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=plan.max_connections,
            max_keepalive_connections=plan.max_keepalive,
            keepalive_expiry=plan.keepalive_expiry,
        ),
    )
