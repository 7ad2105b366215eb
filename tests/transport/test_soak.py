"""Thousands of calls of every fate, after which sockets, tasks, memory and objects are back where they were."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from typing import Any

from aggregator.errors import CallError
from aggregator.transport import Caps, Limits, Pool

H = b"host: shop\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
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


def test_soak(run: Any, stage: Any) -> None:
    """After 3000 calls that ended in every way, cancellation included, nothing is left and the next is answered."""
    dice = random.Random(1)

    async def one(pool: Any) -> None:
        patience = dice.choice((0.005, 0.02, 5.0))
        method = dice.choice((b"GET", b"POST", b"HEAD"))
        deadline = stage.due(0.03 if patience == 5.0 else 5.0)
        try:
            async with asyncio.timeout(patience):
                await pool.fetch(method, b"/", H, b"body", deadline=deadline)
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
            assert (await pool.fetch(b"GET", b"/", H, deadline=stage.due())).body == b"ok"
            await pool.aclose()

    run(main())


def test_pools_leave_nothing(run: Any, stage: Any) -> None:
    """Pools that come and go, as reloads make them, are freed by counting alone, with all that they held."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream:
            settings = stage.settings(upstream)

            async def one() -> None:
                pool = Pool(settings)
                await pool.fetch(b"GET", b"/", H, deadline=stage.due())
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


def test_calls_leave_no_garbage(run: Any, stage: Any) -> None:
    """Calls that succeed and calls that fail make no cycles that only the collector could free."""

    async def main() -> None:
        answers = (stage.OK, b"nonsense\r\n\r\n", ["close"])
        async with stage.playing(*answers * 40) as upstream, stage.pool(upstream) as pool:
            gc.collect()
            before = sum(type(thing).__module__ == "aggregator.errors" for thing in gc.get_objects())
            gc.disable()
            try:
                for _ in range(100):
                    try:
                        await pool.fetch(b"POST", b"/", H, deadline=stage.due())
                    except CallError as error:
                        del error
                # by name, so that proxies among the objects of other tests are not asked for their class
                names = ("Ticket", "Reply", "CallError")
                made = [thing for thing in gc.get_objects() if type(thing).__name__ in names]
                kept = [thing for thing in made if type(thing).__module__.startswith("aggregator.")]
                assert len(kept) <= before + 1  # the event loop may still have the last one in hand
            finally:
                gc.enable()

    run(main())
