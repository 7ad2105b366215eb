"""`client: {transport: httpx}`: TLS, Unix sockets and limits are each upstream's own, and proxies carry the rest."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from aggregator.errors import CallError, Cause, StartupError
from aggregator.plan.serving import ClientPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.runtime.client import SharedClient, pool_key
from aggregator.transport import Caps, Limits, Origin, PoolSettings, TlsSettings
from aggregator.transport.fetching import fetched
from aggregator.transport.httpx.client_response import ClientResponse
from aggregator.transport.httpx.stock_network import Network

H = b"host: shop.test\r\nx-api-key: k\r\n"


class Proxy:
    """Tunnels what asks for it and answers the rest itself; *heads* is what it was told, *refusal* stops it."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.heads: list[bytes] = []
        self.refusal = refusal
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            method, target, _ = self.heads[-1].split(b" ", 2)
            if self.refusal:
                writer.write(self.refusal)
            elif method == b"CONNECT":
                await self.tunnel(target, reader, writer)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nproxy")
            await writer.drain()
        writer.close()

    async def tunnel(self, target: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.decode().partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(self.pass_on(reader, far_writer), self.pass_on(far_reader, writer))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def proxying(refusal: bytes = b"") -> AsyncIterator[Proxy]:
    """Run a proxy."""
    proxy = Proxy(refusal)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()


@asynccontextmanager
async def sharing(**plan: Any) -> AsyncIterator[SharedClient]:
    """Yield a shared client on stock httpx."""
    client = SharedClient(ClientPlan(transport="httpx", **plan))
    try:
        yield client
    finally:
        await client.aclose()


def plan_of(name: str, origin: Origin, **parts: Any) -> UpstreamPlan:
    """Return an upstream."""
    return UpstreamPlan(name, name, PoolSettings(origin, **parts), b"shop.test")


async def asked(client: SharedClient, upstream: UpstreamPlan, stage: Any) -> Any:
    """Call *upstream*; give the body, or the error."""
    try:
        return (await fetched(client.pool(upstream), b"GET", b"/a", H, deadline=stage.due())).body
    except CallError as error:
        return error


def test_tunnel(run: Any, stage: Any, authority: Any) -> None:
    """An upstream with TLS is reached through a tunnel: the proxy learns its place, and none of our headers."""

    async def main() -> None:
        async with stage.playing(stage.OK, tls=authority.server) as upstream, proxying() as proxy:
            origin, tls = Origin("https", "127.0.0.1", upstream.port), TlsSettings(ca_file=authority.file)
            async with sharing(proxy=f"http://me:pa%20ss@127.0.0.1:{proxy.port}") as client:
                for _ in range(2):
                    assert await asked(client, plan_of("shop", origin, tls=tls), stage) == b"ok"
            (head,) = proxy.heads
            assert head.startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % upstream.port)
            assert b"proxy-authorization: basic " + base64.b64encode(b"me:pa ss").lower() in head.lower()
            assert b"x-api-key" not in head
            assert [b"proxy-authorization" in request.lower() for request in upstream.requests] == [False, False]

    run(main())


def test_the_name_to_ask_for_through_a_tunnel(run: Any, stage: Any, authority: Any) -> None:
    """SNI and the check of the certificate are as the upstream says, whether a proxy is between or not."""

    async def main() -> None:
        context = authority.context("shop.internal")
        async with stage.playing(stage.OK, tls=context) as upstream, proxying() as proxy:
            origin = Origin("https", "127.0.0.1", upstream.port)
            tls = TlsSettings(ca_file=authority.file, server_name="shop.internal")
            for url in (f"http://127.0.0.1:{proxy.port}", None):
                async with sharing(proxy=url) as client:
                    assert await asked(client, plan_of("shop", origin, tls=tls), stage) == b"ok"

    run(main())


@pytest.mark.parametrize("http2", [False, True])
def test_failed_tls_takes_no_place(run: Any, stage: Any, authority: Any, http2: bool) -> None:
    """However often TLS fails inside a tunnel, the next call gets its connection."""
    wrong, right = authority.context("another.test"), authority.context("127.0.0.1")

    async def main() -> None:
        async with proxying() as proxy, sharing(proxy=f"http://127.0.0.1:{proxy.port}", http2=http2) as client:
            async with stage.playing(stage.OK, tls=wrong) as upstream:
                origin, tls = Origin("https", "127.0.0.1", upstream.port), TlsSettings(ca_file=authority.file)
                shop = plan_of("shop", origin, tls=tls, limits=Limits(max_connections=2))
                errors = [await asked(client, shop, stage) for _ in range(5)]
                assert {error.cause for error in errors} == {Cause.TLS}
            async with stage.playing(stage.OK, tls=right, port=upstream.port):
                assert await asked(client, shop, stage) == b"ok"
                await client.pool(shop).aclose()

    run(main())


