"""Bodies that are handed on as they come: downloads, uploads, events; and how they end when something breaks."""

from __future__ import annotations

import select
import threading
import time
from contextlib import suppress

import pytest

ROUTES = """
client: {max_body: 1MB, timeout: 120s}
server: {max_body: 100MB}
background: {timeout: 2s}
upstreams:
  up: {url: "${UP}"}
  dead: {url: "http://127.0.0.1:1"}
endpoints:
  GET /download: {stream: true, call: up:/download}
  GET /gated: {stream: true, timeout: 120s, call: up:/gated}
  GET /huge: {stream: true, timeout: 10s, call: up:/huge}
  GET /cut: {stream: true, call: up:/cut}
  GET /cut-chunks: {stream: true, call: up:/cut-chunks}
  GET /nothing: {stream: true, call: up:/nothing}
  GET /dead: {stream: true, call: dead:/}
  GET /missing: {stream: true, call: up:/missing}
  GET /mapped: {stream: true, call: {url: up:/missing, status_map: {404: {status: 410, detail: "Gone: {{ this.body.why }}"}}}}
  GET /passed: {stream: true, call: {url: up:/missing, status_map: {404: {pass: true}}}}
  GET /unread: {stream: true, timeout: 400ms, call: up:/huge}
  GET /unread-idle: {stream: true, idle_timeout: 300ms, call: up:/huge}
  GET /late: {stream: true, timeout: 200ms, call: up:/held}
  GET /late-body: {stream: true, timeout: 1500ms, call: up:/gated}
  GET /events: {stream: true, idle_timeout: 800ms, call: up:/events}
  GET /rare-events: {stream: true, idle_timeout: 2s, call: up:/events}
  GET /both: {stream: true, idle_timeout: 300ms, timeout: 400ms, call: up:/events}
  POST /pausing: {stream: true, idle_timeout: 2s, forward: {body: true}, call: "POST up:/stalled"}
  POST /stalled: {stream: true, idle_timeout: 2s, forward: {body: true}, call: "POST up:/stalled"}
  GET /unsendable: {stream: true, call: "up:/download?q={query.q}"}
  GET /short-call: {stream: true, timeout: 5s, call: {url: up:/held, timeout: 200ms}}
  GET /beating: {stream: true, call: {url: up:/events, timeout: 200ms}}
  POST /answers-late: {stream: true, forward: {body: true}, call: {method: POST, url: up:/answers-late, timeout: 300ms}}
  POST /named: {stream: true, timeout: 300ms, forward: {body: true}, call: "POST up:/stalled"}
  POST /upload: {stream: true, max_body: 10MB, timeout: 120s, forward: {body: true}, call: "POST up:/upload"}
  DELETE /bodiless: {stream: true, forward: {body: true}, call: "DELETE up:/upload"}
  POST /capped: {stream: true, max_body: 100B, forward: {body: true}, call: "POST up:/upload"}
  POST /early: {stream: true, forward: {body: true}, call: "POST up:/early"}
  GET /named/{name}:
    stream: true
    call: {url: up:/download, headers: {x-name: "{{ name }}"}}
    response:
      status: "{{ 201 if query.new else calls.call.status }}"
      headers:
        content-disposition: 'attachment; filename="{{ name }}.csv"'
        content-type: "{{ query.type }}"
        x-size: "{{ calls.call.headers['content-length'] }}"
      pass_headers: {x-secret: first, etag: last, set-cookie: append}
    background: {method: POST, url: up:/sink, json: ["{{ name }}", "{{ calls.call.status }}", "{{ response.status }}"]}
  GET /always: {stream: true, call: up:/download, response: {status: 202}}
  GET /part: {stream: true, call: up:/part, response: {status: 202}}
  GET /filled: {stream: true, call: up:/nothing, response: {status: 200}}
  GET /emptied: {stream: true, call: up:/download, response: {status: "{{ 204 }}"}}
  GET /no-status: {stream: true, call: up:/download, response: {status: "{{ calls.call.status | string }}"}, status_map: {expression: 500}}
  GET /no-header: {stream: true, call: up:/download, response: {headers: {x-name: "{{ query.name }}"}}}
  GET /told:
    stream: true
    call: up:/download
    background: {method: POST, url: up:/sink, json: {status: "{{ response.status }}", type: "{{ response.headers['content-type'] }}"}}
  GET /hello: {respond: {body: 1}}
"""
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data):
    """Return *data* as a chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """An upstream whose bodies break off, wait, or do not end."""
    stage = shared_stage
    upstream = stage.upstream()
    upstream.answers = {
        "/download": stage.reply(body=b"abc", content_type="text/csv", etag='"1"', x_secret="no", set_cookie="a=1"),
        "/huge": [b"HTTP/1.1 200 OK\r\ncontent-length: 12000000\r\n\r\n", *[b"x" * 1_000_000] * 12],
        "/cut": [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", stage.CLOSE],
        "/cut-chunks": [CHUNKED + chunk(b"half"), stage.RESET],
        "/part": stage.reply(body=b"b", status=206, content_range="bytes 1-1/3"),
        "/nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/missing": stage.reply({"why": "sold out"}, 404),
        "/held": [stage.HANG],
        "/upload": lambda request: stage.reply({"size": len(request.body), "headers": request.headers}),
        "/early": ["before body", stage.reply({"no": "room"}, 507), stage.CLOSE],
        "/sink": stage.reply({}),
    }
    return upstream


@pytest.fixture(scope="module")
def gateway(shared_stage, upstream, door):
    """The server; a stream never takes the shorter way, whatever stands around it."""
    return shared_stage.gateway(ROUTES, upstream, door=door)


def test_a_download_keeps_what_describes_its_body(gateway):
    """Status, type, length and validators pass; cookies and everything else stay."""
    answer = gateway.get("/download")
    assert (answer.status, answer.body, answer["content-type"], answer["etag"]) == (200, b"abc", "text/csv", '"1"')
    assert (answer["content-length"], answer["x-secret"], answer["set-cookie"]) == ("3", None, None)
    assert answer["x-request-id"]


def test_a_download_has_one_type(gateway, upstream):
    """Of two content types the client hears of the first, as it does of a body that is not streamed."""
    before, head = upstream.answers["/download"], b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
    upstream["/download"] = head + b"Content-Type: text/html\r\ncontent-length: 2\r\n\r\nok"
    answer = gateway.get("/download")
    upstream["/download"] = before
    assert answer.all("content-type") == ["text/plain"]


@pytest.mark.parametrize("word", ["utf-8", "none", "binary", "identity"])
def test_a_word_that_is_no_coding_is_not_passed_on(gateway, upstream, stage, word):
    """Servers write it for a body without a coding; clients that are told of one try to undo it."""
    before = upstream.answers["/download"]
    upstream["/download"] = stage.reply(body=b"abc", content_encoding=word)
    answer = gateway.get("/download")
    upstream["/download"] = before
    assert (answer.status, answer.body, answer["content-encoding"]) == (200, b"abc", None)


def _told(upstream):
    """Return the bodies of background calls."""
    return [request.body for request in upstream.requests if request.target == "/sink"]


def test_a_download_has_a_name(gateway, upstream, stage):
    """Status and headers of the file read the inputs and the head of the upstream's answer; null ones are left out."""
    before = len(_told(upstream))
    answer = gateway.get("/named/report?new=1")
    assert (answer.status, answer.body, answer["content-type"]) == (201, b"abc", "text/csv")
    assert (answer["content-disposition"], answer["x-size"]) == ('attachment; filename="report.csv"', "3")
    assert (answer["x-secret"], answer["etag"], answer["set-cookie"]) == ("no", '"1"', "a=1")
    stage.until(lambda: b'["report",200,201]' in _told(upstream)[before:])
    plain = gateway.get("/named/report?type=text/plain")
    assert (plain.status, plain["content-type"]) == (200, "text/plain")


