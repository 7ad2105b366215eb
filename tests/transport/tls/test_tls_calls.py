"""Calls over TLS: what the pool makes of handshakes, ends, bodies and peers of every kind."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import socket
import ssl
import struct
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Caps, Limits, Origin, Pool, PoolSettings, Timeouts, TlsSettings
from aggregator.transport.fetching import fetched
from aggregator.transport.tls.sockets import open_tls

H = b"host: shop\r\n"
BIG = bytes(range(256)) * 4096 * 8  # 8 MB


@asynccontextmanager
async def calling(port: int, authority: Any, **parts: Any) -> Any:
    """Yield a pool of TLS connections to *port*; all its places are free at the end."""
    tls = TlsSettings(ca_file=authority.file, **parts.pop("tls", {}))
    pool = Pool(PoolSettings(Origin("https", "127.0.0.1", port), tls=tls, **parts))
    try:
        yield pool
        assert (pool.active, pool.waiting) == (0, 0)
    finally:
        await pool.aclose()


def counted(run: Any, stage: Any, main: Any) -> None:
    """Run *main*; no socket and no task that was not there before it is there after it."""

    async def whole() -> None:
        gc.collect()
        before = stage.sockets()
        await main()
        await stage.until(lambda: stage.sockets() <= before and len(asyncio.all_tasks()) == 1)

    run(whole())


def alert(code: int) -> bytes:
    """Return a fatal alert as it looks before anything is encrypted (RFC 8446 §6)."""
    return bytes((21, 3, 3, 0, 2, 2, code))


RESET = (Cause.RESET, "The upstream reset the connection.")
VERSION = (Cause.TLS, "The upstream offers no supported version of TLS; `tls.security` says which are.")
NO_TLS = (Cause.TLS, "The upstream does not speak TLS.")
NOTHING_SHARED = (Cause.TLS, "The upstream shares no cipher suite with us; `tls.security` says which are offered.")
REASONS = {VERSION: "TLSV1_ALERT_PROTOCOL_VERSION", NOTHING_SHARED: "SSLV3_ALERT_HANDSHAKE_FAILURE"}


@pytest.mark.parametrize("own", [True, False], ids=["ours", "the loop's"])
@pytest.mark.parametrize(
    ("answer", "end", "failure"),
    [
        (b"", "close", RESET),
        (b"", "reset", RESET),
        (b"\x16\x03\x03\x00\x7a\x02\x00", "close", RESET),
        (b"\x16\x03\x03\x00\x7a\x02\x00", "reset", RESET),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "close", NO_TLS),
        (bytes(50), "close", NO_TLS),
        (alert(70), "close", VERSION),
        (alert(112), "close", (Cause.TLS, "The upstream does not know the server name asked for.")),
        (alert(40), "close", NOTHING_SHARED),
        (b"", "hang", (Cause.CONNECT_TIMEOUT, "The upstream did not accept a connection in time.")),
    ],
)
def test_failed_handshake(
    run: Any, stage: Any, wire: Any, authority: Any, monkeypatch: Any, own: bool, answer: Any, end: str, failure: Any
) -> None:
    """However a handshake fails, the words and the reason of OpenSSL are the same over either implementation of TLS."""
    if not own:
        monkeypatch.setattr("aggregator.transport.engine.opening.connecting.can_poll", lambda _: False)

    async def refuse(streams: Any) -> None:
        reader, writer = streams
        await reader.read(1 << 16)
        writer.write(answer)
        await writer.drain()
        if end == "hang":
            await reader.read(1)
        elif end == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            writer.close()

    async def main() -> None:
        timeouts = Timeouts(connect=0.1 if end == "hang" else 5.0)
        async with wire.served(None, refuse) as port, calling(port, authority, timeouts=timeouts) as pool:
            with pytest.raises(CallError) as caught:
                await fetched(pool, b"GET", b"/", H, deadline=stage.due())
            assert (caught.value.cause, caught.value.message) == failure
            assert caught.value.fault == REASONS.get(failure, caught.value.fault)
            assert (caught.value.fault is not None) == (caught.value.cause is Cause.TLS)

    counted(run, stage, main)


@pytest.mark.parametrize("name", ["x" * 70, ".shop.test"])
def test_unusable_name(run: Any, stage: Any, wire: Any, authority: Any, name: str) -> None:
    """A name that cannot be asked for fails like one that cannot be resolved."""

    async def main() -> None:
        tls = {"server_name": name}
        async with stage.playing(tls=wire.server) as upstream, calling(upstream.port, authority, tls=tls) as pool:
            with pytest.raises(CallError, match="cannot be resolved"):
                await fetched(pool, b"GET", b"/", H, deadline=stage.due())

    counted(run, stage, main)


def test_gone_before_the_handshake(run: Any, stage: Any, wire: Any) -> None:
    """A connection that is reset before TLS begins is closed, and told as reset."""

    async def main() -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname()) as near,
        ):
            near.setblocking(False)
            far, _ = listener.accept()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()
            await asyncio.sleep(0.01)
            with pytest.raises(ConnectionResetError):
                await open_tls(asyncio.get_running_loop(), near, wire.client, "127.0.0.1")
            assert near.fileno() < 0

    counted(run, stage, main)


def test_handshake_that_waits_to_write(run: Any, stage: Any, wire: Any) -> None:
    """A handshake whose words do not fit into the socket goes on when they do."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        near.setblocking(False)
        stuffed = 0
        try:
            while True:
                stuffed += near.send(bytes(1 << 16))
        except BlockingIOError:
            pass
        opening = loop.create_task(open_tls(loop, near, wire.client, "127.0.0.1"))
        reader, writer = await asyncio.open_connection(sock=far)
        await reader.readexactly(stuffed)
        assert (await reader.readexactly(1)) == b"\x16"
        opening.cancel()
        await asyncio.wait([opening])
        writer.transport.abort()

    counted(run, stage, main)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions(run: Any, stage: Any, wire: Any, authority: Any, version: ssl.TLSVersion) -> None:
    """Both versions serve; without a certificate to show, neither may be negotiated anew under way."""
    server = authority.context("127.0.0.1")
    server.maximum_version = version

    async def main() -> None:
        assert wire.client.options & ssl.OP_NO_RENEGOTIATION
        async with stage.playing(stage.OK, tls=server) as upstream, calling(upstream.port, authority) as pool:
            for reused in (False, True, True):
                assert (await fetched(pool, b"POST", b"/", H, b"{}", deadline=stage.due())).reused == reused

    counted(run, stage, main)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_certificate_that_is_missing(run: Any, stage: Any, wire: Any, authority: Any, version: ssl.TLSVersion) -> None:
    """An upstream that wants our certificate and says so is told as TLS, during the handshake or after it."""
    server = authority.context("127.0.0.1", clients=True)
    server.maximum_version = version

    async def refuse(peer: Any) -> None:
        try:
            await peer.shake()
        finally:
            await peer.reader.read()

    async def main() -> None:
        async with wire.served(server, refuse) as port, calling(port, authority) as pool:
            with pytest.raises(CallError) as caught:
                await fetched(pool, b"GET", b"/", H, deadline=stage.due())
            assert caught.value.cause == Cause.TLS

    counted(run, stage, main)


