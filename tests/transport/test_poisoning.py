"""Answers that go on after their end: what nobody asked for is never given to whoever asks next."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"Content-Length: 2\r\n\r\nok"
EVIL = HEAD + b"Content-Length: 4\r\n\r\nevil"


@pytest.mark.parametrize("apart", [False, True], ids=["at once", "apart"])
@pytest.mark.parametrize(
    ("method", "answer", "rest"),
    [
        (b"GET", OK, EVIL),
        (b"GET", OK, b"\r\n\r\n" + EVIL),
        (b"GET", HEAD + b"Content-Length: 0\r\n\r\n", b"body" + EVIL),
        (b"GET", HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"2\r\nok\r\n0\r\n\r\n" + EVIL),
        (b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n" % len(EVIL), EVIL),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: %d\r\n\r\n" % len(EVIL), EVIL),
        (b"HEAD", HEAD + b"Content-Length: %d\r\n\r\n" % len(EVIL), EVIL),
        (b"HEAD", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % len(EVIL) + EVIL + b"\r\n0\r\n\r\n"),
        (b"GET", HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n", EVIL),
    ],
)
def test_more_than_one_answer(run: Any, any_stage: Any, method: bytes, answer: bytes, rest: bytes, apart: bool) -> None:
    """What comes after the end of an answer answers nobody, whether it comes with it or when the next is due."""

    async def main() -> None:
        delivered, sent = asyncio.Event(), asyncio.Event()

        async def told() -> None:
            sent.set()

        first = [answer, delivered.wait, rest, told] if apart else answer + rest
        async with any_stage.playing(first, any_stage.OK) as upstream, any_stage.door(upstream) as door:
            assert b"evil" not in (await fetched(door, method, b"/", H, deadline=any_stage.due())).body
            if apart:
                delivered.set()
                await sent.wait()
                await any_stage.until(lambda: door.idle == 0)  # what has come is read before anybody asks
            for _ in range(3):
                reply = await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
                assert (reply.status, reply.body) == (200, b"ok")

    run(main())


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD"])
@pytest.mark.parametrize("status", [b"401 Unauthorized", b"200 OK", b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize(
    ("challenge", "is_bound"),
    [
        (b"NTLM TlRMTVNTUAAC", True),
        (b"Negotiate", True),
        (b"Negotiate oYG2MIGz", True),
        (b"Basic realm=x, negotiate", True),
        (b"Basic realm=x\r\nWWW-Authenticate: ntlm", True),
        (b"Basic realm=x", False),
        (b"Bearer", False),
    ],
)
def test_logged_in_connection(
    run: Any, any_stage: Any, method: bytes, status: bytes, challenge: bytes, is_bound: bool
) -> None:
    """A connection on which one user may have logged in, as NTLM and Negotiate do, makes no call for another."""

    async def main() -> None:
        length = b"Content-Length: 0\r\n" if status[:3] in (b"200", b"401") else b""
        login = b"HTTP/1.1 " + status + b"\r\nWWW-Authenticate: " + challenge + b"\r\n" + length + b"\r\n"
        async with any_stage.playing(login, any_stage.OK) as upstream, any_stage.door(upstream) as door:
            reply = await fetched(door, method, b"/", H, deadline=any_stage.due())
            assert reply.status == int(status[:3])
            await fetched(door, b"GET", b"/", H, deadline=any_stage.due())
            assert upstream.accepted == (2 if is_bound else 1)

    run(main())
