"""`Server-Timing`: how long the parts of an answer took, told to everybody or to those who know a secret."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app
from aggregator.parts.result import Result
from aggregator.runtime.finish.timing import LONGEST, server_timing

TEXT = """\
version: 1
server: {debug: {header: x-debug, secret: "${SECRET}"}}
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /told: {fan_out: {a: "up:/good", b-x: {url: "up:/bad", optional: true}}, response: {timing: true}}
  GET /failed: {call: "up:/bad", response: {timing: true}}
  GET /plain: {call: "up:/good"}
  POST /read: {body: {type: object}, call: {method: POST, url: "up:/good", json: "{{ body }}"}}
"""


def answer(request: httpx.Request) -> httpx.Response:
    """Answer good or bad, as the path says."""
    return httpx.Response(500 if request.url.path == "/bad" else 200, json=1)


@pytest.fixture
def client(tmp_path: Path):
    """A client of the application."""
    (tmp_path / "routes.yaml").write_text(TEXT)
    app = create_app(tmp_path / "routes.yaml", transport=httpx.MockTransport(answer), env={"SECRET": "open-sesame"})
    with TestClient(app) as made:
        yield made


def entries(text: str) -> list[str]:
    """Return the entries of the header without their milliseconds."""
    return re.sub(r"dur=\d+\.\d", "dur=…", text).split(", ")


def test_everybody_is_told_where_the_file_says_so(client):
    """The whole, then each part; one that was replaced says so."""
    told = client.get("/told").headers["server-timing"]
    assert entries(told) == ["total;dur=…", "a;dur=…", "b-x;dur=…;desc=default"]


def test_a_failed_answer_tells_its_times_too(client):
    """When somebody asks what was slow, it is often about a failure."""
    reply = client.get("/failed")
    assert (reply.status_code, entries(reply.headers["server-timing"])) == (
        502,
        ["total;dur=…", "call;dur=…;desc=failed"],
    )


@pytest.mark.parametrize(("method", "path"), [("GET", "/plain"), ("POST", "/read")])
def test_others_are_told_with_the_secret_alone(client, method, path):
    """Times say how a service is built, so by default they are for its operators."""
    told = client.request(method, path, json={}, headers={"x-debug": "open-sesame"})
    assert entries(told.headers["server-timing"]) == ["total;dur=…", "call;dur=…"]
    assert "server-timing" not in client.request(method, path, json={}, headers={"x-debug": "guessed"}).headers


def test_names_become_tokens_and_the_header_has_a_bound():
    """A name of the file may hold anything; a thousand parts do not make a head that proxies refuse."""
    assert server_timing([Result("a b;é", 0.0, 0.25)], 0.5) == b"total;dur=500.0, a_b__;dur=250.0"
    many = server_timing([Result(f"part-{number}", 0.0, 1.0) for number in range(1000)], 1.0)
    assert LONGEST - 40 < len(many) <= LONGEST
    assert many.endswith(b";dur=1000.0")


def test_the_times_are_as_many_bytes_as_they_may_be():
    """Up to the last one; the part with which there would be more is left out, and so are those behind it."""
    total = len("total;dur=1000.0, ")
    for size, is_there in ((LONGEST - total - 2, True), (LONGEST - total - 1, False)):
        header = server_timing([Result("x" * (size - len(";dur=1000.0")), 0.0, 1.0), Result("y", 0.0, 1.0)], 1.0)
        assert (len(header) == total + size) == is_there
        assert b"y" not in header