def test_eight_megabytes(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """A body of eight megabytes goes there, and another one comes back, unharmed."""

    async def main() -> None:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BIG) + BIG
        caps = Caps(body=len(BIG))
        async with (
            stage.playing(answer, tls=wire.server) as upstream,
            calling(upstream.port, authority, caps=caps) as pool,
        ):
            reply = await fetched(pool, b"POST", b"/", H, BIG, deadline=stage.due(20))
            assert hashlib.sha256(reply.body).digest() == hashlib.sha256(BIG).digest()
            assert upstream.requests[0].endswith(BIG)

    counted(run, stage, main)


def test_nobody_reads(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """While nobody takes a body its upstream is held back; then all of it comes, in order."""
    sent = 0

    async def answer(peer: Any) -> None:
        nonlocal sent
        await peer.shake()
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (2 * len(BIG)))
        for start in range(0, 2 * len(BIG), 1 << 16):
            await peer.say((BIG + BIG)[start : start + (1 << 16)] if start == 0 else BIG[: 1 << 16])
            sent = start
        await peer.read()

    async def main() -> None:
        async with wire.served(wire.server, answer) as port, calling(port, authority) as pool:
            reply = await pool.stream(b"GET", b"/", H, None, deadline=stage.due(20))
            last = -1
            while sent != last:
                last = sent
                await asyncio.sleep(0.05)
            assert sent < 2 * len(BIG) - (1 << 20)
            body = b"".join([piece async for piece in reply])
            assert body == BIG[: 1 << 16] * (2 * len(BIG) >> 16)

    counted(run, stage, main)