def test_a_path_parameter_reaches_the_call_of_a_stream(gateway, upstream, stage):
    """Also where it stands outside the URL."""
    gateway.get("/named/report")
    asked = next(request for request in reversed(upstream.requests) if request.target == "/download")
    assert asked["x-name"] == "report"


@pytest.mark.parametrize(
    ("target", "status", "body", "length"),
    [
        ("/always", 202, b"abc", "3"),
        ("/part", 206, b"b", "1"),
        ("/filled", 200, b"", "0"),
        ("/emptied", 204, b"", None),
    ],
)
def test_a_stream_has_the_status_of_the_file(gateway, target, status, body, length):
    """But a part of a body stays 206; and the length fits whatever is sent."""
    wire = gateway.wire()
    answer = wire.ask("GET", target)
    assert (answer.status, answer.body, answer["content-length"]) == (status, body, length)
    assert wire.ask("GET", "/hello").status == 200


@pytest.mark.parametrize(
    ("target", "status", "detail"),
    [
        ("/no-status", 500, "The expression for the status of the answer did not give a status."),
        (
            "/no-header?name=a%0Ab",
            400,
            "The query parameter `name` does not fit: a header value cannot hold a line break or another control character.",
        ),
    ],
)
def test_a_head_that_cannot_be_made_is_a_failure(gateway, target, status, detail):
    """Nothing has been sent yet, so it is a problem document, by the status map of the endpoint."""
    answer = gateway.get(target)
    assert (answer.status, answer.detail, answer.json["part"]) == (status, detail, "response")


