"""The engine as the transport of an httpx.AsyncClient: whole httpx semantics, httpx exceptions alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from aggregator.causes import CAUSES, Cause
from aggregator.transport import EngineTransport, Limits, Origin, Pool, PoolSettings, TlsSettings, no_cookies
from aggregator.transport.fetching import fetched
from aggregator.transport.httpx.transport import _EXCEPTIONS

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def client_of(
    upstream: Any, *, tls: TlsSettings | None = None, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client on the engine whose base URL is *upstream*."""
    transport = EngineTransport(lambda origin: PoolSettings(origin, tls=tls or TlsSettings()))
    scheme = "https" if tls else "http"
    base = f"{scheme}://127.0.0.1:{upstream.port}"
    async with httpx.AsyncClient(transport=transport, base_url=base, cookies=no_cookies(), **options) as client:
        yield client


def test_ordinary_use(run: Any, stage: Any) -> None:
    """What httpx users do works: query, JSON, form, base URL, status, headers, text."""

    async def main() -> None:
        answer = b"HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
        async with stage.playing(answer) as upstream, client_of(upstream) as client:
            response = await client.post("/a", params={"q": "x y"}, json={"n": 1})
            assert (response.status_code, response.text, response.headers["x-a"]) == (201, "hello", "1")
            assert response.http_version == "HTTP/1.1"
            await client.put("/b", data={"k": "v"})
            await client.get("/c")
            first, second, third = upstream.requests
            assert first.startswith(b"POST /a?q=x+y HTTP/1.1\r\n")
            assert first.endswith(b'content-length: 7\r\n\r\n{"n":1}')
            assert second.endswith(b"k=v")
            assert b"content-length" not in third.lower()
            assert upstream.accepted == 1

    run(main())


def test_requests_are_framed_once(run: Any, stage: Any) -> None:
    """Bytes, sources and none at all go out with one framing, whatever httpx has put into the headers."""

    async def source() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, client_of(upstream) as client:
            await client.post("/")
            await client.post("/", content=b"data")
            await client.post("/", content=source())
            await client.post("/", content=source(), headers={"Content-Length": "6"})
            await client.request("GET", "/", headers={"Transfer-Encoding": "chunked", "Content-Length": "9"})
            heads = [request.lower().partition(b"\r\n\r\n") for request in upstream.requests]
            framings = [
                [line for line in head.split(b"\r\n") if line.startswith((b"content-length", b"transfer-encoding"))]
                for head, _, _ in heads
            ]
            chunked = [b"transfer-encoding: chunked"]
            assert framings[:3] == [[b"content-length: 0"], [b"content-length: 4"], chunked]
            assert framings[3:] == [[b"content-length: 6"], []]
            assert [body for _, _, body in heads][1:4] == [b"data", b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", b"onetwo"]

    run(main())


def test_streamed_response(run: Any, stage: Any) -> None:
    """A streamed response is read as it comes, and given up when it is closed early."""

    async def main() -> None:
        answer = [CHUNKED, b"3\r\none\r\n", stage.HANG]
        async with stage.playing(answer) as upstream, client_of(upstream) as client:
            async with client.stream("GET", "/") as response:
                async for piece in response.aiter_bytes():
                    assert piece == b"one"
                    break
            await stage.until(lambda: upstream.open == 0)

    run(main())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (["close"], httpx.RemoteProtocolError),
        (["reset"], httpx.ReadError),
        (["hang"], httpx.ReadTimeout),
        ([CHUNKED, b"3\r\none\r\n", "hang"], httpx.ReadTimeout),
        ([CHUNKED, b"3\r\none\r\n", "close"], httpx.RemoteProtocolError),
        (b"nonsense\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", httpx.DecodingError),
    ],
)
def test_exceptions(run: Any, stage: Any, answer: Any, error: type[httpx.HTTPError]) -> None:
    """What fails raises httpx's exception for it, which knows its request."""

    async def main() -> None:
        limits = httpx.Timeout(30.0, read=0.05 if error is httpx.ReadTimeout else 30.0)
        async with stage.playing(answer) as upstream, client_of(upstream, timeout=limits) as client:
            with pytest.raises(error) as failure:
                await client.get("/")
            assert failure.value.request.url.path == "/"

    run(main())


def test_nobody_there(run: Any, stage: Any, authority: Any) -> None:
    """No connection, no trust, no known scheme: each has its exception."""

    async def main() -> None:
        tls = authority.server
        async with stage.playing(stage.OK, tls=tls) as upstream, client_of(upstream, tls=TlsSettings()) as client:
            with pytest.raises(httpx.ConnectError, match="unknown authority"):
                await client.get("/")
        async with client_of(upstream) as client:
            with pytest.raises(httpx.ConnectError, match="refused"):
                await client.get("/")
            with pytest.raises(httpx.UnsupportedProtocol):
                await client.get("ftp://127.0.0.1/")

    run(main())


def test_queue_timeout(run: Any, stage: Any) -> None:
    """Waiting for a connection obeys the request's own pool timeout."""

    async def main() -> None:
        async with stage.playing([stage.HANG]) as upstream:
            only_one = Limits(max_connections=1)
            transport = EngineTransport(lambda origin: PoolSettings(origin, limits=only_one))
            timeout = httpx.Timeout(5, pool=0.05)
            async with httpx.AsyncClient(transport=transport, timeout=timeout) as client:
                url = f"http://127.0.0.1:{upstream.port}/"
                first = asyncio.create_task(client.get(url))
                await stage.until(lambda: bool(upstream.requests))
                with pytest.raises(httpx.PoolTimeout):
                    await client.get(url)
                first.cancel()
                await asyncio.wait([first])

    run(main())


