"""Thousands of calls of every fate, after which sockets, tasks, memory and objects are back where they were."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from aggregator.errors import CallError
from aggregator.transport import Caps, Limits, Pool, TlsSettings
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(bytes(3_000_000))
FATES: tuple[Any, ...] = (
    HEAD + b"Content-Length: 2\r\n\r\nok",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    [HEAD + b"\r\nok", "close"],
    HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
    [HEAD + b"Content-Length: 2\r\n\r\nok", "close"],
    HEAD + b"Content-Length: 2\r\n\r\nok and more",
    ["close"],
    ["reset"],
    [HEAD + b"Content-Length: 9\r\n\r\nhalf", "reset"],
    b"nonsense\r\n\r\n",
    HEAD + b"Content-Length: 5000\r\n\r\n" + b"x" * 5000,
    ["hang"],
)


@pytest.mark.long
def test_soak(run: Any, stage: Any) -> None:
    """After 3000 calls that ended in every way, cancellation included, nothing is left and the next is answered."""
    dice = random.Random(1)

    async def one(pool: Any) -> None:
        patience = dice.choice((0.005, 0.02, 5.0))
        method = dice.choice((b"GET", b"POST", b"HEAD"))
        deadline = stage.due(0.03 if patience == 5.0 else 5.0)
        try:
            async with asyncio.timeout(patience):
                await fetched(pool, method, b"/", H, b"body", deadline=deadline)
        except (CallError, TimeoutError):
            pass

    async def main() -> None:
        answers = [dice.choice(FATES) for _ in range(9000)]
        async with stage.playing(*answers, stage.OK) as upstream:
            settings = stage.settings(upstream, limits=Limits(max_connections=20), caps=Caps(body=1000))
            sockets = stage.sockets()
            pool = Pool(settings)
            sizes = []
            for _ in range(4):
                for _ in range(14):
                    await asyncio.gather(*[one(pool) for _ in range(50)])
                pool.close_idle()
                await stage.until(lambda: (pool.active, pool.waiting, upstream.open) == (0, 0, 0))
                await stage.until(lambda: stage.sockets() == sockets)
                gc.collect()
                assert len(asyncio.all_tasks()) == 1
                sizes.append(sys.getallocatedblocks() - 2 * len(upstream.requests))
            assert max(sizes) - sizes[1] < 2000
            upstream.answers = (stage.OK,)
            assert (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).body == b"ok"
            await pool.aclose()

    run(main())


NASTY: tuple[Any, ...] = (
    *FATES,
    [HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"2\r\nok\r\n"] * 20, b"0\r\n\r\n"],
    [HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "close"],
    [HEAD + b"Content-Length: 100000\r\n\r\n", *[bytes(5000)] * 20],
    [HEAD + b"Content-Length: 9000000\r\n\r\n", bytes(1_000_000), "hang"],
    HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnonsense!",
    b"HTTP/1.1 103 Hints\r\n\r\n" * 10 + HEAD + b"Content-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 Hints\r\n\r\n" * 100,
    HEAD + b"X: " + b"y" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
    HEAD + b"X: y\r\n" * 1000 + b"Content-Length: 0\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
)


@pytest.mark.long
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "tls"])
def test_soak_of_streams(run: Any, stage: Any, authority: Any, wrapped: bool) -> None:
    """After 1200 streams, read, dropped, closed or cancelled half-way, uploads that fail among them, nothing is left."""
    dice = random.Random(2)

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(dice.randrange(4)):
            await asyncio.sleep(0)
            yield bytes(1000 * number)
        if dice.random() < 0.2:
            raise OSError("the source has failed")

    async def one(pool: Any) -> None:
        body = dice.choice((None, b"body", pieces()))
        read = dice.choice((0, 1, 5, 1000))
        try:
            async with asyncio.timeout(dice.choice((0.002, 0.02, 5.0))):
                reply = await pool.stream(
                    b"POST" if body else b"GET", b"/", H, body, deadline=stage.due(0.05), decode=dice.random() < 0.5
                )
                async for _ in reply:
                    read -= 1
                    if read < 0:
                        break
                if read % 2:
                    await reply.aclose()
        except (CallError, TimeoutError, OSError):
            pass

    async def main() -> None:
        answers = [dice.choice(NASTY) for _ in range(3000)]
        gc.collect()
        sockets = stage.sockets()
        async with stage.playing(*answers, stage.OK, tls=authority.server if wrapped else None) as upstream:
            settings = stage.settings(upstream, limits=Limits(max_connections=20))
            if wrapped:
                origin = replace(settings.origin, scheme="https")
                settings = replace(settings, origin=origin, tls=TlsSettings(ca_file=authority.file))
            before = stage.sockets()
            pool = Pool(settings)
            sizes = []
            for _ in range(3):
                for _ in range(8):
                    await asyncio.gather(*[one(pool) for _ in range(50)])
                gc.collect()
                pool.close_idle()
                await stage.until(lambda: (pool.active, pool.waiting, upstream.open) == (0, 0, 0))
                await stage.until(lambda: stage.sockets() <= before)
                await stage.until(lambda: len(asyncio.all_tasks()) == 1)
                gc.collect()
                sizes.append(sys.getallocatedblocks() - 2 * len(upstream.requests))
            assert sizes[2] - sizes[1] < 2000
            upstream.answers = (stage.OK,)
            assert (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).body == b"ok"
            await pool.aclose()
        await stage.until(lambda: stage.sockets() == sockets)

    run(main())


@pytest.mark.long
def test_pools_leave_nothing(run: Any, stage: Any) -> None:
    """Pools that come and go, as reloads make them, are freed by counting alone, with all that they held."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            settings = stage.settings(upstream)

            async def one() -> None:
                pool = Pool(settings)
                await fetched(pool, b"GET", b"/", H, deadline=stage.due())
                await pool.aclose()

            for _ in range(5):
                await one()
            await stage.until(lambda: upstream.open == 0)
            gc.collect()
            gc.disable()
            try:
                before, sockets = count(), stage.sockets()
                for _ in range(100):
                    await one()
                await stage.until(lambda: upstream.open == 0)
                assert (count(), stage.sockets()) == (before, sockets)
            finally:
                gc.enable()

    def count() -> int:
        names = {"Pool", "Places", "Connection", "Ticket", "ResponseReader", "Watch", "Connector"}
        return sum(type(thing).__name__ in names for thing in gc.get_objects())

    run(main())


@pytest.mark.long
def test_calls_leave_no_garbage(run: Any, stage: Any) -> None:
    """Calls that succeed and calls that fail make no cycles that only the collector could free."""

    async def main() -> None:
        answers = (stage.OK, b"nonsense\r\n\r\n", ["close"])
        async with stage.playing(*answers * 40) as upstream, stage.pool(upstream) as pool:
            gc.collect()
            before = count()
            gc.disable()
            try:
                for _ in range(100):
                    try:
                        await fetched(pool, b"POST", b"/", H, deadline=stage.due())
                    except CallError as error:
                        del error
                assert count() <= before + 1  # the event loop may still have the last one in hand
            finally:
                gc.enable()

    def count() -> int:
        # by name, so that proxies among the objects of other tests are not asked for their class
        named = [thing for thing in gc.get_objects() if type(thing).__name__ in ("Ticket", "Reply", "CallError")]
        return sum(type(thing).__module__.startswith("aggregator.") for thing in named)

    run(main())
