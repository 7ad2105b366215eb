"""The supervisor as a server: one listener, that of the address of administration."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from aggregator.plan.incoming.listening import ListenerTlsPlan
from aggregator.plan.serving import ServerPlan
from aggregator.server.connection.direct import DirectDoor
from aggregator.server.connection.guard import guarded_protocol
from aggregator.server.limiting.peers import Peers
from aggregator.server.listeners.contexts import listener_context
from aggregator.server.listeners.handshakes import Handshakes
from aggregator.server.listeners.opening import Listener
from aggregator.server.listeners.tcp import BACKLOG
from aggregator.server.process.accepting import Acceptor, Receive, hand_over
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.admin")
_KEEP_ALIVE = 75
_TO_END = 1
"""Seconds that answers have to come to their end when all has stopped."""


class AdminServer(uvicorn.Server):
    """uvicorn's server of *app* on *listener*, by what *plan* returns, which reloads change."""

    def __init__(self, app: ASGIApp, listener: Listener, plan: Callable[[], ServerPlan]) -> None:
        self._listener = listener
        self._plan = plan
        self._peers = Peers()
        self._tls: ListenerTlsPlan | None = None
        self._context: ssl.SSLContext | None = None
        self._handshakes: Handshakes | None = None
        protocol = guarded_protocol(
            plan().header_timeout, DirectDoor(lambda: None), self._peers, _refused, _cut, lambda *_: None
        )
        super().__init__(
            uvicorn.Config(
                app, http=protocol, log_config=None, access_log=False, server_header=False, proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE, lifespan="off", ws="none", backlog=BACKLOG,
                timeout_graceful_shutdown=_TO_END,
            )
        )  # fmt: skip

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the supervisor handles the signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections from the listener."""
        await super().startup(sockets)
        receive: Receive = hand_over
        if self._listener.is_tls:
            self._handshakes = Handshakes(self.spoken, self._peers, _unshaken, partial(_refused, 400))
            receive = self._handshakes.carry
        acceptor = Acceptor(self._listener.socket, self._connection, receive=receive)
        self.servers.append(acceptor)  # type: ignore[arg-type]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and close connections whose TLS handshake has not ended."""
        if self._handshakes is not None:
            self._handshakes.stop()
        await super().shutdown(sockets)

    def spoken(self) -> ssl.SSLContext:
        """Return the context of connections, the last one while the file declares none. Raises ``StartupError``."""
        admin = self._plan().admin
        tls = None if admin is None else admin.tls
        if tls is not None and tls != self._tls:
            self._context, self._tls = listener_context(tls), tls
        assert self._context is not None
        return self._context

    def _connection(self, client: tuple[str, int] | None = None) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(self.config, self.server_state, self.lifespan.state)
        assert client is None  # nobody says PROXY to this address
        return made


async def serve_until(server: AdminServer, stopped: asyncio.Event) -> None:
    """Run *server* until *stopped* is set and the requests in flight have ended."""
    serving = asyncio.create_task(server.serve(sockets=[]))
    waiting = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        waiting.cancel()
        with suppress(SystemExit):  # so uvicorn says that it has not started
            await serving


def _refused(status: int, reason: str, client: str) -> None:
    log(_log, logging.INFO, "A request to the address of administration was refused.", status=status, reason=reason,
        by=client)  # fmt: skip


def _unshaken(reason: str, client: str) -> None:
    log(_log, logging.INFO, "A connection to the address of administration did not come about.", reason=reason,
        by=client)  # fmt: skip


def _cut(reason: str, client: str) -> None:
    log(_log, logging.INFO, "An answer of the address of administration was not taken.", reason=reason, by=client)
