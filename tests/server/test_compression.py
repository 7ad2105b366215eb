"""Answers in a coding that their client takes, and request bodies that come in one; through the whole server."""

from __future__ import annotations

import gzip
import json
import random
import zlib

import brotli
import pytest
import zstandard

from aggregator import load_config
from aggregator.errors import ConfigError

BIG = {"words": ["compressible"] * 400}
FILE = """
server: {compress: {codings: [zstd, br, gzip], above: 1KiB}, max_body: 4KiB}
endpoints:
  GET /raw: {call: up:/json}
  GET /large: {call: up:/large}
  GET /small: {respond: {body: {a: 1}}}
  GET /tagged: {call: up:/json, response: {etag: true}}
  GET /secret: {call: up:/json, response: {compress: false}}
  GET /picture: {call: up:/picture}
  GET /fixed: {call: up:/json, response: {cache_control: no-transform}}
  GET /varied: {call: up:/json, response: {headers: {vary: origin}}}
  GET /stream: {stream: true, call: up:/stream}
  GET /sized: {stream: true, call: up:/json}
  GET /coded: {stream: true, call: up:/coded}
  GET /part: {stream: true, call: up:/part}
  POST /echo: {body: {type: object}, call: {url: up:/posted, json: "{{ body }}"}}
  POST /pass: {body: {type: object}, forward: {body: true}, call: up:/posted}
"""
UNDO = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """Answers of several kinds."""
    stage = shared_stage
    up = stage.upstream()
    large = {"rows": [random.Random(1).random() for _ in range(20_000)]}
    up["/json"] = stage.reply(BIG)
    up["/large"] = stage.reply(large)
    up["/picture"] = stage.reply(body=b"x" * 4000, content_type="image/png")
    up["/coded"] = stage.reply(body=gzip.compress(json.dumps(BIG).encode()), content_encoding="gzip")
    up["/part"] = stage.reply(
        body=b"x" * 4000, status=206, content_range="bytes 0-3999/9000", content_type="text/plain"
    )
    up["/posted"] = lambda request: stage.reply(
        {"got": request.body.decode("latin-1"), "as": request["content-encoding"]}
    )
    up.gate = stage.gate()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    up["/stream"] = [head + b"9\r\ndata: 1\n\n\r\n", up.gate, b"9\r\ndata: 2\n\n\r\n0\r\n\r\n"]
    return up


@pytest.fixture(scope="module")
def served(shared_stage, upstream, door):
    """A server that codes its answers, reached by each way."""
    return shared_stage.gateway(FILE, upstream, door=door)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("path", ["/raw", "/large"])
def test_an_answer_comes_in_the_coding_that_its_client_takes(served, coding, path):
    """Small and large ones (which a thread codes) are the same answer, in fewer bytes, and say so."""
    plain, coded = served.get(path), served.get(path, f"accept-encoding: {coding}")
    assert (coded["content-encoding"], coded["vary"], plain["vary"]) == (coding, "accept-encoding", "accept-encoding")
    assert UNDO[coding](coded.body) == plain.body
    assert len(coded.body) < len(plain.body)
    assert plain["content-encoding"] is None


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip, br, zstd", "zstd"),
        ("gzip, br;q=0.5", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0, identity", None),
        ("identity;q=0, gzip", "gzip"),
        ("deflate", None),
        ("GZIP", "gzip"),
    ],
)
def test_weights_decide_then_the_list(served, accepts, coding):
    """What the client likes most is sent; of several that it likes alike, the first of the file."""
    assert served.get("/raw", f"accept-encoding: {accepts}")["content-encoding"] == coding


@pytest.mark.parametrize("path", ["/small", "/secret", "/picture", "/fixed", "/part"])
def test_what_is_left_as_it_is(served, path):
    """Small ones, those that are switched off, pictures, `no-transform`, and parts of a body."""
    assert served.get(path, "accept-encoding: gzip, br, zstd")["content-encoding"] is None


def test_nothing_is_coded_twice(served):
    """A stream that the upstream has coded passes as it came."""
    reply = served.get("/coded", "accept-encoding: gzip, br, zstd")
    assert (reply["content-encoding"], json.loads(gzip.decompress(reply.body))) == ("gzip", BIG)


def test_vary_keeps_what_it_named(served):
    """The header names what the answer varied by already, too."""
    assert served.get("/varied", "accept-encoding: gzip")["vary"] == "origin, accept-encoding"


def test_tags_are_weak_and_still_match(served):
    """The tag of a coded answer is weak, and a client that has it gets 304 with the same one."""
    coded = served.get("/tagged", "accept-encoding: br")
    strong = served.get("/tagged")["etag"]
    assert coded["etag"] == f"W/{strong}"
    again = served.get("/tagged", "accept-encoding: br", f"if-none-match: {coded['etag']}")
    assert (again.status, again["etag"], again["vary"]) == (304, coded["etag"], "accept-encoding")
    assert served.get("/tagged", f"if-none-match: {strong}")["etag"] == strong