def test_no_limits_at_all(run: Any, stage: Any) -> None:
    """A request without any timeout waits as long as it takes."""

    async def main() -> None:
        late = [lambda: asyncio.sleep(0.05), stage.OK]
        async with stage.playing(late) as upstream, client_of(upstream, timeout=None) as client:
            assert (await client.get("/")).text == "ok"

    run(main())


def test_method_cannot_split_the_request(run: Any, stage: Any) -> None:
    """A method that is not a token is refused before anything is sent."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, client_of(upstream) as client:
            for method in ("GET / HTTP/1.1\r\nx: y\r\n\r\nGET", "", "GÉT"):
                with pytest.raises(httpx.LocalProtocolError):
                    await client.request(method, "/")
            assert upstream.accepted == 0

    run(main())


@pytest.mark.parametrize("headers", [{b"x y": b"1"}, {b"x:": b"1"}, {b"": b"1"}, {b"x": b"a\r\nb: c"}, {b"x": b"\x00"}])
def test_headers_cannot_split_the_request(run: Any, stage: Any, headers: dict[bytes, bytes]) -> None:
    """A header that would become another header, or a request, is refused before anything is sent."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, client_of(upstream) as client:
            with pytest.raises(httpx.LocalProtocolError):
                await client.get("/", headers=headers)
            assert upstream.accepted == 0

    run(main())


def test_registered_pool(run: Any, stage: Any) -> None:
    """A pool that is registered serves its origin, by whichever door, and outlives the client."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream) as pool:
            transport = EngineTransport()
            transport.register(pool)
            async with httpx.AsyncClient(transport=transport) as client:
                await client.get(f"http://127.0.0.1:{upstream.port}/")
                assert pool.idle == 1
            reply = await fetched(pool, b"GET", b"/", b"host: x\r\n", deadline=stage.due())
            assert (reply.reused, upstream.accepted) == (True, 1)

    run(main())


def test_forgotten_pool(run: Any, stage: Any) -> None:
    """A pool that is forgotten serves its origin no more; one that took its place is not forgotten for it."""

    async def main() -> None:
        async with stage.playing(stage.OK) as upstream, stage.pool(upstream) as old, stage.pool(upstream) as new:
            transport = EngineTransport()
            transport.register(old)
            transport.register(new)
            transport.forget(old)
            async with httpx.AsyncClient(transport=transport) as client:
                await client.get(f"http://127.0.0.1:{upstream.port}/")
                assert (old.idle, new.idle) == (0, 1)
                transport.forget(new)
                await client.get(f"http://127.0.0.1:{upstream.port}/")
                assert (new.idle, upstream.accepted) == (1, 2)

    run(main())


def test_registered_unix_socket(run: Any, stage: Any, tmp_path: Any) -> None:
    """The origin of a registered pool stands for wherever that pool connects to."""
    path = str(tmp_path / "up")

    async def main() -> None:
        async with stage.playing(stage.OK, path=path):
            pool = Pool(PoolSettings(Origin("http", "shop.test", 80, unix_socket=path)))
            transport = EngineTransport()
            transport.register(pool)
            async with httpx.AsyncClient(transport=transport) as client:
                assert (await client.get("http://shop.test/")).text == "ok"
            await pool.aclose()

    run(main())


def test_cookies(run: Any, stage: Any) -> None:
    """Neither responses nor the caller can put a cookie into the shared jar; a request may bring its own."""

    async def main() -> None:
        answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: user=a; Path=/\r\nContent-Length: 0\r\n\r\n"
        async with stage.playing(answer) as upstream, client_of(upstream) as client:
            await client.get("/")
            client.cookies.set("mine", "1")
            await client.get("/")
            await client.get("/", headers={"cookie": "given=1"})
            cookies = [b"cookie" in request.lower() for request in upstream.requests]
            assert (cookies, list(client.cookies.jar)) == ([False, False, True], [])

    run(main())


def test_redirects_are_the_clients_affair(run: Any, stage: Any) -> None:
    """A client that follows redirects does so on the engine as well."""

    async def main() -> None:
        moved = b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
        async with stage.playing(moved, stage.OK) as upstream, client_of(upstream) as client:
            assert (await client.get("/old", follow_redirects=True)).text == "ok"
            assert upstream.requests[1].startswith(b"GET /new ")

    run(main())


def test_every_cause_has_an_exception() -> None:
    """Each cause that the engine can give while a head is awaited or a body is read is in the table."""
    ours = {cause for cause in CAUSES if cause.family in ("timeout", "network", "overloaded")}
    of_policies = {Cause.LIMITED, Cause.BREAKER_OPEN, Cause.DEGRADED}
    assert set(_EXCEPTIONS) == ours - of_policies


def test_origin_of_a_url() -> None:
    """A URL gives the place to connect to and the Host to name; other schemes are refused."""
    for url, host, port, authority in (
        ("http://shop.test/a?b", "shop.test", 80, b"shop.test"),
        ("https://Shop.test:443", "shop.test", 443, b"shop.test"),
        ("https://shop.test:8443/", "shop.test", 8443, b"shop.test:8443"),
        ("http://user:pw@[::1]:81/", "::1", 81, b"[::1]:81"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, b"xn--bcher-kva.example"),
    ):
        origin = Origin.parse(url)
        assert (origin.host, origin.port, origin.authority) == (host, port, authority)
        assert replace(origin, scheme="https").secure
    for url in ("ftp://shop.test", "shop.test", "http://", "/path"):
        with pytest.raises(ValueError, match="not a URL of a known scheme with a host"):
            Origin.parse(url)
