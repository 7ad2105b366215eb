"""TLS handshakes of clients: bounded in number and time, and in their share of a turn of the loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from aggregator.runtime.answers.answer import problem
from aggregator.server.connection.status_lines import STATUS_LINES
from aggregator.server.limiting.peers import Peers
from aggregator.server.listeners.beginnings import Beginnings, MakeProtocol, Stopped
from aggregator.transport.engine.opening.sockets import until
from aggregator.transport.tls.rounds import Round
from aggregator.transport.tls.transport import TlsTransport

_AT_ONCE = 4
"""Steps of handshakes in one turn of the loop: one takes up to 2 ms, for the signature of an RSA key."""
_LINGER = 1.0
_HELLO = b"\x16"
"""The first byte of TLS: a record of the handshake (RFC 8446 §5.1)."""
_PLAIN = "This port speaks TLS, and the request came without: ask for the same by https."

TellFailure = Callable[[str, str], None]


class Handshakes:
    """Makes TLS connections of sockets; the context is asked for anew each time. *peers* count them meanwhile,
    ``beginnings`` are those that have not shaken hands.

    States of one: waiting for its first byte; shaking hands; carried by a transport, or closed.
    """

    def __init__(
        self, context: Callable[[], ssl.SSLContext], peers: Peers, failed: TellFailure, refused: TellFailure
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._peers = peers
        self._failed = failed
        self._refused = refused
        self.beginnings = Beginnings()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._sending = Round(self._loop, TlsTransport.flush)

    def stop(self) -> None:
        """Cancel the handshakes under way."""
        self.beginnings.stop()

    async def carry(self, connection: socket.socket, client: str, protocol: MakeProtocol) -> None:
        """Do the TLS handshake on *connection*, of the address *client*, and hand it to a new protocol."""
        counted = self._peers.enter(client)
        if counted is None:
            connection.close()
            return
        try:
            wrapped = await self._shaken(connection, client)
        finally:
            if counted:
                self._peers.leave(counted)
        if wrapped is not None:  # the protocol counts the connection from here on
            TlsTransport(self._loop, wrapped, protocol(), self._sending)

    async def _shaken(self, connection: socket.socket, client: str) -> ssl.SSLSocket | None:
        """Return *connection* with TLS; None when it has been closed, or its client told that it speaks none."""
        try:
            return await self.beginnings.within(self._begin(connection, client))
        except Stopped:
            connection.close()
        except OSError as error:
            connection.close()
            self._failed(_reason(error), client)
        return None

    async def _begin(self, connection: socket.socket, client: str) -> ssl.SSLSocket | None:
        await until(self._loop, connection, "read")
        first = connection.recv(1, socket.MSG_PEEK)
        if not first:
            raise ConnectionResetError("gone before TLS")
        if first != _HELLO:
            self._refused(_PLAIN, client)
            await self._answer_plainly(connection)
            return None
        connection.getpeername()  # wrapping would fail of it with the descriptor in its hands
        wrapped = self._context().wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            await self._shake(wrapped)
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    async def _shake(self, wrapped: ssl.SSLSocket) -> None:
        while True:
            async with self._turns:
                try:
                    wrapped.do_handshake()
                except ssl.SSLWantReadError:
                    wanted = True
                except ssl.SSLWantWriteError:
                    wanted = False
                else:
                    return
                await asyncio.sleep(0)
            await until(self._loop, wrapped, "read" if wanted else "write")

    async def _answer_plainly(self, connection: socket.socket) -> None:
        """Answer a client that speaks plain HTTP on a TLS port with 400, and wait until it has read that."""
        answer = problem(400, _PLAIN, headers=[(b"connection", b"close")])
        lines = [name + b": " + value + b"\r\n" for name, value in answer.headers]
        length = b"content-length: %d\r\n\r\n" % len(answer.body)
        with suppress(OSError, TimeoutError):
            connection.send(b"".join([STATUS_LINES[400], *lines, length, answer.body]))
            connection.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(_LINGER):
                while True:
                    await until(self._loop, connection, "read")
                    if not connection.recv(64 * 1024):
                        break
        connection.close()


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "the connection ended").lower().replace("_", " ")
    return str(error) or "the connection ended"