def test_pieces_arrive_as_they_come(gateway, upstream, stage):
    """What the upstream has sent is there before the rest exists."""
    gate = threading.Event()
    upstream["/gated"] = [CHUNKED + chunk(b"one"), gate, chunk(b"two") + b"0\r\n\r\n"]
    wire = gateway.wire().write("GET", "/gated")
    wire.until(b"\r\n\r\n")
    assert wire.take(8) == b"3\r\none\r\n"
    assert wire.silent
    gate.set()
    assert wire.take(13) == b"3\r\ntwo\r\n0\r\n\r\n"
    assert wire.ask("GET", "/hello").status == 200


@pytest.mark.long
def test_a_slow_reader_holds_the_upstream_back(gateway, upstream, stage):
    """Of twelve megabytes only some are on their way while nobody reads: the client's pace is the upstream's."""
    wire = gateway.wire(receive_buffer=65536).write("GET", "/huge")
    wire.until(b"\r\n\r\n")
    time.sleep(0.3)
    connections = gateway.service.server.server_state.connections
    assert max(c.transport.get_write_buffer_size() for c in connections) < 2_000_000
    assert len(wire.take(12_000_000)) == 12_000_000


def test_head_reads_no_body(gateway, upstream, stage):
    """HEAD gives the head of the stream and ends the upstream call."""
    wire = gateway.wire()
    answer = wire.ask("HEAD", "/huge")
    assert (answer.status, answer["content-length"]) == (200, "12000000")
    assert wire.ask("GET", "/hello").status == 200
    stage.until(lambda: gateway.in_flight == 0)


def test_an_empty_stream(gateway):
    """204 from the upstream is 204, and the connection goes on."""
    wire = gateway.wire()
    assert (wire.ask("GET", "/nothing").status, wire.ask("GET", "/hello").status) == (204, 200)


@pytest.mark.parametrize(
    ("target", "status", "detail"),
    [
        ("/dead", 502, "The upstream refused the connection."),
        ("/missing", 404, "The upstream 'up' did not find it."),
        ("/mapped", 410, "Gone: sold out"),
        ("/late", 504, "The upstream did not answer in time."),
        ("/unsendable", 400, "The query parameter `q` does not fit: `{query.q}` in a URL is missing."),
        ("/short-call", 504, "The upstream did not answer in time."),
    ],
)
def test_what_fails_before_the_first_byte_is_a_problem(gateway, target, status, detail):
    """Until something has been sent, a failure is answered like that of any call, by the same status map."""
    answer = gateway.get(target)
    assert (answer.status, answer.detail) == (status, detail)


def test_a_failure_may_be_let_through(gateway):
    """`pass: true` gives the client status and body of the upstream."""
    answer = gateway.get("/passed")
    assert (answer.status, answer.json) == (404, {"why": "sold out"})