@pytest.mark.long
@pytest.mark.parametrize("through", ["tcp", "tunnel"])
@pytest.mark.parametrize("http2", [False, True])
def test_tls_that_is_given_up_leaves_no_connection(run: Any, stage: Any, http2: bool, through: str) -> None:
    """An upstream that never begins with TLS: the deadline closes the connection and frees its place."""
    begun: list[None] = []
    gone: list[None] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(None)
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # a busy host gives up before, or resets
            if through == "tunnel":
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await reader.read()
        gone.append(None)
        writer.close()  # one that stays open would keep a loop of uvloop from closing

    async def main() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        proxy = f"http://127.0.0.1:{port}" if through == "tunnel" else None
        async with server, sharing(http2=http2, proxy=proxy) as client:
            shop = plan_of("shop", Origin("https", "127.0.0.1", port), limits=Limits(max_connections=1))
            for seconds in (0.1, 0.2, 0.4):  # a busy host may not have dialled within the first
                with pytest.raises(CallError) as late:
                    await fetched(client.pool(shop), b"GET", b"/a", H, deadline=stage.due(seconds))
                assert late.value.cause == Cause.DEADLINE
                await stage.until(lambda: len(gone) == len(begun))

    run(main())


@pytest.mark.long
@pytest.mark.parametrize("end", ["deadline", "hang-up"])
def test_one_cut_call_costs_one_connection(run: Any, stage: Any, end: str) -> None:
    """The others to its upstream stay, with their handshakes, whoever cut it."""

    async def main() -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"
        async with stage.playing([head, stage.HANG], stage.OK) as upstream, sharing() as client:
            shop = plan_of("shop", Origin("http", "127.0.0.1", upstream.port), limits=Limits(max_connections=20))
            pool = client.pool(shop)
            cut = await pool.stream(b"GET", b"/a", H, None, deadline=stage.due(1.5 if end == "deadline" else 30))
            others = [asked(client, shop, stage) for _ in range(5)]
            assert await asyncio.gather(*others) == [b"ok"] * 5
            before = upstream.accepted
            if end == "hang-up":
                await cut.aclose()
            await stage.until(lambda: pool.active == 0)
            assert await asked(client, shop, stage) == b"ok"
            assert upstream.accepted == before

    run(main())


@pytest.mark.long
@pytest.mark.parametrize("way", ["plain", "tls", "tunnel"])
@pytest.mark.parametrize("http2", [False, True])
def test_cancelled_calls_take_no_place(run: Any, stage: Any, authority: Any, http2: bool, way: str) -> None:
    """Given up after any number of turns of the loop, calls leave no socket, and their places to the next."""

    async def main() -> None:
        tls = None if way == "plain" else authority.server
        sockets = stage.sockets()
        async with proxying() as proxy, stage.playing(stage.OK, tls=tls) as upstream:
            origin = Origin("http" if way == "plain" else "https", "127.0.0.1", upstream.port)
            url = f"http://127.0.0.1:{proxy.port}" if way == "tunnel" else None
            async with sharing(http2=http2, proxy=url) as client:
                settings = TlsSettings(ca_file=authority.file)
                shop = plan_of("shop", origin, tls=settings, limits=Limits(max_connections=2))
                for turns in range(60):
                    calls = [asyncio.create_task(asked(client, shop, stage)) for _ in range(3)]
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    for call in calls:
                        call.cancel()
                    await asyncio.gather(*calls, return_exceptions=True)
                assert await asked(client, shop, stage) == b"ok"
                assert client.pool(shop).active == 0
            await stage.until(lambda: upstream.open == 0)
        await stage.until(lambda: stage.sockets() <= sockets)

    run(main())


@pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 Bad Gateway"])
def test_tunnel_is_refused(run: Any, stage: Any, authority: Any, status: bytes) -> None:
    """A proxy that opens no tunnel is told as such, without its words and without our secret."""

    async def main() -> None:
        async with proxying(b"HTTP/1.1 " + status + b"\r\ncontent-length: 6\r\n\r\nsecret") as proxy:
            origin, tls = Origin("https", "127.0.0.1", 1), TlsSettings(ca_file=authority.file)
            async with sharing(proxy=f"http://me:secret@127.0.0.1:{proxy.port}") as client:
                error = await asked(client, plan_of("shop", origin, tls=tls), stage)
                assert (error.cause, error.message) == (Cause.UNREACHABLE, "The proxy did not reach the upstream.")

    run(main())


