"""Cancelled at any moment, a call leaves neither a place nor a socket behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from aggregator.errors import CallError
from aggregator.transport import Limits, TlsSettings
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"


def turns_until(ended: list[bool]) -> Iterator[int]:
    """Count up, until a call has come to its end within so many turns of the loop."""
    for turns in range(300):
        if any(ended):
            return
        yield turns
    raise AssertionError("no call came to its end")


async def pieces() -> AsyncIterator[bytes]:
    """Yield a request body with pauses in it."""
    for _ in range(3):
        await asyncio.sleep(0)
        yield b"x" * 10


async def fetch(pool: Any, stage: Any) -> None:
    """Make a call without a body."""
    await fetched(pool, b"GET", b"/", H, deadline=stage.due())


async def post(pool: Any, stage: Any) -> None:
    """Make a call with a large one."""
    await fetched(pool, b"POST", b"/", H, b"x" * 100_000, deadline=stage.due())


async def stream(pool: Any, stage: Any) -> None:
    """Make a call whose bodies travel piece by piece."""
    async with await pool.stream(b"POST", b"/", H, pieces(), deadline=stage.due(), idle_timeout=3.0) as reply:
        async for _ in reply:
            await asyncio.sleep(0)


async def after_expiry(pool: Any, stage: Any) -> None:
    """Make a call that has to open its connection."""
    pool.close_idle()
    await fetch(pool, stage)


CHUNKED = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n", b"2\r\nok\r\n", b"0\r\n\r\n"]


async def cancelled_after(call: Any, turns: int) -> bool:
    """Run *call* and cancel it after so many turns of the loop; tell whether it came to its end before."""
    task = asyncio.create_task(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return not task.cancelled() and task.result() is None


@pytest.mark.parametrize("call", [fetch, post, stream, after_expiry])
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "tls"])
def test_cancelled_at_every_turn(run: Any, stage: Any, call: Any, wrapped: bool, authority: Any) -> None:
    """Whatever turn of the loop a call is cancelled in, the one place is free again and its socket closed."""

    async def main() -> None:
        gc.collect()
        ended: list[bool] = []
        before = stage.sockets()
        answer = [stage.OK] if call is not stream else CHUNKED
        async with stage.playing(answer, tls=authority.server if wrapped else None) as upstream:
            parts: dict[str, Any] = {"limits": Limits(max_connections=1)}
            settings = stage.settings(upstream, **parts)
            if wrapped:
                parts |= {
                    "tls": TlsSettings(ca_file=authority.file),
                    "origin": replace(settings.origin, scheme="https"),
                }
            async with stage.pool(upstream, **parts) as pool:
                for turns in turns_until(ended):
                    ended.append(await cancelled_after(call(pool, stage), turns))
                    assert (pool.active, pool.waiting) in ((0, 0), (1, 0)), turns
                    await fetch(pool, stage)
                    assert (pool.active, pool.waiting) == (0, 0)
            await stage.until(lambda: upstream.open == 0)
        assert len(asyncio.all_tasks()) == 1
        await stage.until(lambda: stage.sockets() <= before)

    run(main())


def test_cancelled_while_waiting(run: Any, stage: Any) -> None:
    """A call that is cancelled in the queue leaves it; those behind it move up."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=Limits(max_connections=1)) as pool:
            calls = [asyncio.create_task(fetch(pool, stage)) for _ in range(50)]
            await asyncio.sleep(0)
            assert (pool.active, pool.waiting) == (1, 49)
            for call in calls[::2]:
                call.cancel()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert [outcome is None for outcome in outcomes] == [False, True] * 25
            assert (pool.active, pool.waiting, len(upstream.requests)) == (0, 0, 25)

    run(main())


def test_storm(run: Any, stage: Any) -> None:
    """Fifty calls at a time, most of them cut short, fifty times over: the pool is as good as new."""

    async def main() -> None:
        limits = Limits(max_connections=5)
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream, limits=limits) as pool:
            for turn in range(50):
                calls = [asyncio.create_task(fetch(pool, stage)) for _ in range(20)]
                await asyncio.sleep(0.0001 * (turn % 20))
                for call in calls[turn % 3 :: 2]:
                    call.cancel()
                await asyncio.wait(calls)
                assert pool.waiting == 0
                assert pool.active + pool.idle <= 5
            await stage.until(lambda: pool.active == 0)
            await asyncio.gather(*[fetch(pool, stage) for _ in range(20)])
            assert upstream.open <= 5

    run(main())


def test_cancelled_replay(run: Any, stage: Any) -> None:
    """A call cancelled in the middle of its replay gives its place back."""

    async def main() -> None:
        ended: list[bool] = []
        for turns in turns_until(ended):
            answers = (stage.OK, ["close"], stage.OK)
            async with (
                stage.playing(*answers) as upstream,
                stage.pool(upstream, limits=Limits(max_connections=1)) as pool,
            ):
                await fetch(pool, stage)
                ended.append(await cancelled_after(fetch(pool, stage), turns))
                assert pool.active <= 1
                await fetch(pool, stage)

    run(main())


def test_closed_at_every_turn(run: Any, stage: Any) -> None:
    """A pool that is closed under running calls, at whatever turn, ends them and leaves nothing open."""

    async def main() -> None:
        ended: list[bool] = []
        for turns in turns_until(ended):
            async with (
                stage.playing(stage.OK) as upstream,
                stage.pool(upstream, limits=Limits(max_connections=2)) as pool,
            ):
                calls = [asyncio.create_task(fetch(pool, stage)) for _ in range(4)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                await pool.aclose()
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
                assert {type(outcome) for outcome in outcomes} <= {type(None), CallError}
                assert (pool.active, pool.idle, pool.waiting) == (0, 0, 0)
                ended.append(outcomes == [None] * 4)
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_failing_callback(run: Any, stage: Any) -> None:
    """A callback that raises is the loop's to report; the connection serves on."""
    reports: list[Any] = []

    def broken(_: Any) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["exception"]))
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream) as pool:
            pool.start(b"GET", b"/", H, None, deadline=stage.due(), done=broken)
            await stage.until(lambda: bool(reports))
            await fetch(pool, stage)
            assert upstream.accepted == 1

    run(main())
    assert [type(report) for report in reports] == [ZeroDivisionError]
