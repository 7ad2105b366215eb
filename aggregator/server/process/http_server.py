"""uvicorn's server around our listeners: how it accepts, drains and leaves."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from aggregator.edge.networks import NO_NETWORKS, Networks
from aggregator.server.application.serving import Application
from aggregator.server.listeners.handshakes import Handshakes, TellFailure
from aggregator.server.listeners.opening import Listener, Role
from aggregator.server.listeners.proxied import ProxyHeaders
from aggregator.server.process.accepting import Acceptor, Admission, Receive, hand_over
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
LAST_MOMENT = 1.0
"""Seconds that background calls get of their own, when requests have used up the grace."""


class Server(uvicorn.Server):
    """uvicorn's server that says 503 on /readyz before it stops accepting, and leaves with 0 when a signal asks.

    ``handshakes`` and ``proxy_headers`` are what connections of its listeners begin with.
    """

    def __init__(
        self, configs: Mapping[Role, uvicorn.Config], app: Application, listeners: Sequence[Listener],
        plain: TellFailure, unshaken: TellFailure,
    ) -> None:  # fmt: skip
        super().__init__(configs["public"])
        self._configs = configs
        self._app = app
        self._listeners = listeners
        self._plain, self._unshaken = plain, unshaken
        self.handshakes: dict[Role, Handshakes] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.proxy_headers: list[ProxyHeaders] = []
        self._trusted = NO_NETWORKS
        self.admission = Admission()
        """Asked before each connection is taken."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: `Service` handles the signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and accept connections by ``Acceptor`` in place of asyncio's servers."""
        if sys.platform == "win32":  # its loop watches no sockets
            await super().startup([listener.socket for listener in self._listeners])
            return
        await super().startup(sockets)
        self.servers += [self._acceptor(listener) for listener in self._listeners]  # type: ignore[misc]
        self.admission.begin()

    def _acceptor(self, listener: Listener) -> Acceptor:
        role = listener.role
        config = self._configs[role]
        if not config.loaded:
            config.load()
        receive: Receive = self._handshaking(role).carry if listener.is_tls else hand_over
        if listener.is_proxied:
            self._proxies()
            headers = ProxyHeaders(self._proxies, receive)
            self.proxy_headers.append(headers)
            receive = headers.receive
        return Acceptor(listener.socket, partial(self._connection, config), self.admission, receive)

    def _handshaking(self, role: Role) -> Handshakes:
        if role not in self.handshakes:
            self._context(role)
            protocol: Any = self._configs[role].http_protocol_class
            context = partial(self._context, role)
            self.handshakes[role] = Handshakes(context, protocol.peers, self._unshaken, self._plain)
        return self.handshakes[role]

    def _proxies(self) -> Networks:
        """Return who may send PROXY headers; the last ones once the file asks for none, for which a restart asks."""
        server = self._app.running.plan.server
        if server.proxy_protocol:
            self._trusted = server.trusted_proxies
        return self._trusted

    def _context(self, role: Role) -> ssl.SSLContext:
        """Return the context of the generation that serves; the last one when it has none, for which a restart asks."""
        generation = self._app.running.generation
        if generation is not None:
            self._contexts |= generation.contexts
        return self._contexts[role]

    @property
    def busy(self) -> int:
        """The number of connections, those being made included."""
        acceptors = (one for one in self.servers if isinstance(one, Acceptor))
        return len(self.server_state.connections) + sum(one.connecting for one in acceptors)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and close connections that are still in a TLS handshake or PROXY header."""
        begun: list[ProxyHeaders | Handshakes] = [*self.proxy_headers, *self.handshakes.values()]
        for one in begun:
            one.stop()
        await super().shutdown(sockets)

    def _connection(self, config: uvicorn.Config, client: tuple[str, int] | None = None) -> asyncio.Protocol:
        """Return a protocol for a connection, of the *client* that a proxy has named."""
        protocol: Any = config.http_protocol_class
        made = protocol(config, self.server_state, self.lifespan.state)
        if client is not None:
            made.client = client
        return made  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Begin to drain; called a second time, leave at once."""
        running = self._app.running
        if running.draining:
            self.should_exit = self.force_exit = True
            running.stop_within(0.0)
            return
        running.draining = True
        self.admission.leave()
        self.tell_stopping(running.in_flight)
        delay = running.plan.server.drain_delay
        if delay <= 0:
            self._leave()
            return
        log(_log, logging.INFO, "Draining: /readyz says 503 now.", seconds=delay)
        asyncio.get_running_loop().call_later(delay, self._leave)

    def tell_stopping(self, in_flight: int) -> None:
        """Log that the server stops, with *in_flight* requests left to answer."""
        log(_log, logging.INFO, "The server stops.", in_flight=in_flight)

    def _leave(self) -> None:
        if not self.should_exit:
            grace = self._app.running.plan.server.shutdown_grace
            self.config.timeout_graceful_shutdown = grace  # type: ignore[assignment]  # any number of seconds will do
            self._app.running.stop_within(grace + min(grace, LAST_MOMENT))
            self.should_exit = True
