"""Names of upstreams: looked up apart from each other, anew for new connections, and never waited for too long."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Origin, Pool, PoolSettings, Timeouts
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"


class Resolver:
    """The system's lookup: names with ``hang`` in them wait until `release`, the rest are *addresses*."""

    def __init__(self) -> None:
        self.addresses: tuple[str, ...] = ("127.0.0.1",)
        self.released = threading.Event()
        self.hanging = 0

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if "hang" in host:
            self.hanging += 1
            self.released.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.addresses]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    """Stands in for the system's lookup; its threads have ended afterwards."""
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("lookup"):
            thread.join(5)


def named(name: str, port: int = 1, connect: float = 5.0) -> Pool:
    """Return a pool to *name*."""
    return Pool(PoolSettings(Origin("http", name, port), timeouts=Timeouts(connect=connect)))


async def outcome(pool: Pool, stage: Any, *, close: bool = True) -> Any:
    """Return the body of a reply, or the cause of its absence."""
    try:
        return (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).body
    except CallError as error:
        return error.cause
    finally:
        if close:
            await pool.aclose()


def test_hanging_lookups_keep_nobody_waiting(run: Any, stage: Any, resolver: Resolver) -> None:
    """Forty names that nobody answers for end at their connect limits; another is called meanwhile."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            hanging = [asyncio.create_task(outcome(named(f"hang{n}.test", connect=0.2), stage)) for n in range(40)]
            await stage.until(lambda: resolver.hanging == 40)
            assert await outcome(named("shop.test", upstream.port), stage) == b"ok"
            assert await asyncio.gather(*hanging) == [Cause.CONNECT_TIMEOUT] * 40

    run(main())


def test_end_does_not_wait_for_a_lookup(run: Any, stage: Any, resolver: Resolver) -> None:
    """The loop closes under a lookup that hangs; when that ends, it troubles nobody."""

    async def main() -> Any:
        return await outcome(named("hang.test", connect=0.02), stage)

    assert run(main()) == Cause.CONNECT_TIMEOUT
    assert not resolver.released.is_set()
    assert any(thread.name == "lookup of hang.test" for thread in threading.enumerate())


def test_late_answer_is_dropped(run: Any, stage: Any, resolver: Resolver) -> None:
    """A lookup that ends after everybody has gone is nothing to anybody; the next call asks anew."""

    async def main() -> None:
        async with stage.playing(stage.OK):
            pool = named("hang.test", connect=30)
            asking = asyncio.create_task(outcome(pool, stage, close=False))
            await stage.until(lambda: resolver.hanging == 1)
            asking.cancel()
            await asyncio.wait([asking])
            resolver.released.set()
            await stage.until(lambda: len(asyncio.all_tasks()) == 1)
            assert await outcome(pool, stage) == Cause.DNS
            assert resolver.hanging == 2

    run(main())


def test_changed_record(run: Any, stage: Any, resolver: Resolver) -> None:
    """New connections go where the name leads now; the old ones serve on until they end."""

    async def main() -> None:
        async with (
            stage.playing(stage.OK) as old,
            stage.playing(stage.OK, host="127.0.0.2", port=old.port) as new,
        ):
            pool = named("shop.test", old.port)
            assert await outcome(pool, stage, close=False) == b"ok"
            resolver.addresses = ("127.0.0.2",)
            assert await outcome(pool, stage, close=False) == b"ok"
            assert (len(old.requests), len(new.requests)) == (2, 0)
            pool.close_idle()
            assert await outcome(pool, stage) == b"ok"
            assert (len(old.requests), len(new.requests)) == (2, 1)

    run(main())


@pytest.mark.parametrize("addresses", [("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2")])
def test_one_address_is_dead(run: Any, stage: Any, resolver: Resolver, addresses: tuple[str, ...]) -> None:
    """An address that refuses is passed over, wherever it stands; if all refuse, so does the upstream."""
    resolver.addresses = addresses

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            assert await outcome(named("shop.test", upstream.port), stage) == b"ok"
        assert await outcome(named("shop.test", upstream.port), stage) == Cause.REFUSED

    run(main())


def test_closed_pool_forgets_its_lookup(run: Any, stage: Any, resolver: Resolver) -> None:
    """A lookup that outlives its pool ends without a word."""

    async def main() -> None:
        assert await outcome(named("hang.test", connect=0.02), stage) == Cause.CONNECT_TIMEOUT
        assert len(asyncio.all_tasks()) <= 2  # the lookup may still be on its way out
        resolver.released.set()
        await stage.until(lambda: not any(thread.name.startswith("lookup") for thread in threading.enumerate()))
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    run(main())