def test_upload_that_nobody_takes(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """A request that stops half-way, because the upstream left or because it stopped, gives its place back."""

    async def leave(peer: Any) -> None:
        await peer.shake()
        await peer.read_exactly(100_000)

    async def stop(peer: Any) -> None:
        await leave(peer)
        await asyncio.sleep(5)

    async def main() -> None:
        async with wire.served(wire.server, leave) as port, calling(port, authority) as pool:
            with pytest.raises(CallError) as caught:
                await fetched(pool, b"POST", b"/", H, BIG, deadline=stage.due())
            assert caught.value.cause in (Cause.RESET, Cause.INCOMPLETE)
        timeouts = Timeouts(write=0.1)
        async with wire.served(wire.server, stop) as port, calling(port, authority, timeouts=timeouts) as pool:
            with pytest.raises(CallError) as caught:
                await fetched(pool, b"POST", b"/", H, BIG, deadline=stage.due())
            assert caught.value.cause == Cause.WRITE_TIMEOUT

    counted(run, stage, main)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [("goodbye", b"x" * 100_000), ("leave", Cause.INCOMPLETE), ("reset", Cause.RESET)],
)
def test_body_until_the_end(run: Any, stage: Any, wire: Any, authority: Any, end: str, outcome: Any) -> None:
    """A body that ends with its connection is whole with a goodbye of TLS alone: anybody could have cut it else."""

    async def answer(peer: Any) -> None:
        await peer.shake()
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)
        if end == "goodbye":
            await peer.goodbye()
        elif end == "leave":
            peer.leave()
        else:
            sock = peer.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def main() -> None:
        async with wire.served(wire.server, answer) as port, calling(port, authority) as pool:
            try:
                came: Any = (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).body
            except CallError as error:
                came = error.cause
            assert came == outcome

    counted(run, stage, main)