def test_a_head_request_tells_the_same(served):
    """HEAD has the length and coding of the GET."""
    get, head = (served.ask(method, "/raw", "accept-encoding: gzip") for method in ("GET", "HEAD"))
    assert [head[name] for name in ("content-encoding", "content-length")] == ["gzip", get["content-length"]]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_events_are_seen_at_once(shared_stage, upstream, coding):
    """Each piece of a stream is flushed: the first event is readable while the second has not happened."""
    upstream.gate.clear()
    gateway = shared_stage.gateway(FILE, upstream)
    wire = gateway.wire()
    wire.write("GET", "/stream", f"accept-encoding: {coding}")
    head = wire.until(b"\r\n\r\n")
    assert f"content-encoding: {coding}\r\n".encode() in head
    decoder = {
        "gzip": lambda: zlib.decompressobj(31).decompress, "br": lambda: brotli.Decompressor().process,
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
    }[coding]()  # fmt: skip
    text = b""
    while text != b"data: 1\n\n":
        text += decoder(wire.take(int(wire.until(b"\r\n"), 16)))
        wire.take(2)
    upstream.gate.set()
    while text != b"data: 1\n\ndata: 2\n\n":
        text += decoder(wire.take(int(wire.until(b"\r\n"), 16)))
        wire.take(2)


def test_a_stream_of_known_length_is_coded_without_it(served):
    """Its length is that of another body, so it goes in chunks."""
    reply = served.get("/sized", "accept-encoding: br")
    assert (reply["content-encoding"], reply["content-length"]) == ("br", None)
    assert json.loads(brotli.decompress(reply.body)) == BIG


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "x-gzip"])
def test_a_coded_request_body_is_read(served, coding):
    """A body in a coding is the same body."""
    text = b'{"a": 1}'
    made = {"br": brotli.compress, "zstd": zstandard.ZstdCompressor().compress, "deflate": zlib.compress}
    body = made.get(coding, gzip.compress)(text)
    reply = served.ask("POST", "/echo", "content-type: application/json", f"content-encoding: {coding}", body=body)
    assert reply.status == 200, reply.body
    assert json.loads(reply.json["got"]) == {"a": 1}


@pytest.mark.parametrize(
    ("coding", "body", "status", "detail"),
    [
        ("gzip", b"no gzip at all", 400, "The request body is not in the content coding that it claims."),
        (
            "gzip",
            gzip.compress(b'{"a": 1}', mtime=0)[:-9],
            400,
            "The request body is not in the content coding that it claims.",
        ),
        ("lzma", b"{}", 415, "Request bodies may have one content coding, of gzip, deflate, br, zstd."),
        (
            "gzip, gzip",
            gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0),
            415,
            "Request bodies may have one content coding",
        ),
        (
            "gzip",
            gzip.compress(b'"' + b"a" * 5000 + b'"', mtime=0),
            413,
            "The request body is larger than 4096 bytes when decoded.",
        ),
        ("br", brotli.compress(b" " * 10_000_000), 413, "The request body is larger than 4096 bytes when decoded."),
    ],
)
def test_a_coded_body_that_is_none(served, coding, body, status, detail):
    """Broken 400, unknown 415 (which names those that are known), too large 413: by what comes out of it."""
    reply = served.ask("POST", "/echo", "content-type: application/json", f"content-encoding: {coding}", body=body)
    assert (reply.status, reply.detail[: len(detail)]) == (status, detail)
    assert reply["accept-encoding"] == ("gzip, deflate, br, zstd" if status == 415 else None)


def test_a_body_that_is_passed_on_stays_coded(served):
    """What is read is decoded; what goes upstream is what came, with the word about its coding."""
    body = gzip.compress(b'{"a": 1}', mtime=0)
    reply = served.ask("POST", "/pass", "content-type: application/json", "content-encoding: gzip", body=body)
    assert reply.json == {"got": body.decode("latin-1"), "as": "gzip"}


@pytest.mark.parametrize(
    ("server", "endpoint", "code"),
    [
        ("{}", "{call: u:/, response: {compress: false}}", "no-effect"),
        ("{compress: {codings: [gzip, gzip]}}", "{call: u:/}", "no-effect"),
        ("{compress: {codings: [lz4]}}", "{call: u:/}", "bad-choice"),
    ],
)
def test_what_is_wrong_is_told(server, endpoint, code, tmp_path):
    """A switch without effect, a coding twice, one that is not known."""
    path = tmp_path / "routes.yaml"
    path.write_text(
        f"version: 1\nserver: {server}\nupstreams: {{u: {{url: 'http://127.0.0.1:9'}}}}\nendpoints: {{GET /a: {endpoint}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (found,) = caught.value.diagnostics
    assert (found.code, bool(found.hint)) == (code, True)