def test_proxy_for_plain_calls(run: Any, stage: Any) -> None:
    """A plain call is handed to the proxy whole; one that is not there has refused the connection."""

    async def main() -> None:
        upstream = plan_of("shop", Origin("http", "shop.test", 80))
        async with proxying() as proxy, sharing(proxy=f"http://127.0.0.1:{proxy.port}") as client:
            assert await asked(client, upstream, stage) == b"proxy"
            assert proxy.heads[0].startswith(b"GET http://shop.test/a HTTP/1.1\r\n")
        async with sharing(proxy=f"http://127.0.0.1:{proxy.port}") as client:
            assert (await asked(client, upstream, stage)).cause == Cause.REFUSED

    run(main())


def test_unix_socket(run: Any, stage: Any, tmp_path: Path) -> None:
    """A Unix socket is called where it is, whatever proxy there is for the rest."""
    path = str(tmp_path / "up")

    async def main() -> None:
        async with stage.playing(stage.OK, path=path), sharing(proxy="http://127.0.0.1:1") as client:
            assert await asked(client, plan_of("shop", Origin("http", "shop", 80, path)), stage) == b"ok"

    run(main())


def test_demo(run: Any, stage: Any) -> None:
    """The demo runs in our own process, where no proxy can reach it: it is called directly."""

    async def main() -> None:
        async with stage.playing(stage.OK) as demo, sharing(proxy="http://127.0.0.1:1") as client:
            users = UpstreamPlan(
                "users", "users", PoolSettings(Origin("http", "127.0.0.1", 80)), b"users", demo="users"
            )
            reply = await fetched(client.pool(users, demo.port), b"GET", b"/", H, deadline=stage.due())
            assert reply.body == b"ok"

    run(main())


def test_tls_is_each_upstreams_own(run: Any, stage: Any, authority: Any) -> None:
    """Two upstreams at one place never share a connection: each shows its own certificate, or none."""
    cert, key = authority.certificate("gateway")
    server = authority.context("127.0.0.1", clients=True)

    async def main() -> None:
        async with stage.playing(stage.OK, tls=server) as upstream, sharing() as client:
            origin = Origin("https", "127.0.0.1", upstream.port)
            tls = TlsSettings(ca_file=authority.file, cert_file=cert, key_file=key)
            nobody = replace(plan_of("b", origin).pool, tls=TlsSettings(ca_file=authority.file))
            assert await asked(client, plan_of("a", origin, tls=tls), stage) == b"ok"
            failed = await asked(client, UpstreamPlan("b", "b", nobody, b"h"), stage)
            assert failed.cause in (Cause.TLS, Cause.RESET, Cause.INCOMPLETE)
            assert (await asked(client, plan_of("c", origin), stage)).cause == Cause.TLS  # public authorities
            assert await asked(client, plan_of("a", origin, tls=tls), stage) == b"ok"
            assert len(upstream.requests) == 2

    run(main())


def test_unusable_files(run: Any, tmp_path: Path) -> None:
    """A file of TLS that cannot be used stops the start, as it does with the engine."""

    async def main() -> None:
        async with sharing() as client:
            tls = TlsSettings(ca_file=str(tmp_path / "absent.pem"))
            with pytest.raises(StartupError, match=r"absent\.pem"):
                client.pool(plan_of("shop", Origin("https", "127.0.0.1", 1), tls=tls))

    run(main())


def test_limits_are_each_upstreams_own(run: Any, stage: Any) -> None:
    """An upstream has as many connections as it declares, also when the client declares fewer."""

    async def main() -> None:
        async def all_here() -> None:
            await stage.until(lambda: len(slow.requests) == 8)

        async with stage.playing([all_here, stage.OK]) as slow, sharing(max_connections=2) as client:
            upstream = plan_of("slow", Origin("http", "127.0.0.1", slow.port), limits=Limits(max_connections=8))
            assert await asyncio.gather(*[asked(client, upstream, stage) for _ in range(8)]) == [b"ok"] * 8

    run(main())


def test_connections_go_with_their_pool(run: Any, stage: Any, authority: Any) -> None:
    """A pool that nobody uses any more takes its connections with it; what only names its origin gets others."""

    async def main() -> None:
        async with stage.playing(stage.OK, tls=authority.server) as upstream, sharing() as client:
            origin, tls = Origin("https", "127.0.0.1", upstream.port), TlsSettings(ca_file=authority.file)
            shop = plan_of("shop", origin, tls=tls)
            client.retain([pool_key(shop, None)])
            assert await asked(client, shop, stage) == b"ok"
            url = f"https://127.0.0.1:{upstream.port}/"
            assert (await client.client.get(url)).text == "ok"
            assert (upstream.accepted, upstream.open) == (1, 1)
            client.release([pool_key(shop, None)])
            await stage.until(lambda: upstream.open == 0)
            with pytest.raises(httpx.ConnectError):
                await client.client.get(url)

    run(main())