@pytest.mark.long
@pytest.mark.parametrize("target", ["/cut", "/cut-chunks", "/late-body"])
def test_half_a_body_is_never_taken_for_a_whole_one(gateway, upstream, stage, target):
    """A body that breaks off, or takes longer than the deadline, cuts the connection, with one calm line in the log."""
    upstream["/gated"] = [CHUNKED + chunk(b"one"), threading.Event()]
    stage.until(lambda: gateway.in_flight == 0)
    gateway.records.clear()
    wire = gateway.wire().write("GET", target)
    assert wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    rest = wire.rest()
    assert not rest.endswith(b"0\r\n\r\n")
    assert len(rest) < 100
    stage.until(lambda: gateway.said("An answer was cut off."))
    told = [r for r in gateway.records if "The event loop was blocked" not in r.getMessage()]  # a busy machine says so
    assert [(r.levelname, bool(r.exc_info)) for r in told] == [("WARNING", False)]
    stage.until(lambda: gateway.in_flight == 0)


@pytest.mark.long
def test_a_stream_may_take_longer_than_its_call(gateway, upstream):
    """The timeout of the call is for the first byte; nobody wrote a deadline, so the stream ends when it is through."""
    beats = [step for _ in range(8) for step in (chunk(b"data: 1\n\n"), 0.05)]
    upstream["/events"] = [CHUNKED, *beats, b"0\r\n\r\n"]
    answer = gateway.get("/beating")
    assert (answer.status, answer.body.count(b"data: 1")) == (200, 8)


@pytest.mark.long
def test_the_first_byte_is_awaited_from_the_end_of_the_upload(gateway, upstream, stage):
    """A body that takes longer than the call's timeout is no failure; an upstream that is silent after it is: 504."""
    gate = threading.Event()
    upstream["/answers-late"] = [gate, stage.reply(body=b"done")]

    def answered():
        wire = gateway.wire().write("POST", "/answers-late", "content-length: 10")
        for _ in range(10):
            time.sleep(0.05)
            wire.send(b"x")
        return wire.reply().body

    gate.set()
    stage.until(lambda: answered() == b"done")  # on a machine that stands still an upstream is silent, too
    gate.clear()
    answer = gateway.ask("POST", "/answers-late", body=b"x")
    gate.set()
    assert (answer.status, answer.json["cause"]) == (504, "deadline")


@pytest.mark.long
def test_a_deadline_blames_the_side_that_was_slow(gateway, upstream, stage):
    """When it is over while the client owes its body, the answer is 408; when the upstream owes its own, 504."""
    upstream["/stalled"] = ["before body", threading.Event()]
    slow = gateway.wire().write("POST", "/named", "content-length: 50").send(b"x").reply()
    assert (slow.status, slow.detail) == (408, "The request body took too long to arrive.")
    answer = gateway.ask("POST", "/named", body=b"x")
    assert (answer.status, answer.detail) == (504, "The upstream did not answer in time.")


def _cut_while_unread(gateway, stage):
    """Return the line of an answer that nobody read until its deadline."""
    before = len(gateway.said("An answer was cut off."))
    with gateway.wire(receive_buffer=65536).write("GET", "/unread") as wire:
        wire.until(b"\r\n\r\n")
        stage.until(lambda: gateway.in_flight == 0)
        lines = gateway.said("An answer was cut off.")[before:]
        return next((line for line in lines if line["endpoint"] == "GET /unread"), {})


@pytest.mark.long
def test_a_deadline_blames_a_client_that_does_not_read(gateway, stage):
    """The upstream has more to send, so it was not late: the answer is cut off, and the log says who was slow."""
    blamed = "The client took the answer too slowly."
    stage.until(
        lambda: _cut_while_unread(gateway, stage).get("reason") == blamed
    )  # the upstream that had no time is late


@pytest.mark.long
def test_the_line_of_a_stream_that_was_cut_says_how_much_of_it_had_left(gateway, stage):
    """That is all that the client has of the body, and what it was too slow to take."""
    lines = []
    stage.until(lambda: lines.append(_cut_while_unread(gateway, stage)) or lines[-1].get("cause") == "client_slow")
    assert lines[-1]["size"] > 65536


@pytest.mark.long
def test_a_client_may_pause_for_longer_than_the_idle_timeout(gateway):
    """The upstream is held back meanwhile, so it has not fallen silent."""
    wire = gateway.wire(receive_buffer=65536).write("GET", "/unread-idle")
    wire.until(b"\r\n\r\n")
    time.sleep(0.5)
    assert len(wire.take(12_000_000)) == 12_000_000


