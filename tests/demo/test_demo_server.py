"""The demo server as a peer: HTTP/1.1 by the book, delays that repeat, and an end that leaves nothing."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvloop

from aggregator.demo import SERVICES, connection, demo_target
from aggregator.demo.messages import Request, Response
from aggregator.demo.routing import Route, Router
from aggregator.demo.server import DemoServer
from aggregator.errors import StartupError


def talk(data: bytes, *, latency: float = 0, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> bytes:
    """Return all that the server sends for raw *data* until it closes the connection, or for a second."""

    async def main() -> bytes:
        server = DemoServer(latency)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(data)
        received = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await server.aclose()
        return received

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(main())


def get(path: str, *fields: str) -> bytes:
    """Return the bytes of one GET request."""
    return "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/1.1", "host: x", *fields, "")).encode()


LAST = "connection: close"


def until(condition: Callable[[], bool]) -> Awaitable[None]:
    """Wait until *condition* holds, letting the loop turn."""

    async def wait() -> None:
        while not condition():  # noqa: ASYNC110 - what is awaited is the server's own state
            await asyncio.sleep(0)

    return asyncio.wait_for(wait(), 10)


def test_the_directory_is_what_the_server_serves() -> None:
    """Every service of the directory answers under its prefix, and there are no others."""
    assert set(DemoServer().router.services) == set(SERVICES)
    assert {demo_target(name) for name in SERVICES} == {f"/{name}" for name in SERVICES}


def test_an_unknown_service_is_told_with_those_that_exist() -> None:
    """A configuration that names no service of the demo learns which there are."""
    with pytest.raises(StartupError, match=r"no service 'usres'. It has: users, posts, shop"):
        demo_target("usres")


@pytest.mark.parametrize("loop", [None, uvloop.new_event_loop])
def test_requests_on_one_connection_are_answered_in_order(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Pipelined requests, more than are read at once, come back in order; then the connection closes."""
    numbers = [b"%d" % number for number in range(2 * connection.MOST_WAITING)]
    data = b"".join(get(f"/lab/echo?n={int(number)}") for number in numbers)
    answer = talk(data + get("/users/users/1", LAST), loop=loop)
    assert re.findall(rb'"query":{"n":"(\d+)"}', answer) == numbers
    assert answer.count(b"HTTP/1.1 200 OK") == len(numbers) + 1


def test_head_has_the_length_and_no_body() -> None:
    """HEAD answers as GET would, also for a stream, without the body."""
    data = get("/users/users/1").replace(b"GET", b"HEAD") + get("/lab/blob?mb=9", LAST).replace(b"GET", b"HEAD")
    answer = talk(data)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"content-length: 9437184" in answer
    assert b"Leonie" not in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_body_is_invited() -> None:
    """A client that expects 100 gets it before the answer."""
    head = get("/lab/echo", LAST, "expect: 100-continue", "content-length: 2").replace(b"GET", b"POST")
    answer = talk(head + b"hi")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET http://:x HTTP/1.1\r\nhost: x\r\n\r\n", b"400"),
        (get("/users/users/1", "x-big: " + "x" * connection.MOST_HEADERS), b"431"),
        (get("/" + "x" * connection.MOST_HEADERS), b"431"),
    ],
)
def test_what_is_not_http_is_refused(data: bytes, status: bytes) -> None:
    """A malformed or oversized head is answered once and ends the connection."""
    answer = talk(data)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer


