"""The one shared ``httpx.AsyncClient`` and, behind it, one bounded pool for each upstream.

Opened and closed by the application's lifespan. Pools live as long as some generation uses them, so that a
reload which does not touch an upstream keeps its connections.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import httpx
from msgspec.structs import replace

from aggregator.brokers.opening import open_broker
from aggregator.plan.serving import ClientPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.templates import header_value
from aggregator.transport import (
    ClientPool,
    Door,
    EngineTransport,
    Limits,
    Origin,
    Pool,
    PoolSettings,
    StockTransport,
    Timeouts,
    keep_location,
    no_cookies,
)  # fmt: skip

PoolKey = tuple[str, PoolSettings]
"""The name of an upstream, and how its pool is built."""


class SharedClient:
    """Owns the client and the pools; *transport* replaces what carries the calls (tests, special networks).

    Before a pool without users is closed, *settled* is awaited: background calls and shadows may still need it.
    """

    def __init__(
        self,
        plan: ClientPlan,
        transport: httpx.AsyncBaseTransport | None = None,
        settled: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._settled = settled
        self._pools: dict[PoolKey, Door] = {}
        self._uses: Counter[PoolKey] = Counter()
        self._closing: set[asyncio.Task[None]] = set()
        self._engine: EngineTransport | None = None
        self._stock: StockTransport | None = None
        if transport is None and plan.transport == "engine":
            transport = self._engine = EngineTransport(partial(_settings, plan))
        elif transport is None:
            transport = self._stock = StockTransport(partial(_settings, plan), http2=plan.http2, proxy=plan.proxy)
        self.client = httpx.AsyncClient(
            transport=transport,
            timeout=_timeout(plan),
            cookies=no_cookies(),
            trust_env=False,
            follow_redirects=False,
            event_hooks={"response": [keep_location]},
            headers=[(b"user-agent", header_value(plan.user_agent))],
        )

    def configure(self, plan: ClientPlan) -> None:
        """Use the timeouts and the user agent of *plan* from now on; the transport stays as it was opened."""
        self.client.timeout = _timeout(plan)
        self.client.headers.update([(b"user-agent", header_value(plan.user_agent))])

    def pool(self, upstream: UpstreamPlan, demo_port: int | None = None) -> Door:
        """Return the pool of *upstream*, made on first use; its callers count themselves with ``retain``."""
        key = pool_key(upstream, demo_port)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._open(key[1], own=upstream.demo is not None)
        return pool

    def _open(self, settings: PoolSettings, *, own: bool) -> Door:
        """Return a pool to what *settings* say; no proxy could reach what is our *own*."""
        if settings.broker is not None:
            return open_broker(settings)
        if self._stock is not None:
            return ClientPool(settings, self.client, self._stock.open(settings, proxied=not own))
        if self._engine is None:
            return ClientPool(settings, self.client)
        pool = Pool(settings)
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
                    self._forget(pool)
                    task = asyncio.get_running_loop().create_task(self._close(pool))
                    self._closing.add(task)
                    task.add_done_callback(self._closing.discard)

    def _forget(self, pool: Door) -> None:
        if self._engine is not None and isinstance(pool, Pool):
            self._engine.forget(pool)
        elif self._stock is not None and isinstance(pool, ClientPool) and pool.transport is not None:
            self._stock.forget(pool.transport)

    def is_used(self, key: PoolKey) -> bool:
        """Return whether anybody counts as a user of a pool."""
        return self._uses[key] > 0

    def is_busy(self, key: PoolKey) -> bool:
        """Return whether anything is under way in a pool."""
        pool = self._pools.get(key)
        return pool is not None and pool.active > 0

    async def _close(self, pool: Door) -> None:
        if self._settled is not None:
            await self._settled()
        await pool.aclose()

    @property
    def pools(self) -> tuple[Door, ...]:
        """The pools that are open."""
        return tuple(self._pools.values())

    @property
    def named_pools(self) -> dict[str, list[Door]]:
        """The pools that are open, by the name of their upstream."""
        named: dict[str, list[Door]] = {}
        for (name, _), pool in self._pools.items():
            named.setdefault(name, []).append(pool)
        return named

    async def aclose(self) -> None:
        """Close the pools and the client."""
        for pool in self.pools:
            await pool.aclose()
        self._pools.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self.client.aclose()


class OpenedPools:
    """The pools that one generation opens by *client*, each of which it counts as a user of until it ends.

    A host that a reload brings is in the table that generations share, and a retry of the old one may come to it, with
    settings that the old one never declared; the next reload may take both away while the retry is under way. Hosts
    that were looked up are counted by who looks, and given back when nothing is under way there.
    """

    def __init__(self, client: SharedClient, demo_port: int | None) -> None:
        self._client = client
        self._demo_port = demo_port
        self._keys: set[PoolKey] = set()
        self._is_over = False

    def pool(self, upstream: UpstreamPlan) -> Door:
        """Return the pool of *upstream*."""
        key = pool_key(upstream, self._demo_port)
        if key not in self._keys and self._counts(key):
            self._client.retain([key])
            self._keys.add(key)
        return self._client.pool(upstream, self._demo_port)

    def _counts(self, key: PoolKey) -> bool:
        """Return whether this is to count as a user; who builds on a generation that has ended counts by itself."""
        return not self._client.is_used(key) or not (self._is_over or key[1].origin.address)

    def give_back(self) -> None:
        """Count as a user of none any more."""
        keys, self._keys, self._is_over = self._keys, set(), True
        self._client.release(keys)


def pool_keys(upstream: UpstreamPlan, demo_port: int | None) -> tuple[PoolKey, ...]:
    """Return what tells the pools of *upstream* from others: one a host, and one more by which its health is asked."""
    return tuple(pool_key(one, demo_port) for one in (*upstream.each_host, *upstream.each_asked))


def pool_key(upstream: UpstreamPlan, demo_port: int | None) -> PoolKey:
    """Return what tells the pool of *upstream* from others: one upstream never takes the connections of another.

    A demo upstream is where the demo server listens now.
    """
    if upstream.demo is None:
        return (upstream.name, upstream.pool)
    return (upstream.name, replace(upstream.pool, origin=Origin("http", "127.0.0.1", demo_port or 80)))


def _timeout(plan: ClientPlan) -> httpx.Timeout:
    return httpx.Timeout(plan.total, connect=plan.connect)


def _settings(plan: ClientPlan, origin: Origin) -> PoolSettings:
    """Return how an origin is reached that no upstream declares: by a plug-in that uses the client."""
    return PoolSettings(
        origin,
        limits=Limits(plan.max_connections, plan.max_keepalive, plan.keepalive_expiry),
        timeouts=Timeouts(connect=plan.connect),
    )
