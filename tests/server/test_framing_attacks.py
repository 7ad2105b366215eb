"""Requests that mean different things to different parsers, and floods: each is refused or served as one request."""

from __future__ import annotations

import ssl
import time

import pytest
from tiers import other_cell

from aggregator.server.connection import timeouts
from aggregator.server.connection.intake import MAX_FIELDS, MAX_HEAD, MAX_TARGET

ROUTES = """
server: {header_timeout: 120s, body_timeout: 120s, max_body: 1000B}
endpoints:
  GET /hello: {respond: {body: {hello: world}}}
  GET /call: {call: up:/ok}
  GET /slow: {call: up:/slow}
  GET /after: {call: up:/after}
  POST /unread: {call: "POST up:/ok"}
  POST /read: {call: {method: POST, url: up:/ok, json: "{{ body }}"}}
  GET /headers: {respond: {body: {evil: "{{ headers['x-evil'] | default('none') }}"}}}
"""


@pytest.fixture(scope="module")
def upstream(shared_stage):
    upstream = shared_stage.upstream()
    upstream["/ok"] = shared_stage.reply({"ok": True})
    return upstream


@pytest.fixture(
    scope="module", params=["direct", *(other_cell(way) for way in ("asgi", "tls", "proxied", "proxied+tls"))]
)
def door(request):
    """Each way to an endpoint, and the first one through TLS, behind a PROXY header, and both."""
    return request.param


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    return shared_stage.gateway(ROUTES, upstream, door=door)


@pytest.fixture(scope="module")
def hasty(shared_stage, upstream, door):
    """A server that leaves clients half a second; the other one has patience with those that a busy machine holds up."""
    return shared_stage.gateway(ROUTES.replace("_timeout: 120s", "_timeout: 500ms"), upstream, door=door)


def head(*lines, first="POST /unread HTTP/1.1"):
    return "\r\n".join([first, "Host: gateway", *lines, "", ""]).encode("latin-1")