@pytest.mark.long
def test_events_may_take_for_ever_but_not_fall_silent(gateway, upstream, stage):
    """With an idle timeout a stream has no deadline; silence beyond it ends the stream."""
    beats = [step for _ in range(4) for step in (chunk(b"data: 1\n\n"), threading.Event())]
    upstream["/events"] = [CHUNKED, *beats]
    wire = gateway.wire().write("GET", "/rare-events")
    wire.until(b"\r\n\r\n")
    started = time.monotonic()
    for beat in beats[1:-1:2]:
        time.sleep(0.7)
        beat.set()
    assert wire.rest().count(b"data: 1") == 4
    assert time.monotonic() - started > 2.0


@pytest.mark.long
def test_an_upload_may_not_stand_still(gateway, upstream, stage):
    """An upstream that takes nothing of a body for the idle timeout fails the call: 504."""
    upstream["/stalled"] = ["before body", threading.Event()]
    wire = gateway.wire().write("POST", "/stalled", "content-length: 50000000")
    wire.socket.setblocking(False)
    while not select.select([wire.socket], [], [], 0.01)[0]:
        with suppress(BlockingIOError):
            wire.socket.send(b"x" * 100_000)
    wire.socket.settimeout(30)
    answer = wire.reply()
    assert (answer.status, answer.json["cause"], answer["connection"]) == (504, "write_timeout", "close")


@pytest.mark.long
def test_a_client_may_not_fall_silent_in_its_upload(gateway, upstream, stage):
    """A body of which nothing comes for the idle timeout ends the call, and frees what it held: 408."""
    upstream["/stalled"] = ["before body", threading.Event()]
    answer = gateway.wire().write("POST", "/stalled", "content-length: 50").send(b"x").reply()
    assert (answer.status, answer["connection"]) == (408, "close")
    stage.until(lambda: gateway.in_flight == 0)


@pytest.mark.long
def test_an_upload_may_pause_while_its_answer_goes_on(gateway, upstream, stage):
    """A client that listens is not silent: the idle timeout counts from what moved last, either way."""
    beats = [step for _ in range(5) for step in (chunk(b"data: 1\n\n"), 0.45)]
    upstream["/stalled"] = ["before body", CHUNKED, *beats, threading.Event()]
    started = time.monotonic()
    body = gateway.wire().write("POST", "/pausing", "content-length: 50").send(b"x").rest()
    assert body.count(b"data: 1") == 5
    assert time.monotonic() - started > 2.0


@pytest.mark.long
def test_a_declared_deadline_holds_for_events_too(gateway, upstream):
    """With both, the stream ends at the deadline although it is never silent."""
    beats = [step for _ in range(200) for step in (chunk(b"data: 1\n\n"), 0.05)]
    upstream["/events"] = [CHUNKED, *beats]
    started = time.monotonic()
    gateway.wire().write("GET", "/both").rest()
    assert time.monotonic() - started < 10  # the beats go on for as long


def test_a_client_that_goes_ends_the_stream(gateway, upstream, stage):
    """A hang-up in the middle of a stream closes the upstream connection long before its deadline."""
    upstream["/gated"] = [CHUNKED + chunk(b"one"), threading.Event()]
    hung_up = upstream.hung_up
    wire = gateway.wire().write("GET", "/gated")
    wire.until(b"one")
    wire.close()
    stage.until(lambda: upstream.hung_up > hung_up)
    stage.until(lambda: gateway.in_flight == 0)


def test_an_upload_keeps_its_length(gateway):
    """A body with a length goes up with that length, one without goes up in chunks; both arrive whole."""
    sized = gateway.ask("POST", "/upload", "content-type: image/png", body=b"x" * 3_000_000).json
    headers = dict(sized["headers"])
    assert (sized["size"], headers["content-length"], headers["content-type"]) == (3_000_000, "3000000", "image/png")
    lines = ["transfer-encoding: chunked", "content-encoding: gzip"]
    chunked = gateway.ask("POST", "/upload", *lines, body=chunk(b"abc") + chunk(b"def") + b"0\r\n\r\n").json
    headers = dict(chunked["headers"])
    assert (chunked["size"], headers.get("content-length"), headers["content-encoding"]) == (6, None, "gzip")


