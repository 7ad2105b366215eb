"""Answers that come while the request is still being sent, from upstreams that then take no more of it."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Limits, Origin, Pool, PoolSettings, TlsSettings
from aggregator.transport.fetching import fetched

H = b"host: shop\r\n"
REFUSAL = b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!"


def waiting(sock: socket.socket) -> int:
    """Count the bytes that the other side does not have yet."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


@contextmanager
def hanging_up(answer: bytes, tls: ssl.SSLContext | None, times: int = 1) -> Iterator[int]:
    """Yield the port of an upstream that sends *answer* to a head, and resets: the body lies there unread."""

    def serve() -> None:
        for _ in range(times):
            serve_one()

    def serve_one() -> None:
        far, _ = server.accept()
        with tls.wrap_socket(far, server_side=True) if tls else far as sock:
            received = b""
            while b"\r\n\r\n" not in received:
                received += sock.recv(1000)
            sock.sendall(answer)
            while waiting(sock):  # a reset throws away what Nagle, or pacing, holds back
                time.sleep(0.001)

    with ThreadPoolExecutor(1) as thread, socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        served = thread.submit(serve)
        yield server.getsockname()[1]
        served.result()


async def endless() -> AsyncIterator[bytes]:
    """Yield a body that is never whole."""
    while True:
        yield b"x" * 20_000
        await asyncio.sleep(0)


def call(run: Any, stage: Any, answer: bytes, authority: Any, *, source: bool) -> tuple[int, bytes]:
    """Return what comes of sending much to an upstream that answers with *answer* and hangs up."""

    async def main(port: int) -> tuple[int, bytes]:
        tls = TlsSettings(ca_file=authority.file) if authority else TlsSettings()
        pool = Pool(PoolSettings(Origin("https" if authority else "http", "127.0.0.1", port), tls=tls))
        try:
            if not source:
                reply = await fetched(pool, b"POST", b"/", H, b"x" * 30_000_000, deadline=stage.due())
                return reply.status, reply.body
            async with await pool.stream(b"POST", b"/", H, endless(), deadline=stage.due()) as streamed:
                return streamed.status, b"".join([piece async for piece in streamed])
        finally:
            assert (pool.active, pool.idle, pool.waiting) == (0, 0, 0)
            await pool.aclose()

    with hanging_up(answer, authority.server if authority else None) as port:
        return run(main(port))


@pytest.mark.parametrize("source", [False, True], ids=["bytes", "source"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_answer_before_a_reset(run: Any, stage: Any, authority: Any, secure: bool, source: bool) -> None:
    """An upstream that answers and closes on the rest of the request has answered; its connection is not kept."""
    assert call(run, stage, REFUSAL, authority if secure else None, source=source) == (413, b"no!")


@pytest.mark.parametrize("answer", [REFUSAL[:-1], b"HTTP/1.1 413 Too Large\r\n\r\nno!"], ids=["length", "close"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_part_of_an_answer_before_a_reset(run: Any, stage: Any, authority: Any, secure: bool, answer: bytes) -> None:
    """An answer that the reset cuts short is none, also when its body would last until the end."""
    with pytest.raises(CallError) as caught:
        call(run, stage, answer, authority if secure else None, source=False)
    assert caught.value.cause in (Cause.RESET, Cause.INCOMPLETE)


def test_no_other_call_gets_what_has_been_reset(run: Any, stage: Any) -> None:
    """A call that waits for a connection is given a new one, not the one whose last words have been heard."""

    async def main(port: int) -> list[int]:
        pool = Pool(PoolSettings(Origin("http", "127.0.0.1", port), limits=Limits(max_connections=1)))
        try:
            calls = [fetched(pool, b"POST", b"/", H, b"x" * 30_000_000, deadline=stage.due()) for _ in range(3)]
            return [reply.status for reply in await asyncio.gather(*calls)]
        finally:
            await pool.aclose()

    with hanging_up(REFUSAL, None, times=3) as port:
        assert run(main(port)) == [413, 413, 413]
