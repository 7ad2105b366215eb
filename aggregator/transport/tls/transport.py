"""A TLS connection as an asyncio transport that reads and writes its socket through OpenSSL itself.

The loops' own TLS takes two buffers in memory, several calls and a raised exception for each answer; this one
takes a call to read and one to write. To its protocol it is like any other transport (PEP 3156).
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aggregator.transport.tls.rounds import Round
from aggregator.transport.wire.flow_control import FlowControl

_RECORD = 16 * 1024  # RFC 8446 §5.1; OpenSSL takes and gives no more at a time, and holds nothing back of it
_TURN = 16  # records in one turn of the loop, so that a large body does not keep the others waiting

_NOBODY = asyncio.Protocol()

_EXTRA: dict[str, Callable[[ssl.SSLSocket], Any]] = {
    "socket": lambda sock: sock,
    "ssl_object": lambda sock: sock,
    "sslcontext": lambda sock: sock.context,
    "peercert": lambda sock: sock.getpeercert(),
    "cipher": lambda sock: sock.cipher(),
    "peername": lambda sock: sock.getpeername(),
    "sockname": lambda sock: sock.getsockname(),
}


def _is_end(error: OSError) -> bool:
    """Return whether *error* is an end of the stream without a goodbye; Python before 3.12.3 calls a reset the same."""
    return isinstance(error, ssl.SSLEOFError) and (bool(error.reason) or ssl.OPENSSL_VERSION_INFO < (3,))


def _as_reset(error: OSError) -> OSError:
    return ConnectionResetError("reset under TLS") if isinstance(error, ssl.SSLEOFError) else error


class TlsTransport(FlowControl):
    """Carries *protocol* over *sock*, whose handshake is done.

    What is small enough goes out by the round *sending*, whose act is `flush`. OpenSSL may have to read before it
    can write, and the other way round: then *_write_waits* or *_read_waits*.
    """

    __slots__ = (
        "_closing", "_fd", "_lost", "_paused", "_queue", "_read", "_read_waits", "_reader", "_send", "_sending",
        "_sock", "_write_waits", "_writer",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: ssl.SSLSocket,
        protocol: asyncio.Protocol,
        sending: Round[TlsTransport],
    ) -> None:
        super().__init__(loop, protocol)
        self._sending = sending
        self._sock = sock
        self._fd = sock.fileno()
        inner = getattr(sock, "_sslobj", sock)  # has the same methods, in C: a tenth of what TLS costs a call
        self._read, self._send = inner.read, inner.write
        self._queue: deque[bytes | memoryview] = deque()
        self._reader: Callable[[TlsTransport], None] | None = None
        self._writer = self._read_waits = self._write_waits = False
        self._paused = self._closing = self._lost = False
        protocol.connection_made(self)
        self._watch()

    def __repr__(self) -> str:
        return f"<TlsTransport fd={self._fd}{' closing' if self._closing else ''}>"

    def __del__(self) -> None:
        if self._sock.fileno() >= 0:
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self, stacklevel=2)
            self._sock.close()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return *default* also for what a connection that is lost cannot tell any more."""
        if self._lost or name not in _EXTRA:
            return default
        try:
            return _EXTRA[name](self._sock)
        except OSError:
            return default

    # Reading.

    def is_reading(self) -> bool:
        """Return whether the protocol gets what arrives."""
        return not self._paused and not self._closing

    def pause_reading(self) -> None:
        """Leave arriving bytes in the socket."""
        self._paused = True
        self._watch()

    def resume_reading(self) -> None:
        """Read what arrives, and what has arrived meanwhile."""
        self._paused = False
        self._watch()

    def _readable(self) -> None:
        for _ in range(_TURN):
            try:
                data = self._read(_RECORD)
            except OSError as error:
                self._unread(error)
                return
            if not data:
                self._end()
                return
            try:
                self._protocol.data_received(data)
            except Exception as error:
                self._crash(error)
            if len(data) < _RECORD or self._paused or self._closing:
                return

    def _unread(self, error: OSError) -> None:
        """Wait or fail, by the *error* for which nothing could be read."""
        if isinstance(error, ssl.SSLWantReadError):
            return  # half a record, or one of TLS's own, such as a ticket
        if isinstance(error, ssl.SSLWantWriteError):
            self._read_waits = True
            self._watch()
        elif isinstance(error, ssl.SSLZeroReturnError):
            self._end()
        else:  # anybody on the way can end a connection: without a goodbye it is no end (RFC 9112 §9.8)
            self._fail(error if _is_end(error) else _as_reset(error))

    def _end(self) -> None:
        """Close after the other side, which has said its goodbye."""
        self._tell(self._protocol.eof_received)
        self.close()

    # Writing.

    def can_write_eof(self) -> bool:
        """Return false: TLS ends in both directions at once."""
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*, in the next round or when the socket takes it; nothing once the transport closes."""
        if self._closing or not data:
            return
        if self._queue or len(data) > _RECORD or data.__class__ is not bytes:
            self._line_up(memoryview(data if isinstance(data, bytes) else bytes(data)))
        else:
            self._queue.append(data)
            self._size = len(data)
            self._sending.add(self)
        if self._size > self._high:
            self._stall()

    def _line_up(self, data: memoryview) -> None:
        self._queue.append(data)
        self._size += len(data)
        if len(self._queue) == 1:
            self.flush()

    def flush(self) -> None:
        """Send of what waits as much as the socket takes and one turn may; what OpenSSL refuses it wants again."""
        queue, left = self._queue, _TURN
        while queue and left:
            left -= 1
            piece = queue[0]
            try:
                sent = self._send(piece if len(piece) <= _RECORD else piece[:_RECORD])
            except OSError as error:
                self._unsent(error)
                break
            self._size -= sent
            if sent == len(piece):
                queue.popleft()
            else:
                queue[0] = memoryview(piece)[sent:]
        if queue or self._writer or self._stalled or self._closing:
            self._flushed()

    def _flushed(self) -> None:
        self._relieve()
        if self._closing and not self._queue:
            self._bid_farewell()
        self._watch()

    def _unsent(self, error: OSError) -> None:
        """Wait or fail, by the *error* for which nothing could be sent."""
        if isinstance(error, ssl.SSLWantReadError):
            self._write_waits = True
        elif not isinstance(error, ssl.SSLWantWriteError):
            self._fail(_as_reset(error))

    # The end.

    def is_closing(self) -> bool:
        """Return whether it is closed, or will be."""
        return self._closing

    def close(self) -> None:
        """Close once everything is sent, with a goodbye of TLS; the other side's is not waited for."""
        if not self._closing:
            self._closing = True
            self._read_waits = False
            if self._queue:
                self._watch()
            else:
                self._bid_farewell()

    def abort(self) -> None:
        """Close now; what waits is not sent."""
        self._fail(None)

    def _bid_farewell(self) -> None:
        if not self._lost:
            with suppress(OSError, ValueError):
                self._sock.unwrap()
            self._fail(None)

    def _fail(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._read_waits = self._write_waits = self._stalled = False
        self._queue.clear()
        self._size = 0
        self._watch()
        self._loop.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        protocol, self._protocol = self._protocol, _NOBODY
        try:
            protocol.connection_lost(error)
        finally:
            self._sock.close()

    # What the loop is asked for, and what it calls.

    def _watch(self) -> None:
        reader: Callable[[TlsTransport], None] | None = None
        if self._write_waits:
            reader = TlsTransport._write_on
        elif not (self._paused or self._closing or self._read_waits):
            reader = TlsTransport._readable
        if reader != self._reader:
            self._reader = reader
            if reader is not None:
                self._loop.add_reader(self._fd, reader, self)
            else:
                self._loop.remove_reader(self._fd)
        writer = self._read_waits or (bool(self._queue) and not self._write_waits)
        if writer != self._writer:
            self._writer = writer
            if writer:
                self._loop.add_writer(self._fd, self._writable)
            else:
                self._loop.remove_writer(self._fd)

    def _write_on(self) -> None:
        self._write_waits = False
        self.flush()

    def _writable(self) -> None:
        if self._read_waits:
            self._read_waits = False
            if not self._paused:
                self._readable()
        self.flush()
