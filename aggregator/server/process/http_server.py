"""uvicorn's server around our listeners: how it accepts, drains and leaves."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from aggregator.server.application.serving import Application
from aggregator.server.listeners.handshakes import Handshakes, TellFailure
from aggregator.server.listeners.opening import Listener
from aggregator.server.process.accepting import Acceptor
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
_LAST_MOMENT = 1.0
"""Seconds that background calls get of their own, when requests have used up the grace."""


class Server(uvicorn.Server):
    """uvicorn's server that says 503 on /readyz before it stops accepting, and leaves with 0 when a signal asks."""

    def __init__(
        self, config: uvicorn.Config, app: Application, listeners: Sequence[Listener], plain: TellFailure,
        unshaken: TellFailure,
    ) -> None:  # fmt: skip
        super().__init__(config)
        self._app = app
        self._listeners = listeners
        self._plain, self._unshaken = plain, unshaken
        self._handshakes: Handshakes | None = None
        self._context: ssl.SSLContext | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `Service`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and accept from the listeners by a loop of our own."""
        if sys.platform == "win32":  # its loop watches no sockets
            await super().startup([listener.socket for listener in self._listeners])
            return
        await super().startup(sockets)
        self.servers += [self._acceptor(listener) for listener in self._listeners]  # type: ignore[misc]

    def _acceptor(self, listener: Listener) -> Acceptor:
        if not listener.is_tls:
            return Acceptor(listener.socket, self._connection)
        if self._handshakes is None:
            self._current_context()
            self._handshakes = Handshakes(self._current_context, self._unshaken, self._plain)
        return Acceptor(listener.socket, self._connection, receive=self._handshakes.carry)

    def _current_context(self) -> ssl.SSLContext:
        """Return the context of the generation that serves; the last one when it has none, for which a restart asks."""
        generation = self._app.running.generation
        if generation is not None and generation.context is not None:
            self._context = generation.context
        assert self._context is not None
        return self._context

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and give up connections that do not speak TLS yet."""
        if self._handshakes is not None:
            self._handshakes.stop()
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        return protocol(self.config, self.server_state, self.lifespan.state)  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Begin to drain; asked a second time, leave at once."""
        running = self._app.running
        if running.draining:
            self.should_exit = self.force_exit = True
            running.stop_within(0.0)
            return
        running.draining = True
        log(_log, logging.INFO, "The server stops.", in_flight=running.in_flight)
        delay = running.plan.server.drain_delay
        if delay <= 0:
            self._leave()
            return
        log(_log, logging.INFO, "Draining: /readyz says 503 now.", seconds=delay)
        asyncio.get_running_loop().call_later(delay, self._leave)

    def _leave(self) -> None:
        if not self.should_exit:
            grace = self._app.running.plan.server.shutdown_grace
            self.config.timeout_graceful_shutdown = grace  # type: ignore[assignment]  # any number of seconds will do
            self._app.running.stop_within(grace + min(grace, _LAST_MOMENT))
            self.should_exit = True
