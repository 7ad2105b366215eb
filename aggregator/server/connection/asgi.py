"""A request that takes the ASGI way: its scope, and uvicorn's cycle of request and response."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol
from urllib.parse import unquote

from msgspec import Struct
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from aggregator.http import HeaderList
from aggregator.runtime.endpoint.handler import TLS_CLIENT
from aggregator.runtime.streams.transit import CLOSE_DELIMITED
from aggregator.server.connection.flow import Flow

Cycle = RequestResponseCycle
_VERSIONS = {"version": "3.0", "spec_version": "2.3"}
_log = logging.getLogger("uvicorn.error")


class Connection(Protocol):
    """The part of a connection that an ASGI request uses."""

    config: Config
    server_state: ServerState
    app_state: dict[str, Any]
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    flow: Flow
    server: tuple[str, int] | None
    client: tuple[str, int] | None
    scheme: str
    tls_client: dict[str, Any] | None

    def close_gently(self) -> None:
        """Close when the client has had the answer."""

    def reset(self) -> None:
        """Reset the connection, so that the client sees that the answer is incomplete."""

    def on_response_complete(self) -> None:
        """Continue with the next request, or wait for one."""


class Head(Struct, frozen=True):
    """The head of a request, as far as ASGI wants it; *target* begins with the path."""

    method: str
    target: bytes
    headers: HeaderList
    version: str
    keep_alive: bool
    expects_continue: bool


class GentleTransport:
    """The part of a transport that uvicorn's cycle uses; closing lets a client that still sends read the answer."""

    __slots__ = ("_connection", "is_closing", "write")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        """Close when the client has had the answer."""
        self._connection.close_gently()


def begin_asgi(connection: Connection, head: Head) -> Cycle:
    """Start the application on a request in a task, and return its cycle."""
    cycle = RequestResponseCycle(
        scope=_scope(connection, head), transport=GentleTransport(connection),  # type: ignore[arg-type]
        flow=connection.flow, logger=_log, access_logger=_log, access_log=False,  # type: ignore[arg-type]
        default_headers=connection.server_state.default_headers, message_event=asyncio.Event(),
        expect_100_continue=head.expects_continue, keep_alive=head.keep_alive,
        on_response=connection.on_response_complete,
    )  # fmt: skip
    app: Any = connection.config.loaded_app
    if head.version == "1.0":
        app = _Unchunked(app, cycle, connection)
    tasks = connection.server_state.tasks
    task = connection.loop.create_task(cycle.run_asgi(app))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return cycle


def _scope(connection: Connection, head: Head) -> Any:
    raw_path, _, query = head.target.partition(b"?")
    path = raw_path.decode("ascii")
    return {
        "type": "http", "asgi": _VERSIONS, "http_version": head.version, "method": head.method,
        "scheme": connection.scheme, "server": connection.server, "client": connection.client, "root_path": "",
        "path": unquote(path) if "%" in path else path, "raw_path": raw_path, "query_string": query,
        "headers": head.headers, "state": connection.app_state.copy(), CLOSE_DELIMITED: True,
        TLS_CLIENT: connection.tls_client,
    }  # fmt: skip


class _Unchunked:
    """An application whose answers of unknown length end with the connection: HTTP/1.0 has no chunks (RFC 9112 §6).

    One that breaks off is reset, so that nobody takes a part of it for the whole.
    """

    def __init__(self, app: Any, cycle: Cycle, connection: Connection) -> None:
        self._app = app
        self._cycle = cycle
        self._connection = connection
        self._is_sized = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def unchunked(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._is_sized = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
                if not self._is_sized:
                    self._cycle.chunked_encoding = False
            elif not self._is_sized:
                self._cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, unchunked)
        finally:
            if not (self._is_sized or self._cycle.response_complete):
                self._connection.reset()