def test_a_request_without_a_body_goes_up_without_one(gateway):
    """A stream that passes bodies on announces none to the upstream when the client sent none."""
    seen = gateway.ask("DELETE", "/bodiless").json
    assert (seen["size"], dict(seen["headers"]).get("transfer-encoding")) == (0, None)


@pytest.mark.long
def test_an_upload_waits_for_the_upstream(gateway, upstream, stage):
    """A body is not piled up here while the upstream does not take it."""
    received = len(upstream.requests)
    upstream["/upload-held"] = ["before body", threading.Event()]
    routes = "endpoints: {POST /x: {stream: true, max_body: 100MB, timeout: 2s, forward: {body: true}, call: 'POST up:/upload-held'}}"
    slow = stage.gateway(routes, upstream)
    wire = slow.wire()
    wire.write("POST", "/x", "content-length: 50000000")
    stage.until(lambda: len(upstream.requests) > received)
    wire.socket.setblocking(False)
    sent = 0
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        try:
            sent += wire.socket.send(b"x" * 100_000)
        except BlockingIOError:
            time.sleep(0.01)
    assert sent < 20_000_000
    wire.close()
    stage.until(lambda: slow.in_flight == 0)


@pytest.mark.parametrize("lines", [["content-length: 101"], ["transfer-encoding: chunked"]])
def test_a_large_upload_is_refused(gateway, upstream, stage, lines):
    """One byte over the cap is 413, announced or not, and the connection ends."""
    wire = gateway.wire().write("POST", "/capped", *lines)
    wire.send(chunk(b"x" * 101) if "chunked" in lines[0] else b"x" * 101)
    answer = wire.reply()
    assert (answer.status, answer["connection"]) == (413, "close")
    assert wire.ended
    stage.until(lambda: gateway.in_flight == 0)


def test_a_client_that_goes_during_its_upload(gateway, upstream, stage):
    """The upstream call ends with it."""
    wire = gateway.wire().write("POST", "/upload", "content-length: 1000000").send(b"x" * 1000)
    stage.until(lambda: gateway.in_flight == 1)
    wire.close()
    stage.until(lambda: gateway.in_flight == 0)


def test_an_answer_before_the_end_of_the_upload(gateway, stage):
    """An upstream that refuses early is heard; the rest of the body is not waited for."""
    wire = gateway.wire().write("POST", "/early", "content-length: 1000000").send(b"x" * 1000)
    answer = wire.reply()
    assert (answer.status, answer["connection"]) == (502, "close")
    assert wire.ended


def test_background_calls_follow_a_stream(gateway, upstream, stage):
    """They see status and headers of what was streamed."""
    before = len(_told(upstream))
    gateway.get("/told")
    stage.until(lambda: b'{"status":200,"type":"text/csv"}' in _told(upstream)[before:])


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [
        (None, "identity"),
        ("gzip, br", "gzip"),
        ("br", "identity"),
        ("gzip;q=0, br", "identity"),
        ("gzip;q=0.5", "gzip"),
    ],
)
def test_the_client_can_read_the_coding(gateway, upstream, accepted, asked):
    """The body is not decoded on its way, so no coding is asked for that the client does not take."""
    gateway.get("/download", *([f"accept-encoding: {accepted}"] if accepted else []))
    assert upstream.last["accept-encoding"] == asked


def test_streams_do_not_leak_connections(gateway, upstream, stage):
    """After every kind of end the pools are as they were."""
    for target in ("/download", "/missing", "/cut", "/dead", "/nothing", "/no-status", "/emptied"):
        gateway.wire().write("GET", target).until(b"\r\n\r\n")
    stage.until(lambda: gateway.in_flight == 0)
    stage.until(lambda: all((pool.active, pool.waiting) == (0, 0) for pool in gateway.app.running.pools))


def test_streams_over_a_stock_client(stage, upstream):
    """Over httpx a stream behaves the same: pieces, failures before and after the first byte."""
    gateway = stage.gateway(ROUTES.replace("{max_body: 1MB,", "{transport: httpx,"), upstream)
    assert gateway.get("/download").body == b"abc"
    assert gateway.get("/missing").status == 404
    wire = gateway.wire().write("GET", "/cut")
    wire.until(b"\r\n\r\n")
    assert wire.rest() == b"half"
    sized = gateway.ask("POST", "/upload", body=b"x" * 1000).json
    assert sized["size"] == 1000
