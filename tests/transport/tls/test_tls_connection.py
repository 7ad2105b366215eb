"""What a connection under TLS keeps for its round, and what it must not keep."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport import Caps
from aggregator.transport.engine.call import Ticket
from aggregator.transport.engine.lane import Lane
from aggregator.transport.replies import Reply
from aggregator.transport.tls.connection import TlsConnection
from aggregator.transport.tls.rounds import Round

HEAD, BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"


class Transport(asyncio.Transport):
    """Takes everything and notes when it is aborted."""

    aborted = False

    def write(self, data: Any) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.aborted = True


class Places(SimpleNamespace):
    """Stands in for the places of a pool: notes which connections come back, and how."""

    def __init__(self) -> None:
        super().__init__(settings=SimpleNamespace(caps=Caps()), released=[], dropped=[], timeouts=None)
        self.calls = Lane(1, 0, lambda _: None)
        self.parsing = Round(asyncio.get_running_loop(), TlsConnection.parse)

    def release(self, connection: TlsConnection, now: float) -> None:
        self.released.append(connection)

    def drop(self, connection: TlsConnection, *, gently: bool = False) -> None:
        self.dropped.append(connection)

    def leave(self, connection: TlsConnection) -> None:
        pass

    def forsake(self, ticket: Ticket) -> None:
        assert ticket.connection is not None
        ticket.connection.ticket = None


class Call:
    """A connection with a call on it; *outcomes* is what the call came to."""

    def __init__(self) -> None:
        self.places = Places()
        self.connection = TlsConnection(self.places, self.places.calls)  # type: ignore[arg-type]
        self.transport = Transport()
        self.connection.connection_made(self.transport)
        self.outcomes: list[Reply | CallError] = []

    def begin(self) -> Ticket:
        places: Any = self.places
        request, told = b"GET / HTTP/1.1\r\n\r\n", self.outcomes.append
        ticket = Ticket(places, places.calls, b"GET", request, 1e9, 1e9, 0.0, 0.0, repeatable=True, done=told)
        self.connection.send(ticket)
        return ticket


@pytest.fixture
def play(run: Any) -> Any:
    """Runs a coroutine function with a fresh connection."""

    def play(scene: Any) -> None:
        async def main() -> None:
            await scene(Call())

        run(main())

    return play


def test_parsed_in_the_next_turn(play: Any) -> None:
    """A reply is kept for the round and ends its call there."""

    async def scene(call: Call) -> None:
        call.begin()
        call.connection.data_received(HEAD + BODY)
        assert call.outcomes == []
        await asyncio.sleep(0)
        (reply,) = call.outcomes
        assert isinstance(reply, Reply)
        assert (reply.status, reply.body) == (200, BODY)
        assert call.places.released == [call.connection]

    play(scene)


def test_pieces_stay_in_order(play: Any) -> None:
    """What comes while a piece is kept is parsed after it; a large piece is not kept."""

    async def scene(call: Call) -> None:
        call.begin()
        call.connection.data_received(HEAD)
        call.connection.data_received(BODY)
        await asyncio.sleep(0)
        call.begin()
        call.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n")
        call.connection.data_received(bytes(20_000))
        assert [len(reply.body) for reply in call.outcomes if isinstance(reply, Reply)] == [2, 20_000]

    play(scene)


def test_unasked_bytes_answer_nobody(play: Any) -> None:
    """Bytes that come while no call is carried close the connection at once, and answer no call that comes then."""

    async def scene(call: Call) -> None:
        call.connection.data_received(HEAD + BODY)
        assert call.transport.aborted
        assert call.connection.spoke_first
        call.begin()
        await asyncio.sleep(0)
        assert call.outcomes == []

    play(scene)


def test_a_call_given_up(play: Any) -> None:
    """What is kept for a call that is given up is forgotten."""

    async def scene(call: Call) -> None:
        ticket = call.begin()
        call.connection.data_received(HEAD + BODY)
        ticket.cancel()
        await asyncio.sleep(0)
        assert (call.outcomes, call.places.released) == ([], [])

    play(scene)


@pytest.mark.parametrize("end", ["eof_received", "connection_lost"])
def test_the_end_comes_after_what_is_kept(play: Any, end: str) -> None:
    """A reply that is complete before the connection ends is a reply; one that is not has failed."""

    async def scene(call: Call) -> None:
        def finish() -> None:
            call.connection.eof_received() if end == "eof_received" else call.connection.connection_lost(None)

        call.begin()
        call.connection.data_received(HEAD + BODY)
        finish()
        assert isinstance(call.outcomes[0], Reply)

    async def cut(call: Call) -> None:
        call.begin()
        call.connection.data_received(HEAD + b"o")
        call.connection.connection_lost(None)
        assert isinstance(call.outcomes[0], CallError)
        assert call.outcomes[0].cause == Cause.INCOMPLETE

    play(scene)
    play(cut)


def test_a_fault_closes(stage: Any) -> None:
    """What goes wrong inside ends the connection, and is reported."""
    reports: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context["exception"]))
        call = Call()
        call.begin()
        call.connection.reader = None  # type: ignore[assignment]
        call.connection.data_received(HEAD)
        await asyncio.sleep(0)
        assert call.transport.aborted

    asyncio.run(main())
    assert [type(report) for report in reports] == [AttributeError]