@pytest.mark.parametrize("location", [b"mailto:a@b", b"http://[::1/x", b"http://a b/", b"/next"])
def test_a_redirect_that_is_not_followed_may_lead_anywhere(run: Any, stage: Any, location: bytes) -> None:
    """It is an answer like any other, with the `Location` that came; nobody makes a request of it."""
    answer = b"HTTP/1.1 302 Found\r\nlocation: " + location + b"\r\ncontent-length: 2\r\n\r\nok"

    async def main() -> None:
        async with stage.playing([answer, stage.CLOSE]) as upstream, sharing() as client:
            pool = client.pool(plan_of("shop", Origin("http", "127.0.0.1", upstream.port)))
            reply = await fetched(pool, b"GET", b"/a", H, deadline=stage.due())
            assert (reply.status, reply.body) == (302, b"ok")
            assert [value for name, value in reply.headers if name == b"location"] == [location]

    run(main())


def test_a_reply_with_more_behind_it_is_closed_also_when_that_is_given_up() -> None:
    """Cancelled while the connection with the surplus is closed, the reply still gives its place back."""
    closed: list[str] = []

    class Stream(httpx.AsyncByteStream):
        _h11_state = SimpleNamespace(trailing_data=(b"EVIL", False))

        async def aclose(self) -> None:
            closed.append("stream")

    class Network:
        async def aclose(self) -> None:
            raise asyncio.CancelledError

    async def main() -> None:
        found = httpx.Response(200, stream=Stream(), extensions={"network_stream": Network()})
        with pytest.raises(asyncio.CancelledError):
            await ClientResponse(found, b"GET", Caps(), reused=False).aclose()

    asyncio.run(main())
    assert closed == ["stream"]


def test_two_framings_at_once_are_refused(run: Any, stage: Any) -> None:
    """A reply with a length and chunks is a sign of smuggling (RFC 9112 §6.3), and its connection is not used again."""
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n"

    async def main() -> None:
        async with stage.playing([answer, stage.OK], [stage.OK]) as upstream, sharing() as client:
            shop = plan_of("shop", Origin("http", "127.0.0.1", upstream.port))
            assert (await asked(client, shop, stage)).cause == Cause.PROTOCOL
            assert await asked(client, shop, stage) == b"ok"
            assert upstream.accepted == 2

    run(main())


@pytest.mark.long
def test_the_deadline_of_a_stream_that_nobody_reads(run: Any, stage: Any) -> None:
    """It closes the connection and frees the place in time, and who asks for the next piece is told why."""

    async def main() -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"
        async with stage.playing([head, stage.HANG], [stage.OK]) as upstream, sharing() as client:
            pool = client.pool(plan_of("shop", Origin("http", "127.0.0.1", upstream.port), limits=Limits(1)))
            reply = await pool.stream(b"GET", b"/a", H, None, deadline=stage.due(1.0))
            await stage.until(lambda: (pool.active, upstream.open) == (0, 0))
            with pytest.raises(CallError) as late:
                await anext(aiter(reply))
            assert late.value.cause == Cause.DEADLINE
            await reply.aclose()
            assert (await fetched(pool, b"GET", b"/a", H, deadline=stage.due())).body == b"ok"

    run(main())


def test_other_schemes(run: Any) -> None:
    """The client itself speaks http and https alone."""

    async def main() -> None:
        async with sharing() as client:
            with pytest.raises(httpx.UnsupportedProtocol):
                await client.client.get("ftp://127.0.0.1/")

    run(main())


@pytest.mark.parametrize("steps", range(1, 12))
def test_cancelled_after_the_dial(run: Any, stage: Any, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """A call given up any number of loop turns after its dial leaves no connection; httpcore alone keeps it open."""

    async def main() -> None:
        task: asyncio.Task[Any]
        dialled = Network.connect_tcp

        async def dial(*args: Any, **kwargs: Any) -> Any:
            asyncio.create_task(give_up())  # noqa: RUF006 - it ends within the test
            return await dialled(*args, **kwargs)

        async def give_up() -> None:
            await stage.until(lambda: upstream.accepted == 1)
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()

        monkeypatch.setattr(Network, "connect_tcp", dial)
        async with stage.playing([stage.HANG]) as upstream, sharing() as client:
            pool = client.pool(plan_of("shop", Origin("http", "127.0.0.1", upstream.port)))
            task = asyncio.create_task(fetched(pool, b"GET", b"/a", H, deadline=stage.due(30)))
            with suppress(asyncio.CancelledError):
                await task
            await stage.until(lambda: (upstream.accepted, upstream.open, pool.active) == (1, 0, 0))

    run(main())
