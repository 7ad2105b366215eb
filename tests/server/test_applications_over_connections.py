"""Requests that take the ASGI way: what an application is told of them, and its answers as a client sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from leaping import in_leaps
from unplugged import Client, a_turn, seconds

GET = b"GET /a%20b%2Fc?x=%31 HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n"


class App:
    """An application that reads the body of each request and sends *messages*; it may raise in between."""

    def __init__(self, *messages: dict[str, Any] | Exception) -> None:
        self.messages = messages
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.bodies.append(body + b" and gone")
                return
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        for one in self.messages:
            if isinstance(one, Exception):
                raise one
            await send(one)


def start(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return the message that begins an answer."""
    return {"type": "http.response.start", "status": 200, "headers": headers}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    """Return the message of a piece of a body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


SIZED = (start((b"content-length", b"2")), body(b"ok"))
PIECES = (start(), body(b"o", more=True), body(b"k"))
OK = b"HTTP/1.1 200 OK\r\ndate: today\r\n"


async def asked(app: App, *requests: bytes, is_tls: bool = False) -> Client:
    """Return a client that has sent *requests*, each in its turn, a moment later."""
    client = Client(app=app, is_tls=is_tls)
    for request in requests:
        client.send(request)
        for _ in range(4):
            await a_turn()
    return client


@in_leaps
async def test_an_application_is_told_of_the_whole_request() -> None:
    """Its path decoded and as it was sent; fields in lower case, in order; who asks, and whom."""
    app = App(*SIZED)
    client = await asked(app, GET)
    (scope,) = app.scopes
    own = {name: scope.pop(name) for name in list(scope) if name not in KNOWN}
    assert scope == {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "server": ("192.0.2.9", 80), "client": ("192.0.2.1", 5000), "root_path": "",
        "path": "/a b/c", "raw_path": b"/a%20b%2Fc", "query_string": b"x=%31", "headers": [(b"host", b"a"), (b"x-y", b"z")],
        "state": {},
    }  # fmt: skip
    assert sorted(own.values(), key=str) == [None, True]  # no certificate of the client; answers may end by a close
    assert client.got == OK + b"content-length: 2\r\n\r\nok"


KNOWN = frozenset((
    "type", "asgi", "http_version", "method", "scheme", "server", "client", "root_path", "path", "raw_path",
    "query_string", "headers", "state",
))  # fmt: skip


@pytest.mark.parametrize(
    ("version", "messages", "written", "is_last"),
    [
        ("1.1", SIZED, OK + b"content-length: 2\r\n\r\nok", False),
        ("1.1", PIECES, OK + b"transfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", False),
        ("1.0", SIZED, OK + b"content-length: 2\r\nconnection: close\r\n\r\nok", True),
        ("1.0", (start((b"Content-Length", b"2")), body(b"ok")), OK + b"content-length: 2\r\nconnection: close\r\n\r\nok", True),
        ("1.0", PIECES, OK + b"connection: close\r\n\r\nok", True),
    ],
)  # fmt: skip
@in_leaps
async def test_an_answer_of_unknown_length_ends_by_its_chunks_or_its_connection(
    version: str, messages: Sequence[dict[str, Any]], written: bytes, is_last: bool
) -> None:
    """HTTP/1.0 has no chunks; whatever has a length is written by it in both."""
    client = await asked(App(*messages), f"GET /a HTTP/{version}\r\nhost: a\r\n\r\n".encode())
    await seconds(0)
    assert (client.got, client.closing) == (written, is_last)


@pytest.mark.parametrize(
    ("messages", "is_reset"),
    [((start(), body(b"o", more=True), RuntimeError()), True), ((*PIECES, RuntimeError()), False)],
)
@pytest.mark.filterwarnings("ignore")
@in_leaps
async def test_a_part_without_length_is_not_taken_for_the_whole(messages: Any, is_reset: bool) -> None:
    """The connection is reset, not closed, unless the answer was whole before the fault."""
    options: list[Any] = []

    class Socket:
        def setsockopt(self, *option: Any) -> None:
            options.append(option)

    client = Client(app=App(*messages))
    client.extras["socket"] = Socket()
    client.send(b"GET /a HTTP/1.0\r\n\r\n")
    await seconds(0.1)
    assert (len(options) == 1, ("cut", 0.0) in client.events) == (is_reset, is_reset)


@pytest.mark.parametrize(
    "pieces", [(b"content-length: 4\r\n\r\n", b"ab", b"cd"), (b"transfer-encoding: Chunked\r\n\r\n2\r\nab\r", b"\n2\r\ncd\r\n0\r\n\r\n")]
)  # fmt: skip
@in_leaps
async def test_a_body_reaches_the_application_as_it_comes(pieces: tuple[bytes, ...]) -> None:
    """The next request is begun behind it."""
    app = App(*SIZED)
    first, *rest = pieces
    client = await asked(app, b"POST /a HTTP/1.1\r\nhost: a\r\n" + first, *rest, GET)
    assert (app.bodies, client.got.count(OK), client.closing) == ([b"abcd", b""], 2, False)


@in_leaps
async def test_who_hangs_up_within_a_body_is_gone_to_the_application() -> None:
    """What has come before is there."""
    app = App(*SIZED)
    client = await asked(app, b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab")
    client.leave()
    await seconds(0.1)
    assert (app.bodies, client.got, client.state.tasks) == ([b"ab and gone"], b"", set())


@pytest.mark.parametrize(("expects", "says"), [("100-Continue", True), ("100-continues", False)])
@in_leaps
async def test_a_client_that_expects_to_continue_is_told_to(expects: str, says: bool) -> None:
    """Once the body is read; the connection ends with the answer, since what follows may be a body that was not sent."""
    head = f"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nExpect: {expects}\r\n\r\n".encode()
    client = await asked(App(*SIZED), head, b"ok")
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n" if says else b""
    last = b"connection: close\r\n" if says else b""
    assert client.got == go_on + OK + b"content-length: 2\r\n" + last + b"\r\nok"
    assert client.closing is says


@pytest.mark.parametrize(
    ("head", "is_last"),
    [
        ("GET /a HTTP/1.1\r\nhost: a\r\n", False), ("GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", True),
        ("GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n", True),
        ("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n", True),
    ],
)  # fmt: skip
@in_leaps
async def test_what_ends_a_connection(head: str, is_last: bool) -> None:
    """The client's word, the older protocol, and an upgrade that is not taken: nobody knows what follows that."""
    client = await asked(App(*SIZED), head.encode() + b"\r\n")
    assert (client.got.endswith(b"connection: close\r\n\r\nok"), client.closing) == (is_last, is_last)


@in_leaps
async def test_reading_stops_while_an_application_has_enough_to_read() -> None:
    """More than 64 KiB that it has not read; it goes on when it reads."""
    app = App(*SIZED)
    found = []
    for size in (65_536, 65_537):
        client = Client(app=app)
        client.send(b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 70000\r\n\r\n")
        client.send(b"x" * size)
        found.append(list(client.events))
        await seconds(0.1)
        client.send(b"x" * (70_000 - size))
        await seconds(0.1)
        found.append(client.events)
        assert client.got.startswith(OK)
    assert found == [[], [], [("paused", 0.2)], [("paused", 0.2), ("resumed", 0.2)]]
    assert app.bodies == [b"x" * 70_000] * 2
