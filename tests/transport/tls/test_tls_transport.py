"""The transport under TLS: what its protocol is told, in which order, and what is left afterwards."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import weakref
from typing import Any

import pytest

from aggregator.transport.tls.rounds import Round
from aggregator.transport.tls.sockets import open_tls
from aggregator.transport.tls.transport import TlsTransport

RECORD = 16 * 1024
BIG = bytes(range(256)) * 4096 * 8  # 8 MB


def test_both_ways(run: Any, stage: Any, wire: Any) -> None:
    """What one side writes the other reads, however it is handed over."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            protocol.transport.write(b"GET")
            protocol.transport.writelines([b" /", bytearray(b" HTTP")])
            protocol.transport.write(memoryview(b"/1.1"))
            protocol.transport.write(b"")
            assert await peer.read_exactly(14) == b"GET / HTTP/1.1"
            await peer.say(b"ok")
            await stage.until(lambda: protocol.data == b"ok")
            assert protocol.events == []

    run(main())


def test_eight_megabytes(run: Any, stage: Any, wire: Any) -> None:
    """Large bodies pass whole in both directions at once."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            protocol.transport.write(bytearray(BIG))
            said = asyncio.create_task(peer.say(BIG))
            assert await peer.read_exactly(len(BIG)) == BIG
            await said
            await stage.until(lambda: len(protocol.data) == len(BIG))
            assert protocol.data == BIG

    run(main())


def test_writer_is_held_back(run: Any, stage: Any, wire: Any) -> None:
    """Above the high water mark the protocol is told to wait, and below the low one to go on: once each."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            transport = protocol.transport
            assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
            transport.write(BIG)
            assert protocol.events == ["pause"]
            transport.write(b"end")
            assert len(BIG) >= transport.get_write_buffer_size() > 64 * 1024
            assert await peer.read_exactly(len(BIG) + 3) == BIG + b"end"
            await stage.until(lambda: transport.get_write_buffer_size() == 0)
            assert protocol.events == ["pause", "resume"]

    run(main())


def test_water_marks(run: Any, wire: Any) -> None:
    """The marks can be set, each follows from the other, and a lower one holds at once."""

    async def main() -> None:
        async with wire.pair() as (protocol, _):
            transport = protocol.transport
            transport.set_write_buffer_limits(low=100)
            assert transport.get_write_buffer_limits() == (100, 400)
            transport.set_write_buffer_limits(high=1 << 30)
            transport.write(BIG)
            assert protocol.events == []
            transport.set_write_buffer_limits(high=0)
            assert protocol.events == ["pause"]
            with pytest.raises(ValueError, match="at least low"):
                transport.set_write_buffer_limits(high=1, low=2)

    run(main())


def test_reader_holds_back(run: Any, stage: Any, wire: Any) -> None:
    """A protocol that pauses gets nothing, then all of it; also when it pauses after every record."""

    class Pausing(wire.Recorder):  # type: ignore[name-defined, misc]
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.transport.resume_reading)

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            transport = protocol.transport
            transport.pause_reading()
            assert not transport.is_reading()
            await peer.say(b"x" * 3 * RECORD)
            await asyncio.sleep(0.01)
            assert not protocol.data
            transport.resume_reading()
            assert transport.is_reading()
            await stage.until(lambda: len(protocol.data) == 3 * RECORD)
        async with wire.pair(Pausing()) as (protocol, peer):
            protocol.transport.resume_reading()
            await peer.say(b"x" * (10 * RECORD + 1))
            await stage.until(lambda: len(protocol.data) == 10 * RECORD + 1)

    run(main())


