"""The shared client and its pools: one for each upstream, kept while somebody uses it, closed with the rest."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx

from aggregator.plan.serving import ClientPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.runtime.client import OpenedPools, SharedClient, pool_key
from aggregator.transport import Limits, Origin, PoolSettings, StockTransport


def upstream(name: str = "up", port: int = 1, **options: object) -> UpstreamPlan:
    """Return an upstream."""
    return UpstreamPlan(name, name, PoolSettings(Origin("http", "127.0.0.1", port)), b"h", **options)  # type: ignore[arg-type]


def test_a_pool_lives_as_long_as_it_is_used(run):
    """Two users share it; it is closed after the last one has gone, and made anew for the next."""

    async def main():
        client = SharedClient(ClientPlan())
        key = pool_key(upstream(), None)
        first = client.pool(upstream())
        client.retain([key])
        client.retain([key])
        client.release([key])
        assert client.pool(upstream()) is first
        client.release([key])
        assert client.pools == ()
        assert client.pool(upstream()) is not first
        await client.aclose()

    run(main())


def test_the_client_does_what_the_file_says_alone(run):
    """No proxy of the environment, no redirect that nobody asked for, and no cookie of one client for the next."""

    async def main():
        client = SharedClient(ClientPlan())
        client.client.cookies.set("a", "1")
        found = client.client.trust_env, client.client.follow_redirects, dict(client.client.cookies)
        await client.aclose()
        return found

    assert run(main()) == (False, False, {})


def test_upstreams_of_one_origin_have_pools_of_their_own(run):
    """A slow upstream never takes the connections of another that happens to live at the same place."""

    async def main():
        client = SharedClient(ClientPlan())
        assert client.pool(upstream("a")) is not client.pool(upstream("b"))
        assert len(client.pools) == 2
        await client.aclose()
        assert client.pools == ()

    run(main())


def test_a_demo_upstream_is_where_the_demo_listens(run):
    """Its pool leads to the port of now."""
    assert pool_key(upstream(demo="users"), 4711)[1].origin == Origin("http", "127.0.0.1", 4711)
    assert pool_key(upstream(demo="users"), None)[1].origin.port == 80


def test_a_pool_is_closed_after_the_calls_that_need_it(run):
    """Background calls that wait are made first."""

    async def main():
        done = asyncio.Event()
        client = SharedClient(ClientPlan(), settled=done.wait)
        client.pool(upstream())
        key = pool_key(upstream(), None)
        client.retain([key])
        client.release([key])
        (closing,) = client._closing
        await asyncio.sleep(0.01)
        assert not closing.done()
        done.set()
        await asyncio.wait_for(closing, 30)
        await client.aclose()

    run(main())


def test_requests_to_a_forgotten_pool_get_one_of_their_own(run):
    """The shared client does not hold on to a pool that was closed: its next request opens another."""

    async def main():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = SharedClient(ClientPlan(max_connections=7))
        key = pool_key(upstream(port=port), None)
        client.pool(upstream(port=port))
        client.retain([key])
        client.release([key])
        answer = await client.client.get(f"http://127.0.0.1:{port}/")
        (own,) = client._engine._own
        assert (answer.text, own.settings.limits) == ("ok", Limits(7, 20, 30.0))
        await client.aclose()
        server.close()
        await server.wait_closed()

    run(main())


def test_timeouts_and_name_can_change(run):
    """What carries the calls stays."""

    async def main():
        client = SharedClient(ClientPlan())
        transport = client.client._transport
        client.configure(replace(ClientPlan(), total=3.0, connect=1.0, user_agent="shop"))
        assert client.client.timeout == httpx.Timeout(3.0, connect=1.0)
        assert (client.client.headers["user-agent"], client.client._transport) == ("shop", transport)
        await client.aclose()

    run(main())


def test_a_stock_client_is_the_callers_choice(run):
    """With `transport: httpx` calls go through httpx, whose pool is bounded."""

    async def main():
        client = SharedClient(ClientPlan(transport="httpx", max_connections=3))
        assert type(client.client._transport) is StockTransport
        assert type(client.pool(upstream())).__name__ == "ClientPool"
        await client.aclose()

    run(main())


def test_a_pool_that_nobody_has_declared_goes_with_the_generation_that_opened_it(run):
    """Such as to a host that a reload brings, reached by a retry of before; a declared one is not its to close."""

    async def main():
        client, declared, stray = SharedClient(ClientPlan()), upstream("a"), upstream("b")
        client.retain([pool_key(declared, None)])
        opened = OpenedPools(client, None)
        kept = opened.pool(declared)
        assert opened.pool(stray) is opened.pool(stray)
        opened.give_back()
        assert client.pools == (kept,)
        await client.aclose()

    run(main())
