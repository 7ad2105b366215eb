"""A socket that speaks TLS: wrapped, shaken hands with and never blocking; the connector asks for it.

What is read and written goes through OpenSSL straight to the descriptor, with no buffer of ours between.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Literal

from aggregator.transport.engine.opening.sockets import until


class TlsSocket(ssl.SSLSocket):
    """A TLS socket whose encrypted bytes may be asked for: `recv` with flags does not go through TLS."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As its parent without *flags*, as a plain socket with them (``MSG_PEEK``)."""
        return socket.socket.recv(self, buflen, flags) if flags else super().recv(buflen)


async def open_tls(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, context: ssl.SSLContext, server_name: str
) -> ssl.SSLSocket:
    """Return the TLS socket that takes the place of *sock*, which is connected and never blocks.

    Raises OSError, of which ssl.SSLError is one, and UnicodeError for a name that cannot be asked for.
    Then, and when cancelled, the connection is closed.
    """
    try:
        _check(sock, server_name)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wrapped = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=server_name)
    except BaseException:
        sock.close()
        raise
    try:
        while (wanted := _shake(wrapped)) is not None:
            await until(loop, wrapped, wanted)
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def _check(sock: socket.socket, server_name: str) -> None:
    """Fail of what wrapping would fail of, when it has taken the descriptor and can only lose it."""
    server_name.encode("idna")
    try:
        sock.getpeername()
    except OSError:
        raise ConnectionResetError("gone before TLS") from None


def _shake(sock: ssl.SSLSocket) -> Literal["read", "write"] | None:
    """Continue the handshake; return what to wait for (``read`` or ``write``), None when it is done."""
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return "read"
    except ssl.SSLWantWriteError:
        return "write"
    except ssl.SSLEOFError:
        raise ConnectionResetError("gone during TLS") from None
    return None