def test_a_huge_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body over the bound is 413, however it was announced, and what follows is not read."""
    monkeypatch.setattr(connection, "MOST_BODY", 10)
    head = b"POST /lab/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = talk(head + b"8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n" + get("/users/users/1"))
    assert answer.startswith(b"HTTP/1.1 413")
    assert answer.count(b"HTTP/1.1") == 1


def test_an_upgrade_is_not_taken() -> None:
    """A client that offers another protocol is answered in this one, once."""
    answer = talk(get("/users/users/1", "connection: upgrade", "upgrade: h2c"))
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_repeated_headers_are_joined(ask: Callable[..., httpx.Response]) -> None:
    """Two fields of one name are one value with a comma."""
    headers = httpx.Headers([("x-a", "1"), ("x-a", "2")])
    assert ask("lab", "/echo", headers=headers).json()["headers"]["x-a"] == "1, 2"


def test_paths_and_methods_that_do_not_exist(stage: Callable[..., Any]) -> None:
    """An unknown service or path is 404; an unknown method is 405 and names the others."""

    async def scene(server: DemoServer, client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.get("/nowhere"),
            await client.get("/users/nowhere"),
            await client.delete("/users/users"),
            await client.delete("/shop/graphql"),
        ]

    answers = stage(scene)
    assert [answer.status_code for answer in answers] == [404, 404, 405, 405]
    assert [answer.headers.get("allow") for answer in answers[2:]] == ["GET, HEAD, POST", "POST"]


def test_a_known_copy_is_not_sent_again(stage: Callable[..., Any]) -> None:
    """An answer with a tag is 304 to a client that has it, weak or strong or any."""

    async def scene(server: DemoServer, client: httpx.AsyncClient) -> None:
        first = await client.get("/shop/products/KEY-0101")
        assert first.headers["cache-control"] == "public, max-age=60"
        tag = first.headers["etag"]
        for known in (tag, f'"x", W/{tag}', "*"):
            again = await client.get("/shop/products/KEY-0101", headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        other = await client.get("/shop/products/KEY-0101", headers={"if-none-match": '"x"'})
        assert other.status_code == 200

    stage(scene)


def test_delays_are_realistic_and_repeat() -> None:
    """A service takes 20 to 120 ms, always the same for the same path."""
    router = DemoServer().router
    paths = [f"/shop/products/{number}" for number in range(50)] + ["/reviews/products/x/rating", "/lab/echo"]
    delays = [router.find(Request("GET", path))[1] for path in paths]
    assert delays == [router.find(Request("GET", path))[1] for path in paths]
    assert all(0.015 <= delay <= 0.12 for delay in delays)
    assert len(set(delays)) > 40


@pytest.mark.parametrize("latency", [0, 0.5, 2])
def test_latency_scales_the_delays(latency: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Latency 0 answers at once; other values stretch or shrink the usual delay."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("aggregator.demo.server.asyncio.sleep", sleep)
    request = Request("GET", "/users/users/1")
    server = DemoServer(latency)
    asyncio.run(server.answer(request))
    assert waits == ([server.router.find(request)[1] * latency] if latency else [])


def test_a_slow_reader_holds_the_answer_back() -> None:
    """A download is made at the pace of its reader: it does not fill the memory."""

    async def main() -> tuple[bool, int]:
        server = DemoServer(0)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(get("/lab/blob?mb=64", LAST))
        await reader.readuntil(b"\r\n\r\n")
        (peer,) = server.listening.connections
        await until(lambda: not peer.writable.is_set())
        assert peer.transport is not None
        waiting = peer.transport.get_write_buffer_size()
        size = 0
        while piece := await reader.read(1 << 20):
            size += len(piece)
        writer.close()
        await server.aclose()
        return waiting < 1 << 20, size

    assert asyncio.run(main()) == (True, 64 << 20)


def test_a_client_that_goes_away_ends_its_answer() -> None:
    """The work for a connection stops when the connection does."""

    async def main() -> None:
        server = DemoServer(0)
        await server.start()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get("/lab/slow?ms=60000"))
        await until(lambda: any(peer.worker for peer in server.listening.connections))
        (peer,) = server.listening.connections
        assert peer.worker is not None
        writer.close()
        await until(lambda: not server.listening.connections)
        with pytest.raises(asyncio.CancelledError):
            await peer.worker
        await server.aclose()

    asyncio.run(main())


def test_closing_leaves_nothing() -> None:
    """Closing ends open connections and running answers; it can be done twice, and started again."""

    async def main() -> None:
        server = DemoServer(0)
        await server.aclose()
        for _ in range(2):
            await server.start()
            await server.start()
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(get("/lab/slow?ms=60000"))
            await until(lambda: any(peer.worker for peer in server.listening.connections))
            await server.aclose()
            await server.aclose()
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


class Clumsy:
    """A service with a mistake."""

    name = "clumsy"
    latency = 0.0

    def routes(self) -> tuple[Route, ...]:
        """Return a route that fails."""
        return (Route("GET", "/trip", self.trip),)

    def trip(self, request: Request) -> Response:
        """Fail."""
        raise KeyError("shoelace")


def test_a_mistake_in_a_service_is_500(caplog: pytest.LogCaptureFixture) -> None:
    """A service that fails is answered for and logged; the connection lives on."""
    server = DemoServer(0)
    server.router = Router([Clumsy()])
    with caplog.at_level(logging.ERROR):
        answer = asyncio.run(server.answer(Request("GET", "/clumsy/trip")))
    assert answer.status == 500
    assert b"shoelace" not in bytes(answer.body)  # type: ignore[arg-type]
    assert "A demo service failed." in caplog.text