def test_half_a_record(run: Any, stage: Any, wire: Any) -> None:
    """A record that comes by the byte, and tickets, which are nothing to the protocol, are waited for in peace."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            for byte in peer.wrapped(b"ok"):
                peer.writer.write(bytes([byte]))
                await asyncio.sleep(0)
            await stage.until(lambda: protocol.data == b"ok")
            assert protocol.events == []

    run(main())


@pytest.mark.parametrize(
    ("polite", "events"),
    [(True, ["eof", ("lost", type(None))]), (False, [("lost", ssl.SSLEOFError)])],
    ids=["goodbye", "no goodbye"],
)
def test_other_side_closes(run: Any, stage: Any, wire: Any, polite: bool, events: list[Any]) -> None:
    """After all that came before, a goodbye is told as an end, and an end without one as a loss; once each."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            await peer.say(b"last words")
            if polite:
                await peer.goodbye()
            peer.leave()
            await stage.until(lambda: protocol.lost)
            assert protocol.data == b"last words"
            assert protocol.events == events
            assert protocol.transport.is_closing()

    run(main())


def test_other_side_resets(run: Any, stage: Any, wire: Any, authority: Any) -> None:
    """A reset is told as one, not as an end."""

    async def main() -> None:
        async def reset(peer: Any) -> None:
            await peer.shake()
            await peer.read(1)
            sock = peer.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        async with wire.served(wire.server, reset) as port:
            loop, protocol = asyncio.get_running_loop(), wire.Recorder()
            near = socket.create_connection(("127.0.0.1", port))
            near.setblocking(False)
            sock = await open_tls(loop, near, wire.client, "127.0.0.1")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            TlsTransport(loop, sock, protocol, Round(loop, TlsTransport.flush)).write(b"x")
            await stage.until(lambda: protocol.lost)
            assert protocol.events == [("lost", ConnectionResetError)]

    run(main())


def test_forged_record(run: Any, stage: Any, wire: Any) -> None:
    """A record that was tampered with ends the connection; none of it is seen."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            record = bytearray(peer.wrapped(b"pay 1"))
            record[-1] ^= 1
            peer.writer.write(record)
            await stage.until(lambda: protocol.lost)
            assert (protocol.data, protocol.events) == (b"", [("lost", ssl.SSLError)])

    run(main())


def test_close_sends_everything(run: Any, stage: Any, wire: Any) -> None:
    """Closing lets out what was written, then says goodbye, and does not wait for an answer to it."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            protocol.transport.write(BIG)
            protocol.transport.close()
            protocol.transport.close()
            protocol.transport.write(b"too late")
            assert not protocol.lost
            assert await peer.read_exactly(len(BIG)) == BIG
            assert await peer.read() == b""
            await stage.until(lambda: protocol.lost)
            assert protocol.events == ["pause", "resume", ("lost", type(None))]

    run(main())


def test_abort_sends_nothing(run: Any, stage: Any, wire: Any) -> None:
    """Aborting drops what waits, also when a close is under way, and loses the connection once."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            protocol.transport.write(BIG)
            protocol.transport.close()
            protocol.transport.abort()
            protocol.transport.abort()
            assert protocol.transport.get_write_buffer_size() == 0
            await stage.until(lambda: protocol.lost)
            assert protocol.events == ["pause", ("lost", type(None))]
            with pytest.raises((ssl.SSLEOFError, ConnectionError)):
                await peer.read_exactly(len(BIG))

    run(main())


@pytest.mark.parametrize("size", [1, len(BIG)], ids=["at once", "later"])
def test_other_side_is_gone(run: Any, stage: Any, wire: Any, size: int) -> None:
    """Writing to nobody loses the connection with the error that says so."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            protocol.transport.pause_reading()
            protocol.transport.write(BIG[: size - 1])
            peer.writer.transport.abort()
            await asyncio.sleep(0.01)
            protocol.transport.write(b"x")
            await stage.until(lambda: protocol.lost)
            assert issubclass(protocol.events[-1][1], ConnectionError)

    run(main())