REFUSED = {
    "length and chunks": head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\nGET /hello HTTP/1.1\r\n",
    "chunks and length": head("Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
    "two lengths": head("Content-Length: 5", "Content-Length: 6") + b"abcdef",
    "a list of lengths": head("Content-Length: 5, 5") + b"abcde",
    "a length with a sign": head("Content-Length: +5") + b"abcde",
    "a negative length": head("Content-Length: -1"),
    "a length in hex": head("Content-Length: 0x5") + b"abcde",
    "a length without end": head("Content-Length: " + "9" * 30),
    "space before the colon": head("Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "another coding": head("Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "chunked is not last": head("Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n",
    "a folded line": head("X-A: b", " c: d"),
    "NUL in a value": head("X-A: b\0c"),
    "NUL in a name": head("X\0A: b"),
    "a bare CR in a value": head("X-A: b\rc"),
    "a control character in a value": head("X-A: b\x01c"),
    "a name with a space": head("X A: b"),
    "a line without a colon": head("just text"),
    "no host": b"GET /hello HTTP/1.1\r\n\r\n",
    "two hosts": head("Host: other", first="GET /hello HTTP/1.1"),
    "an empty host": b"GET /hello HTTP/1.1\r\nHost: \r\n\r\n",
    "a host that is a URL": b"GET /hello HTTP/1.1\r\nHost: a/b?c#d@e\r\n\r\n",
    "a target with a host that is none": head(first="GET http://a<b/hello HTTP/1.1"),
    "a target with a user": head(first="GET http://user@other/hello HTTP/1.1"),
    "a target of another scheme": head(first="GET ftp://other/hello HTTP/1.1"),
    "a target of no form": head(first="GET hello HTTP/1.1"),
    "an asterisk": head(first="GET * HTTP/1.1"),
    "CONNECT": head(first="CONNECT other:443 HTTP/1.1"),
    "a method that is none": head(first="GE(T /hello HTTP/1.1"),
    "a long method": head(first="A" * 1000 + " /hello HTTP/1.1"),
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another protocol": head(first="GET /hello HTTQ/1.1"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.fixture
def short_last_words(monkeypatch):
    """A TLS client that is refused has a moment to read it, not a second: what it sends has come before that begins."""
    monkeypatch.setattr(timeouts, "LAST_WORDS", 0.05)


@pytest.mark.usefixtures("short_last_words")
@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_could_be_two_is_refused(gateway, name):
    """One answer, 400, dated, then the end of the connection; nothing is begun."""
    wire = gateway.wire().send(REFUSED[name])
    answer = wire.reply()
    assert (answer.status, answer["connection"], answer["content-type"]) == (400, "close", "application/problem+json")
    assert answer["date"].endswith(" GMT")
    assert wire.ended
    assert gateway.in_flight == 0


BAD_CHUNKS = {
    "no CRLF after the data": b"5\r\nabcdeXX0\r\n\r\n",
    "a size with a prefix": b"0x5\r\nabcde\r\n0\r\n\r\n",
    "a size with an underscore": b"5_0\r\nabcde\r\n0\r\n\r\n",
    "a size with a sign": b"+5\r\nabcde\r\n0\r\n\r\n",
    "a size without end": b"f" * 17 + b"\r\nabcde",
    "a bare LF": b"5\nabcde\n0\n\n",
}


@pytest.mark.usefixtures("short_last_words")
@pytest.mark.parametrize("target", ["/read", "/unread"])
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_chunks_that_are_none_end_the_connection(gateway, stage, name, target):
    """A broken body is 400 and the end, whether the endpoint reads it or not; nothing in it is taken for a request."""
    start = head("Transfer-Encoding: chunked", "Content-Type: application/json", first=f"POST {target} HTTP/1.1")
    wire = gateway.wire().send(start + BAD_CHUNKS[name] + b"GET /hello HTTP/1.1\r\nHost: gateway\r\n\r\n")
    assert wire.reply().status == 400
    assert wire.ended
    stage.until(lambda: gateway.in_flight == 0)


def test_equal_lengths_are_one(gateway):
    """The same length twice is refused like two different ones."""
    assert gateway.wire().send(head("Content-Length: 2", "Content-Length: 2") + b"{}").reply().status == 400


def test_nothing_is_served_after_the_last_answer(gateway, upstream):
    """What comes after a request that closes the connection is not executed."""
    for target in ("/hello", "/call"):
        last = head("Connection: close", first=f"GET {target} HTTP/1.1")
        wire = gateway.wire().send(last + head(first="GET /after HTTP/1.1"))
        assert wire.reply().status == 200
        assert wire.ended
    assert "/after" not in [request.target for request in upstream.requests]


def test_pipelined_requests_are_answered_once_and_in_order(gateway):
    """Ten requests in one packet get ten answers, in the order in which they were asked."""
    targets = ["/call", "/hello", "/headers", "/nope", "/hello"] * 2
    wire = gateway.wire().send(b"".join(head(first=f"GET {target} HTTP/1.1") for target in targets))
    bodies = [wire.reply().body[:7] for _ in targets]
    assert bodies == [b'{"ok": ', b'{"hello', b'{"evil"', b'{"type"', b'{"hello'] * 2
    assert wire.silent


def test_a_refusal_waits_for_the_answers_that_are_due(gateway, upstream, stage):
    """Garbage behind a request is not answered ahead of it: the answer comes, then the refusal, then the end."""
    gate = stage.gate()
    upstream["/slow"] = [gate, stage.reply({"slow": True})]
    wire = gateway.wire().send(head(first="GET /slow HTTP/1.1") + b"\0garbage\r\n\r\n")
    assert wire.silent
    gate.set()
    assert wire.reply().json == {"slow": True}
    assert wire.reply().status == 400
    assert wire.ended


def test_trailers_are_no_headers(gateway):
    """Fields after a chunked body are dropped: they reach no expression."""
    body = b"0\r\nX-Evil: yes\r\n\r\n"
    wire = gateway.wire().send(head("Transfer-Encoding: chunked", first="GET /headers HTTP/1.1") + body)
    assert wire.reply().json == {"evil": "none"}
    assert wire.ask("GET", "/hello").status == 200


def test_an_upgrade_is_not_taken(gateway):
    """A request that asks for another protocol gets a plain answer, and the connection ends."""
    lines = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]
    wire = gateway.wire().send(head(*lines, first="GET /hello HTTP/1.1"))
    answer = wire.reply()
    assert (answer.status, answer["upgrade"], answer["connection"]) == (200, None, "close")
    assert wire.ended


def test_trace_is_not_allowed(gateway):
    """TRACE, which would echo headers, is a method like any other that is not declared."""
    assert gateway.ask("TRACE", "/hello").status == 405


def test_a_target_in_absolute_form_is_understood(gateway):
    """A request written as for a proxy is served; its Host field, which may be another, is forgotten (RFC 9112 §3.2.2)."""
    assert gateway.get("http://gateway/hello").status == 200
    assert gateway.get("http://other/hello").status == 200
    assert gateway.get("http://GATEWAY/nope").status == 404


def test_limits_of_the_head(gateway):
    """Just below a limit a request is served; at the limit it is 414 or 431, quickly, with the connection closed."""
    long = "/hello?" + "a" * (MAX_TARGET - 7)
    assert [gateway.get(long).status, gateway.get(long + "a").status] == [200, 414]
    fields = [f"x-{n}: 1" for n in range(MAX_FIELDS - 1)]
    assert [gateway.get("/hello", *fields).status, gateway.get("/hello", *fields, "x: 1").status] == [200, 431]
    room = MAX_HEAD - len(head("x: ", first="GET /hello HTTP/1.1"))
    assert [gateway.get("/hello", "x: " + "a" * n).status for n in (room, room + 1)] == [200, 431]


def test_floods_of_headers_are_cut_early(gateway):
    """A megabyte of header, ten thousand fields and a thousand cookies are refused without being read to the end."""
    floods = (["x: " + "a" * 1_000_000], [f"x{n}: 1" for n in range(10_000)], [f"cookie: a{n}=1" for n in range(1000)])
    for lines in floods:
        started = time.monotonic()
        wire = gateway.wire()
        try:
            wire.write("GET", "/hello", *lines)
            assert wire.reply().status == 431
        except (ConnectionError, BrokenPipeError):
            pass  # closed while we were still talking
        assert time.monotonic() - started < 10


def test_a_trailer_flood_is_cut(gateway):
    """Fields after a body count like those before it."""
    wire = gateway.wire().send(head("Transfer-Encoding: chunked", first="GET /hello HTTP/1.1") + b"0\r\n")
    assert wire.reply().status == 200
    try:
        wire.send(b"X-A: " + b"a" * 100 * 1024 + b"\r\n")
    except ConnectionError:
        return
    assert wire.rest() is not None


@pytest.mark.long
def test_a_slow_head_is_cut(hasty):
    """A head that comes byte by byte has its time: 408 and the end; a fresh silent connection is just closed."""
    wire = hasty.wire().send(b"GET /hello HTTP/1.1\r\nHo")
    silent = hasty.wire()
    assert wire.reply().status == 408
    assert wire.ended
    assert silent.ended


@pytest.mark.long
def test_a_slow_second_head_is_cut_too(hasty):
    """The time is counted anew for each request of a connection."""
    wire = hasty.wire()
    assert wire.ask("GET", "/hello").status == 200
    time.sleep(0.1)
    assert wire.send(b"GET /hel").reply().status == 408
    assert wire.ended


@pytest.mark.long
def test_a_slow_body_is_cut(hasty, upstream):
    """A body that does not come is 408 before any call, where the endpoint reads it; the connection ends."""
    calls = len(upstream.requests)
    wire = hasty.wire().write("POST", "/read", "content-type: application/json", "content-length: 100")
    answer = wire.reply()
    assert (answer.status, answer["connection"]) == (408, "close")
    assert wire.ended
    assert len(upstream.requests) == calls


@pytest.mark.long
@pytest.mark.parametrize("target", ["/hello", "/call"])
def test_a_body_that_nobody_reads_holds_nothing(hasty, target):
    """A request that announces a body and sends none is answered at once, and its connection is not kept for ever."""
    wire = hasty.wire().write("GET", target, "content-length: 1000000")
    assert wire.reply().status == 200
    started = time.monotonic()
    assert wire.ended
    assert time.monotonic() - started > 0.1


@pytest.mark.long
def test_a_dripping_unread_body_is_cut(hasty):
    """A byte now and then does not prolong the time of a body that nobody reads."""
    wire = hasty.wire().write("GET", "/hello", "content-length: 1000000")
    assert wire.reply().status == 200
    started = time.monotonic()
    with pytest.raises((ConnectionError, ssl.SSLEOFError)):  # noqa: PT012 - which of the bytes meets the closed connection is not known
        while time.monotonic() - started < 30:
            wire.send(b"x")
            time.sleep(0.05)
    assert time.monotonic() - started < 10


def test_an_unread_body_is_no_request(gateway):
    """The body of a request that was answered early is passed over, up to its end, and then the next one counts."""
    body = b"GET /nope HTTP/1.1\r\nHost: gateway\r\n\r\n"
    wire = gateway.wire().write("GET", "/hello", body=body)
    assert wire.reply().status == 200
    assert wire.ask("GET", "/hello").status == 200
    assert wire.silent


def test_expecting_to_continue(gateway):
    """Who waits for 100 gets it when the body is wanted; after an answer without it the connection ends."""
    lines = ["expect: 100-continue", "content-type: application/json", "content-length: 2"]
    wire = gateway.wire().write("POST", "/read", *lines)
    assert wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.send(b"{}").reply().status == 200
    unread = gateway.wire().write("POST", "/unread", *lines)
    answer = unread.reply()
    assert (answer.status, answer["connection"]) == (200, "close")
    assert unread.ended


def test_tiny_chunks_cost_bounded_time(gateway, monkeypatch):
    """A body in chunks of one byte, which has no end, is refused at the cap; who reads it late reads it still."""
    monkeypatch.setattr(timeouts, "LAST_WORDS", 120.0)
    wire = gateway.wire().write("POST", "/read", "content-type: application/json", "transfer-encoding: chunked")
    wire.send(b"1\r\na\r\n" * 100_000)
    assert wire.reply().status == 413
    wire.close()


def test_chunk_extensions_are_bounded(gateway):
    """A megabyte of chunk extensions neither hangs nor crashes the server."""
    wire = gateway.wire().write("POST", "/read", "content-type: application/json", "transfer-encoding: chunked")
    try:
        wire.send(b"2;" + b"a" * 1_000_000 + b"\r\n{}\r\n0\r\n\r\n")
    except ConnectionError:
        return
    assert wire.reply().status == 431


def test_idle_connections_do_not_count(gateway):
    """Hundreds of idle keep-alive connections leave room for the next request."""
    idle = []
    for _ in range(300):
        idle.append(gateway.wire())
        assert idle[-1].ask("GET", "/hello").status == 200
    assert gateway.get("/call").status == 200
    for wire in idle:
        wire.close()


TOOK_NOTHING = "The client took nothing of it for 1 s."


@pytest.mark.long
def test_who_takes_nothing_of_a_stream_did_not_hang_up(stage, monkeypatch):
    """A stream that we cut because its client took nothing is told as that."""
    monkeypatch.setattr(timeouts, "SEND_TIMEOUT", 1.0)
    upstream = stage.upstream()
    upstream["/big"] = stage.reply("x" * 8_000_000)
    gateway = stage.gateway("endpoints: {GET /big: {call: up:/big, stream: true}}", upstream)
    gateway.wire(receive_buffer=4096).write("GET", "/big")
    stage.until(lambda: gateway.said("An answer was cut off."))
    assert gateway.said("An answer was cut off.")[0]["reason"] == TOOK_NOTHING
    assert gateway.said("The client hung up.") == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("GET  /hello HTTP/1.1", "two spaces"),
        ("GET /hello  HTTP/1.1", "two spaces"),
        ("GET\t/hello HTTP/1.1", "a tab"),
        ("GET /hello HTTP/1.1 ", "a space at the end"),
        ("GET /hello RTSP/1.0", "another protocol"),
        ("GET /hello ICE/1.0", "another protocol"),
        ("GET /hello#part HTTP/1.1", "a fragment"),
        ("GET /hello", "no version"),
    ],
)
def test_a_request_line_has_one_form(gateway, line, why):
    """Method, target without a fragment, version, one space between them (RFC 9112 §3), however it is cut: else 400."""
    whole = head(first=line)
    cuts = (0, 5, len(line), len(line) + 1)
    wires = [gateway.wire().send(whole[:cut]).send(whole[cut:]) for cut in cuts]
    assert [wire.reply().status for wire in wires] == [400] * 4
    assert all(wire.ended for wire in wires)


@pytest.mark.parametrize("cut", [1000, 32 * 1024, 1 << 20])
@pytest.mark.parametrize("start", [b"GET /hello HTTP/1.1\r\nx: ", b"GET /hello HTTP/1.1\r\n", b"\r\n\r\n"])
def test_a_head_without_end_is_refused_at_its_limit(gateway, start, cut):
    """A value, a name or empty lines that never end are 431, whatever the pieces they come in."""
    wire = gateway.wire().send(start)
    flood = (b"\r\n" if start[:1] == b"\r" else b"aa") * (MAX_HEAD + 1024)
    try:
        for at in range(0, len(flood), cut):
            wire.send(flood[at : at + cut])
    except ConnectionError:
        pass  # closed while we were still talking
    assert wire.reply().status == 431


def test_a_target_without_end_is_refused_as_such(gateway):
    """It is 414, also where it is longer than a whole head may be."""
    assert gateway.get("/" + "a" * 2 * MAX_HEAD).status == 414


def test_many_requests_in_one_packet_are_all_answered(gateway):
    """Thousands of requests sent at once are answered one after the other, each once."""
    wire = gateway.wire()
    wire.send(head(first="GET /hello HTTP/1.1") * 2000)
    assert [wire.reply().status for _ in range(2000)] == [200] * 2000
    assert wire.silent


def test_what_comes_behind_a_request_stays_bytes(gateway, upstream, stage):
    """While a request waits for its answer none of those behind it is parsed, and a bounded part of them is read."""
    gate = stage.gate()
    upstream["/slow"] = [gate, stage.reply({"slow": True})]
    wire = gateway.wire().send(head(first="GET /slow HTTP/1.1"))

    def waiting():
        return [one for one in gateway.connections if one._target == b"/slow" and one.is_answering]

    stage.until(waiting)
    (connection,) = waiting()
    wire.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        wire.send(head(first="GET /call HTTP/1.1") * 400_000)
    assert connection._intake.waiting < 1 << 20
    assert connection._target == b"/slow"
    assert connection.is_answering
    gate.set()
    wire.close()


def _is_read_slowly(stage, gateway):
    """Return whether a client gets the whole of an answer that it takes in pieces, for longer than it may take nothing."""
    with gateway.wire(receive_buffer=4096).write("GET", "/big") as slow:
        slow.until(b"\r\n\r\n")
        try:
            for _ in range(8):
                slow.take(400_000)
                time.sleep(0.15)
            return len(slow.take(8_000_002 - 8 * 400_000)) > 0
        except (stage.Incomplete, ConnectionError):
            return False


@pytest.mark.long
def test_who_takes_nothing_is_cut(stage, monkeypatch):
    """A client that does not read its answer is cut after a while, and one that reads slowly is not."""
    monkeypatch.setattr(timeouts, "SEND_TIMEOUT", 1.0)
    upstream = stage.upstream()
    upstream["/big"] = stage.reply("x" * 8_000_000)
    routes = "client: {max_body: 20MB}\nendpoints: {GET /big: {call: up:/big}}"
    for door in ("direct", "asgi"):
        gateway = stage.gateway(routes, upstream, door=door)
        deaf = gateway.wire(receive_buffer=4096).write("GET", "/big")
        stage.until(lambda g=gateway: _is_read_slowly(stage, g))  # a reader that is kept from reading is cut, too
        stage.until(lambda g=gateway: not g.connections)
        assert len(deaf.rest()) < 8_000_000
        assert gateway.in_flight == 0
        assert gateway.said("An answer was cut off.")[-1]["reason"] == TOOK_NOTHING
