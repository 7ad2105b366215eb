"""A client connection without a socket: the server's protocol over a transport that a test holds in its hand.

Time is that of a loop whose clock leaps (tests/leaping.py), so that ten seconds are over at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer
from aggregator.server.connection.direct import DirectDoor
from aggregator.server.connection.guard import guarded_protocol
from aggregator.server.limiting.load import Load
from aggregator.server.limiting.peers import Peers

DATE = (b"date", b"today")
"""The field that every answer of these connections begins with."""


class Endpoint:
    """An endpoint at every path: it answers at once with *answer*, or when ``waiting`` ones are called.

    *told* are the ends of its requests, by their path, *seen* what came: path, query and fields.
    """

    is_direct = True
    plan = SimpleNamespace(key="GET /")

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer
        self.waiting: list[Callable[[Answer, None], None]] = []
        self.told: list[str] = []
        self.seen: list[tuple[str, bytes, Any]] = []

    def open(self, method: str, path: str, query: bytes, headers: Any, *rest: Any) -> Exchange:
        """Return the exchange of a request."""
        self.seen.append((path, query, headers))
        return Exchange(method, path, query, headers, id="1")

    def begin(self, exchange: Exchange, loop: Any, answered: Callable[[Answer, None], None]) -> Any:
        """Answer, or wait."""
        if self.answer is None:
            self.waiting.append(answered)
        else:
            answered(Answer(self.answer.status, self.answer.headers, self.answer.content, self.answer.tail), None)
        return SimpleNamespace(cancel=lambda: self.told.append(f"{exchange.path} cancelled"))

    def finish(self, exchange: Exchange, answer: Answer) -> None:
        """Add what each answer of the endpoint carries."""
        answer.headers = [*answer.headers, (b"x-each", b"1")]

    def after(self, exchange: Exchange, answer: Answer, run: None, size: int) -> None:
        """Note an answer with the bytes of its body."""
        self.told.append(f"{exchange.path} {answer.status} {size}")

    def gone(self, exchange: Exchange) -> None:
        """Note a hang-up."""
        self.told.append(f"{exchange.path} gone")


class Generation:
    """A configuration with one *endpoint*."""

    preflights = None

    def __init__(self, endpoint: Endpoint, load: Load | None = None) -> None:
        self.endpoint, self.load = endpoint, load
        self.in_flight = 0
        self.index = self

    def find(self, method: str, path: bytes) -> Any:
        """Return the endpoint, which is at every path."""
        return self.endpoint, ()

    def leave(self) -> None:
        """Forget a request."""
        self.in_flight -= 1


class Client:
    """One connection of a client at *address*, made in the running loop.

    *got* is what the client was sent, *untaken* how many bytes of it wait, *events* what happened to the connection, with
    the time, *told* what the log was told, *refused* what is known of requests that were refused.
    """

    def __init__(
        self, endpoint: Endpoint | None = None, *, address: Any = ("192.0.2.1", 5000), load: Load | None = None,
        peers: Peers | None = None, state: ServerState | None = None, app: Any = None, is_tls: bool = False,
        kept: int = 75,
    ) -> None:  # fmt: skip
        self.loop = asyncio.get_running_loop()
        self.got = b""
        self.untaken = 0
        self.events: list[tuple[str, float]] = []
        self.told: list[tuple[Any, ...]] = []
        self.refused: list[Exchange] = []
        self.closing = False
        self.is_tls = is_tls
        self.extras: dict[str, Any] = {"peername": address, "sockname": ("192.0.2.9", 80)}
        self.generation = None if endpoint is None else Generation(endpoint, load)
        config = uvicorn.Config(app, log_config=None, timeout_keep_alive=kept)
        config.loaded_app = app
        self.state = state or ServerState()
        self.state.default_headers = [DATE]
        door = DirectDoor(lambda: self.generation)  # type: ignore[arg-type, return-value]
        tell = lambda *said: self.told.append(said)  # noqa: E731
        made = guarded_protocol(10.0, door, peers or Peers(), tell, tell, self._finish)
        self.protocol: Any = made(config, self.state, {}, _loop=self.loop)
        self.protocol.connection_made(self)

    def _finish(self, exchange: Exchange, answer: Answer) -> None:
        self.refused.append(exchange)

    def note(self, what: str) -> None:
        """Remember that *what* happens now."""
        self.events.append((what, self.loop.time()))

    def send(self, data: bytes) -> None:
        """Send *data* to the server."""
        self.protocol.data_received(data)

    def leave(self) -> None:
        """Hang up."""
        self.protocol.connection_lost(None)

    # What the protocol asks of a transport.

    def write(self, data: bytes) -> None:
        """Take *data*."""
        self.got += data

    def writelines(self, pieces: list[bytes]) -> None:
        """Take *pieces*."""
        self.got += b"".join(pieces)

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return self.closing

    def close(self) -> None:
        """Close."""
        self.closing = True
        self.note("closed")

    def abort(self) -> None:
        """Cut."""
        self.closing = True
        self.note("cut")

    def can_write_eof(self) -> bool:
        """Return whether one direction may end before the other one."""
        return not self.is_tls

    def write_eof(self) -> None:
        """End what is sent."""
        self.note("ended")

    def pause_reading(self) -> None:
        """Read no more."""
        self.note("paused")

    def resume_reading(self) -> None:
        """Read again."""
        self.note("resumed")

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that wait for the client."""
        return self.untaken

    def get_extra_info(self, name: str) -> Any:
        """Return what is known of the connection."""
        return self.extras.get(name)


async def seconds(count: float) -> None:
    """Let so many seconds pass."""
    await asyncio.sleep(count)


async def a_turn() -> None:
    """Let the loop have one turn."""
    await asyncio.sleep(0)
