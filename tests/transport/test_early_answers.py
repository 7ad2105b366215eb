"""Answers that come while the request is still being sent, from upstreams that then take no more of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Origin, Pool, PoolSettings, TlsSettings

H = b"host: shop\r\n"
REFUSAL = b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!"


@contextmanager
def hanging_up(answer: bytes, tls: ssl.SSLContext | None) -> Iterator[int]:
    """Give the port of an upstream that sends *answer* to a head, and resets: the body lies there unread."""

    def serve() -> None:
        far, _ = server.accept()
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a reset throws away what waits to be sent
        with tls.wrap_socket(far, server_side=True) if tls else far as sock:
            received = b""
            while b"\r\n\r\n" not in received:
                received += sock.recv(1000)
            sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        served = thread.submit(serve)
        yield server.getsockname()[1]
        served.result()


async def endless() -> AsyncIterator[bytes]:
    """Give a body that is never whole."""
    while True:
        yield b"x" * 20_000
        await asyncio.sleep(0)


def call(run: Any, stage: Any, answer: bytes, authority: Any, *, source: bool) -> tuple[int, bytes]:
    """Give what comes of sending much to an upstream that answers with *answer* and hangs up."""

    async def main(port: int) -> tuple[int, bytes]:
        tls = TlsSettings(ca_file=authority.file) if authority else TlsSettings()
        pool = Pool(PoolSettings(Origin("https" if authority else "http", "127.0.0.1", port), tls=tls))
        try:
            if not source:
                reply = await pool.fetch(b"POST", b"/", H, b"x" * 30_000_000, deadline=stage.due())
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
