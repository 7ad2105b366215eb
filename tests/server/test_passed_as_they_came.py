"""`response: {pass: all}`: the answer of the upstream, whatever it is, but for what belongs to its connection."""

from __future__ import annotations

import gzip

import pytest

from aggregator import load_config
from aggregator.errors import ConfigError

FILE = """
endpoints:
  GET /p/{rest:path}: {call: "up:/{rest}", response: {pass: all}}
  GET /s/{rest:path}: {stream: true, call: "up:/{rest}", response: {pass: all}}
  GET /own/{rest:path}:
    call: "up:/{rest}"
    status_map: {404: {status: 410, detail: gone}}
    response: {pass: all, headers: {x-own: "1"}}
  GET /any/{rest:path}: {call: "up:/{rest}", status_map: {any: 418}, response: {pass: all}}
  GET /status/{rest:path}: {call: "up:/{rest}", status_map: {status: 418}, response: {pass: all}}
  GET /class/{rest:path}: {call: "up:/{rest}", status_map: {4xx: 418}, response: {pass: all}}
  GET /network/{rest:path}: {call: "up:/{rest}", status_map: {network: 418}, response: {pass: all}}
"""


@pytest.fixture(scope="module")
def upstream(shared_stage):
    """Answers of each class."""
    stage, up = shared_stage, shared_stage.upstream()
    more = {"x_a": "1", "etag": '"e"', "cache_control": "max-age=5", "server": "theirs", "x_request_id": "theirs"}
    up["/ok"] = stage.reply({"a": 1}, 200, **more, connection="x-hop", x_hop="1", keep_alive="timeout=5")
    up["/moved"] = stage.reply(body=b"there", status=302, location="/there", content_type="text/plain")
    up["/same"] = b'HTTP/1.1 304 X\r\netag: "e"\r\n\r\n'
    up["/gone"] = stage.reply({"error": "none"}, 404, x_a="1")
    up["/late"] = stage.reply({"error": "x"}, 429, retry_after="7")
    up["/broken"] = stage.reply({"secret": "stack"}, 500)
    up["/zip"] = stage.reply(body=gzip.compress(b"{}"), content_encoding="gzip")
    up["/two"] = b"HTTP/1.1 200 X\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\n\r\nok"
    return up


@pytest.fixture(scope="module")
def served(shared_stage, upstream, door):
    """A server that passes answers as they come."""
    return shared_stage.gateway(FILE, upstream, door=door)


@pytest.mark.parametrize("way", ["p", "s"])
def test_headers_pass_but_those_of_the_connection(served, way):
    """All that the upstream says but hop-by-hop fields, those that it names as such, and what we say ourselves."""
    reply = served.get(f"/{way}/ok")
    assert [reply[name] for name in ("x-a", "etag", "cache-control", "server")] == ["1", '"e"', "max-age=5", "theirs"]
    assert [reply[name] for name in ("x-hop", "keep-alive", "connection")] == [None, None, None]
    assert [len(reply.all(name)) for name in ("x-request-id", "date", "content-length", "content-type")] == [1, 1, 1, 1]
    assert reply["x-request-id"] != "theirs"


@pytest.mark.parametrize("way", ["p", "s"])
@pytest.mark.parametrize(
    ("path", "status", "header"),
    [("moved", 302, ("location", "/there")), ("same", 304, ("etag", '"e"')), ("gone", 404, ("x-a", "1")), ("late", 429, ("retry-after", "7"))],
)  # fmt: skip
def test_statuses_below_500_pass(served, upstream, way, path, status, header):
    """Redirects, verdicts and refusals are the client's business, with their bodies."""
    reply = served.get(f"/{way}/{path}")
    assert (reply.status, reply[header[0]]) == (status, header[1])
    body = upstream.answers[f"/{path}"].partition(b"\r\n\r\n")[2]
    assert reply.body == body


@pytest.mark.parametrize("way", ["p", "s"])
def test_a_failure_of_the_upstream_is_one(served, way):
    """A 5xx tells nobody what the upstream said."""
    reply = served.get(f"/{way}/broken")
    assert (reply.status, b"stack" in reply.body) == (502, False)


@pytest.mark.parametrize("way", ["p", "s"])
def test_cookies_stay_apart(served, way):
    """A field that came twice comes twice."""
    assert served.get(f"/{way}/two").all("set-cookie") == ["a=1", "b=2"]


def test_a_coded_body_is_decoded_where_it_is_read(served):
    """What is not streamed was decoded on its way, and says so by saying nothing."""
    reply = served.get("/p/zip")
    assert (reply["content-encoding"], reply.body) == (None, b"{}")


def test_rows_and_headers_of_the_endpoint_stand(served):
    """What the endpoint says of a status is not passed over, and its headers come with the others."""
    assert (served.get("/own/gone").status, served.get("/own/ok")["x-own"]) == (410, "1")


@pytest.mark.parametrize(
    ("row", "statuses"),
    [
        ("any", [200, 418, 418, 418]),
        ("status", [200, 418, 418, 418]),
        ("class", [200, 302, 418, 502]),
        ("network", [200, 302, 404, 502]),
    ],
)
def test_a_row_names_a_status_by_whatever_word_it_has(served, row, statuses):
    """By its class, by the cause that all of them are, and by that of any failure; what no row names passes."""
    assert [served.get(f"/{row}/{path}").status for path in ("ok", "moved", "gone", "broken")] == statuses


@pytest.mark.parametrize(
    "endpoint",
    [
        "{fan_out: {a: u:/}, response: {pass: all}}",
        "{call: u:/, response: {pass: all, status: 201}}",
        "{call: {url: u:/, select: a}, response: {pass: all}}",
    ],
)
def test_what_would_change_it_is_told(endpoint, tmp_path):
    """`pass: all` stands beside nothing that makes another answer."""
    path = tmp_path / "routes.yaml"
    path.write_text(f"version: 1\nupstreams: {{u: {{url: 'http://127.0.0.1:9'}}}}\nendpoints: {{GET /a: {endpoint}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert [found.code for found in caught.value.diagnostics] == ["no-effect"]
