"""What a pool holds at once is bounded by its caps, whatever upstreams send and however many calls there are."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
import zlib
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Caps
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
CAP, CALLS = 256 * 1024, 40
PIECE = bytes(64 * 1024)
BOMB = zlib.compress(bytes(50_000_000), 9)  # 50 kB


def chunk(data: bytes) -> bytes:
    """Return *data* as a chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


ENDLESS = {
    "chunked": [CHUNKED + b"\r\n", *[chunk(PIECE)] * 40],
    "until the end": [b"HTTP/1.1 200 OK\r\n\r\n", *[PIECE] * 40],
    "bomb": [CHUNKED + b"Content-Encoding: deflate\r\n\r\n", chunk(BOMB) + b"0\r\n\r\n"],
    "extensions": [CHUNKED + b"\r\n", *[b"1;" + PIECE + b"\r\nx\r\n"] * 40],
    "trailers": [CHUNKED + b"\r\n0\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 1000],
    "headers": [b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 1000],
    "a header": [b"HTTP/1.1 200 OK\r\nX: ", *[PIECE] * 40],
    "interim": [b"HTTP/1.1 103 Hints\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 1000],
}


@pytest.mark.long
@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
def test_caps_hold_for_all_calls_together(run: Any, stage: Any, answer: list[bytes]) -> None:
    """Forty endless answers at a time are cut, and take no more than forty times the cap, once to gather it."""

    async def one(pool: Any) -> Any:
        try:
            await fetched(pool, b"POST", b"/", H, deadline=stage.due(10))
        except CallError as error:
            return error.cause

    async def main() -> None:
        caps = Caps(body=CAP, decoded=CAP)
        async with stage.playing(answer) as upstream, stage.pool(upstream, caps=caps) as pool:
            gc.collect()
            tracemalloc.start()
            try:
                causes = await asyncio.gather(*[one(pool) for _ in range(CALLS)])
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert set(causes) <= {Cause.TOO_LARGE, Cause.PROTOCOL}
            # beside it, what the upstreams themselves hold: a buffer of 64 KiB and more for each connection
            assert peak < CALLS * (2 * CAP + 4 * len(PIECE))

    run(main())