@pytest.mark.parametrize("method", ["data_received", "eof_received", "pause_writing"])
def test_failing_protocol(stage: Any, wire: Any, method: str) -> None:
    """What a protocol raises is told to the loop, and to the protocol as the end of its connection."""
    reports: list[Any] = []

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["exception"]))
        async with wire.pair() as (protocol, peer):
            setattr(protocol, method, broken)
            await peer.say(b"x")
            protocol.transport.write(BIG if method == "pause_writing" else b"x")
            await peer.goodbye()
            await stage.until(lambda: protocol.lost)
            assert protocol.events[-1] == ("lost", ZeroDivisionError)

    asyncio.run(main())
    assert [type(report) for report in reports] == [ZeroDivisionError]


def test_extra_info(run: Any, stage: Any, wire: Any) -> None:
    """Who is at the other end can be asked while there is one."""

    async def main() -> None:
        async with wire.pair() as (protocol, _):
            info = protocol.transport.get_extra_info
            assert info("socket") is info("ssl_object")
            assert info("sslcontext") is wire.client
            assert ("IP Address", "127.0.0.1") in info("peercert")["subjectAltName"]
            assert info("cipher")[1] == "TLSv1.3"
            assert (info("peername"), info("sockname")) == ("", "")
            assert info("colour", "none") == "none"
            assert "fd=" in repr(protocol.transport)

    async def unconnected(protocol: Any, *_: Any) -> None:
        assert protocol.transport.get_extra_info("peername", "nobody") == "nobody"

    async def closed() -> None:
        async with wire.pair() as (protocol, _):
            protocol.transport.close()
            assert protocol.transport.get_extra_info("peercert", "nobody") == "nobody"
            assert repr(protocol.transport).endswith("closing>")

    run(main())
    run(closed())
    played(run, wire, unconnected)


def test_protocol_can_be_exchanged(run: Any, stage: Any, wire: Any) -> None:
    """Another protocol may take over; there is no half of a TLS connection to close."""

    async def main() -> None:
        async with wire.pair() as (protocol, peer):
            other = wire.Recorder()
            assert protocol.transport.get_protocol() is protocol
            protocol.transport.set_protocol(other)
            await peer.say(b"hello")
            await stage.until(lambda: other.data == b"hello")
            assert not protocol.transport.can_write_eof()
            protocol.transport.abort()
            await stage.until(lambda: other.lost)
            assert protocol.events == []

    run(main())


def test_nothing_is_left(run: Any, stage: Any, wire: Any) -> None:
    """A connection that is closed is freed without the collector's help; one that is dropped open, with a warning."""

    async def closed() -> Any:
        async with wire.pair() as (protocol, _):
            sock = weakref.ref(protocol.transport.get_extra_info("socket"))
            protocol.transport.write(b"x")
            protocol.transport.abort()
            await stage.until(lambda: protocol.lost)
            return sock

    async def main() -> None:
        gc.disable()
        try:
            sock = await closed()
            assert sock() is None
        finally:
            gc.enable()

    async def dropped() -> None:
        near, far = socket.socketpair()
        transport = on(Scripted(near), asyncio.Protocol())
        transport.pause_reading()
        with pytest.warns(ResourceWarning, match="unclosed transport"):
            del transport
        assert near.fileno() < 0
        far.close()

    run(main())
    run(dropped())


class Scripted:
    """Stands in for a TLS socket over *sock*: reading and sending give or raise what the lists say, in turn."""

    def __init__(self, sock: socket.socket, reads: Any = (), sends: Any = ()) -> None:
        self.sock = sock
        self.reads, self.sends = iter(reads), iter(sends)
        self.sent: list[bytes] = []
        self.fileno, self.close = sock.fileno, sock.close

    def read(self, size: int) -> bytes:
        step = next(self.reads, ssl.SSLWantReadError())
        if isinstance(step, Exception):
            raise step
        assert isinstance(step, bytes)
        return step

    def write(self, data: Any) -> int:
        step = next(self.sends, len(data))
        if isinstance(step, Exception):
            raise step
        assert isinstance(step, int)
        self.sent.append(bytes(data[:step]))
        return step

    def unwrap(self) -> None:
        raise ssl.SSLWantReadError

    def getpeername(self) -> str:
        raise OSError


