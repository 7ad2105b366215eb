"""Connections that serve one request after another, for each version of HTTP and each way to end them."""

from __future__ import annotations

import pytest

ROUTES = """
endpoints:
  GET /hello: {respond: {body: {hello: world}}}
  GET /call: {call: up:/ok}
  GET /text: {call: up:/stream, stream: true}
  GET /broken: {call: up:/half, stream: true}
  GET /me: {call: up:/cookies, response: {pass_headers: {set-cookie: append}}}
"""


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream that sets a cookie, and echoes those that it gets."""
    upstream = shared_stage.upstream()
    upstream["/ok"] = shared_stage.reply({"ok": True})
    upstream["/cookies"] = lambda r: shared_stage.reply({"cookie": r["cookie"]}, set_cookie="session=secret; Path=/")
    upstream["/stream"] = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
    upstream["/half"] = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "close"]
    return upstream


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    """The server, reached by each door."""
    return shared_stage.gateway(ROUTES, upstream, door=door)


def test_a_connection_serves_many_requests(gateway, upstream):
    """A hundred requests need one connection to us, and one to the upstream."""
    accepted = upstream.accepted
    wire = gateway.wire()
    for number in range(100):
        assert wire.ask("GET", "/call" if number % 2 else "/hello").status == 200
    assert upstream.accepted - accepted <= 1


def test_a_close_that_was_asked_for(gateway):
    """Connection: close is answered in kind, and done."""
    wire = gateway.wire()
    answer = wire.ask("GET", "/call", "connection: close")
    assert answer.all("connection") == ["close"]
    assert wire.ended


def test_http_1_0(gateway):
    """A request of HTTP/1.0 needs no Host, and its connection ends with the answer, which is never chunked."""
    wire = gateway.wire().send(b"GET /call HTTP/1.0\r\n\r\n")
    answer = wire.reply()
    assert (answer.status, answer["connection"], answer["transfer-encoding"]) == (200, "close", None)
    assert wire.ended


def test_a_stream_of_unknown_length_ends_with_its_connection_of_http_1_0(gateway):
    """Nginx asks by HTTP/1.0 unless told otherwise: the body comes unchunked and complete, then the end."""
    wire = gateway.wire().send(b"GET /text HTTP/1.0\r\n\r\n")
    head, _, body = wire.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in head
    assert b"\r\nconnection: close" in head
    assert body == b"hello"


def test_a_stream_that_breaks_off_is_no_whole_answer_of_http_1_0(gateway):
    """Nothing but the end of the connection tells where such a body ends, so one that is not whole ends by a reset."""
    wire = gateway.wire().send(b"GET /broken HTTP/1.0\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        wire.take(1 << 20)


def test_an_unknown_version_is_refused(gateway):
    """What speaks neither 1.0 nor 1.1 is told so."""
    for version in ("0.9", "2.0"):
        wire = gateway.wire().send(f"GET /hello HTTP/{version}\r\nHost: gateway\r\n\r\n".encode())
        assert wire.reply().status in (400, 505)
        assert wire.ended


def test_requests_in_pieces(gateway):
    """A request may arrive byte by byte."""
    wire = gateway.wire()
    for byte in b"GET /call HTTP/1.1\r\nHost: gateway\r\n\r\n":
        wire.send(bytes([byte]))
    assert wire.reply().json == {"ok": True}


def test_cookies_never_pass_to_another_client(gateway):
    """A cookie that an upstream sets goes to the client that it was set for, and is sent for nobody."""
    first = gateway.get("/me")
    assert first.all("set-cookie") == ["session=secret; Path=/"]
    for _ in range(3):
        assert gateway.get("/me").json == {"cookie": None}


def test_cookies_stay_apart_with_names_too(stage):
    """The same holds for an upstream that is named by a host name instead of an address."""
    upstream = stage.upstream()
    upstream["/cookies"] = lambda r: stage.reply({"cookie": r["cookie"]}, set_cookie="session=secret")
    for transport in ("engine", "httpx"):
        routes = f"""
            client: {{transport: {transport}}}
            upstreams: {{up: {{url: "http://localhost:{upstream.port}"}}}}
            endpoints: {{GET /me: {{call: up:/cookies}}}}
        """
        gateway = stage.gateway(routes)
        assert [gateway.get("/me").json for _ in range(2)] == [{"cookie": None}] * 2


def test_a_client_that_only_sends_gets_its_answer(gateway):
    """A client may end its side of the connection after its request; where that is taken for a hang-up, no harm is done."""
    import socket

    wire = gateway.wire().write("GET", "/hello")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.reply().status == 200


def test_dates_and_names(gateway):
    """Answers have one Date and no word of what serves them."""
    answer = gateway.get("/call")
    assert len(answer.all("date")) == 1
    assert answer["server"] is None