def test_answer_to_no_question(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """Two answers in one record to one request: the second is never given to anyone."""

    async def answer(peer: Any) -> None:
        await peer.shake()
        while True:
            await peer.request()
            await peer.say(stage.OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")

    async def main() -> None:
        async with wire.served(wire.server, answer) as port, calling(port, authority) as pool:
            calls = [fetched(pool, b"GET", b"/%d" % number, H, deadline=stage.due()) for number in range(5)]
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert getattr(outcome, "body", b"ok") == b"ok"
                assert getattr(outcome, "cause", Cause.PROTOCOL) == Cause.PROTOCOL
            assert pool.idle == 0

    counted(run, stage, main)


@pytest.mark.parametrize("late", ["end", "bytes"])
def test_post_asks_the_socket(run: Any, stage: Any, wire: Any, authority: Any, late: str) -> None:
    """Before a POST the socket under TLS is asked, since the loop may not have heard yet of what has come."""
    peers: list[Any] = []

    async def answer(peer: Any) -> None:
        peers.append(peer)
        await peer.shake()
        while True:
            await peer.request()
            await peer.say(stage.OK)

    async def main() -> None:
        async with wire.served(wire.server, answer) as port, calling(port, authority) as pool:
            for reused in (False, True):
                assert (await fetched(pool, b"POST", b"/", H, deadline=stage.due())).reused == reused
            sock = peers[0].writer.get_extra_info("socket")
            with socket.socket(fileno=socket.dup(sock.fileno())) as raw:
                raw.send(peers[0].wrapped(stage.OK)) if late == "bytes" else raw.shutdown(socket.SHUT_WR)
            outcomes: list[Any] = []  # and not one turn of the loop later:
            pool.start(b"POST", b"/", H, None, deadline=stage.due(), done=outcomes.append)
            await stage.until(lambda: bool(outcomes))
            assert (outcomes[0].body, outcomes[0].reused, len(peers)) == (b"ok", False, 2)

    counted(run, stage, main)


def test_cancelled_in_the_handshake(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """A call given up in the middle of a handshake leaves neither a place nor a socket nor a task."""
    halfway = asyncio.Event()

    async def stall(streams: Any) -> None:
        reader, _ = streams
        await reader.read(1)
        halfway.set()
        await asyncio.sleep(5)

    async def main() -> None:
        async with wire.served(None, stall) as port, calling(port, authority, limits=Limits(max_connections=1)) as pool:
            for _ in range(3):
                halfway.clear()
                call = asyncio.create_task(fetched(pool, b"GET", b"/", H, deadline=stage.due()))
                await halfway.wait()
                call.cancel()
                await asyncio.wait([call])
                await stage.until(lambda: pool.active == 0)

    counted(run, stage, main)


def test_by_the_byte(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """A network that delivers a byte at a time, in both directions, changes nothing."""

    async def main() -> None:
        async with stage.playing(stage.OK, tls=wire.server) as upstream:

            async def relay(streams: Any) -> None:
                near = streams
                far = await asyncio.open_connection("127.0.0.1", upstream.port)
                try:
                    await asyncio.gather(drip(near[0], far[1]), drip(far[0], near[1]))
                finally:
                    far[1].transport.abort()

            async def drip(reader: Any, writer: Any) -> None:
                while data := await reader.read(100):
                    for byte in data:
                        writer.write(bytes([byte]))
                        await asyncio.sleep(0)
                raise EOFError

            async with wire.served(None, relay) as port, calling(port, authority) as pool:
                for _ in range(3):
                    assert (await fetched(pool, b"GET", b"/", H, deadline=stage.due())).body == b"ok"
                pool.close_idle()

    counted(run, stage, main)


@pytest.mark.long
def test_two_thousand_calls(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """Two thousand calls, some connections ended by either side: as many sockets and tasks as before."""

    async def main() -> None:
        close = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
        answers, limits = ([stage.OK] * 150 + [close]) * 14, Limits(max_connections=8)
        async with (
            stage.playing(*answers, tls=wire.server) as upstream,
            calling(upstream.port, authority, limits=limits) as pool,
        ):
            for turn in range(20):
                calls = [fetched(pool, b"GET", b"/", H, deadline=stage.due(20)) for _ in range(100)]
                assert {reply.body for reply in await asyncio.gather(*calls)} == {b"ok"}
                if turn % 5 == 4:
                    pool.close_idle()
            assert len(upstream.requests) == 2000
            assert 8 < upstream.accepted < 100

    counted(run, stage, main)


def test_loop_that_cannot_poll(stage: Any, wire: Any, authority: Any) -> None:
    """On a loop without readers, as the proactor of Windows, the loop's own TLS serves."""

    class Proactor(asyncio.SelectorEventLoop):
        add_reader = asyncio.AbstractEventLoop.add_reader

    async def main() -> None:
        async with stage.playing(stage.OK, tls=wire.server) as upstream, calling(upstream.port, authority) as pool:
            for reused in (False, True):
                assert (await fetched(pool, b"POST", b"/", H, deadline=stage.due())).reused == reused

    with asyncio.Runner(loop_factory=Proactor) as runner:
        runner.run(main())