def on(sock: Any, protocol: asyncio.Protocol) -> TlsTransport:
    """Return the transport of *protocol* over *sock*."""
    loop = asyncio.get_running_loop()
    return TlsTransport(loop, sock, protocol, Round(loop, TlsTransport.flush))


def played(run: Any, wire: Any, play: Any, **script: Any) -> None:
    """Run *play* with a protocol over a scripted socket, the script, and the other end, which is plain."""

    async def main() -> None:
        near, far = socket.socketpair()
        sock, protocol = Scripted(near, **script), wire.Recorder()
        transport = on(sock, protocol)
        try:
            await play(protocol, sock, far)
        finally:
            transport.abort()
            await asyncio.sleep(0.001)
            far.close()
        assert near.fileno() < 0

    run(main())


def test_reading_waits_for_writing(run: Any, stage: Any, wire: Any) -> None:
    """When TLS has to write before it can read, reading goes on once it can; a pause meanwhile is kept."""

    async def play(protocol: Any, sock: Any, far: socket.socket) -> None:
        far.send(b"x")
        await stage.until(lambda: protocol.data == b"one")
        assert next(sock.reads, None) is None

    async def paused(protocol: Any, sock: Any, far: socket.socket) -> None:
        protocol.transport.pause_reading()
        protocol.transport._read_waits = True
        protocol.transport.write(b"x")
        protocol.transport._watch()
        await asyncio.sleep(0.01)
        assert (protocol.data, sock.sent) == (b"", [b"x"])

    played(run, wire, play, reads=[ssl.SSLWantWriteError(), b"one"])
    played(run, wire, paused, reads=[b"one"])


def test_writing_waits_for_reading(run: Any, stage: Any, wire: Any) -> None:
    """When TLS has to read before it can write, writing goes on once it can, also while the protocol pauses."""

    async def play(protocol: Any, sock: Any, far: socket.socket) -> None:
        protocol.transport.pause_reading()
        protocol.transport.write(b"one")
        protocol.transport.write(b"two")
        await asyncio.sleep(0.01)
        assert (sock.sent, protocol.transport.get_write_buffer_size()) == ([], 6)
        far.send(b"x")
        await stage.until(lambda: sock.sent == [b"one", b"tw", b"o"])
        await stage.until(lambda: protocol.transport.get_write_buffer_size() == 0)

    played(run, wire, play, sends=[ssl.SSLWantReadError(), ssl.SSLWantReadError(), 3, 2])


def test_zero_return(run: Any, stage: Any, wire: Any) -> None:
    """A goodbye that is raised is an end like any other."""

    async def play(protocol: Any, _: Any, far: socket.socket) -> None:
        far.send(b"x")
        await stage.until(lambda: protocol.lost)
        assert protocol.events == ["eof", ("lost", type(None))]

    played(run, wire, play, reads=[ssl.SSLZeroReturnError()])


def test_fair(run: Any, wire: Any) -> None:
    """However much there is to read or to send, one connection takes a bounded piece in a turn of the loop."""

    async def play(protocol: Any, sock: Any, far: socket.socket) -> None:
        far.send(b"x")
        protocol.transport.write(bytes(100 * RECORD))
        pieces = []
        for _ in range(50):
            before = len(protocol.data) // RECORD, len(sock.sent)
            await asyncio.sleep(0)
            pieces.append((len(protocol.data) // RECORD - before[0], len(sock.sent) - before[1]))
        assert max(read for read, _ in pieces) == 16
        assert max(sent for _, sent in pieces) == 16
        assert len(sock.sent) == 100

    played(run, wire, play, reads=iter(lambda: bytes(RECORD), None), sends=iter(lambda: RECORD, None))
