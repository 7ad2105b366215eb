"""`create_app` under servers that speak HTTP/2: the same answers, over TLS, asked by curl."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trustme
from ports import free_port

from .browser import Browser

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")

ROUTES = """
version: 1
server: {compress: {codings: [gzip]}, headers: {x-served-by: aggregator}, cors: {origins: ["https://shop.example.com"]}}
upstreams: {lab: {url: "demo://lab"}}
endpoints:
  GET /hello: {respond: {body: {hello: "{{ request.scheme }}"}}}
  GET /echo: {call: lab:/echo}
  GET /both: {fan_out: {one: lab:/echo, two: lab:/echo}}
  GET /stream: {stream: true, forward: {query: all}, call: lab:/echo}
  GET /large: {respond: {headers: {content-type: text/plain}, body: "LARGE"}}
  POST /body: {body: {type: object, required: [a]}, respond: {body: "{{ body.a }}"}}
  GET /who: {respond: {body: "{{ request.client }}"}}
""".replace("LARGE", "word " * 1000)
SERVERS = {
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}", "--certfile", "{cert}", "--keyfile", "{key}", "app:app"],
    "granian": [
        "granian", "--interface", "asgi", "--factory", "--host", "127.0.0.1", "--port", "{port}", "--ssl-certificate",
        "{cert}", "--ssl-keyfile", "{key}", "aggregator:create_app",
    ],
}  # fmt: skip


class Answer:
    """What curl got: the version of HTTP, the status, the fields and the body."""

    def __init__(self, output: bytes) -> None:
        head, _, self.body = output.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.version, status = first.split(" ")[:2]
        self.status = int(status)
        self.headers = dict(line.lower().split(": ", 1) for line in lines)

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Each of the servers, with the address that it serves and the authority of its certificate."""
    if find_spec(request.param) is None:
        pytest.skip(f"needs {request.param}")
    folder = tmp_path_factory.mktemp("http2")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "routes.yaml").write_text(ROUTES)
    (folder / "app.py").write_text("from aggregator import create_app\n\napp = create_app()\n")
    port = free_port()
    words = [
        word.format(port=port, cert=folder / "cert.pem", key=folder / "key.pem") for word in SERVERS[request.param]
    ]
    command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, f"{request.param} ended"
            assert time.monotonic() < deadline, f"{request.param} does not listen"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"https://localhost:{port}", folder / "ca.pem"
        process.terminate()


def curl(server: tuple[str, Path], path: str, *words: str) -> Answer:
    """Return the answer to a request over HTTP/2."""
    address, authority = server
    command = ["curl", "-s", "-i", "--http2", "--max-time", "20", "--cacert", str(authority), *words, address + path]
    return Answer(subprocess.run(command, check=True, capture_output=True).stdout)


def test_calls_and_fan_outs_are_answered(server: tuple[str, Path]) -> None:
    """A static answer, a call, calls side by side and a stream, each over HTTP/2, each with an id."""
    assert curl(server, "/hello").json == {"hello": "https"}
    for path in ("/echo?a=1", "/both", "/stream?a=1"):
        answer = curl(server, path)
        assert (answer.version, answer.status) == ("HTTP/2", 200)
        assert answer.headers["x-request-id"]
    assert curl(server, "/stream?a=1").json["query"] == {"a": "1"}


def test_the_host_is_known(server: tuple[str, Path]) -> None:
    """HTTP/2 has no Host field but `:authority`, which says the same."""
    assert curl(server, "/who").json == "127.0.0.1"


def test_errors_are_problems(server: tuple[str, Path]) -> None:
    """404, 405, 415, 422 and 400 are what they are over HTTP/1.1."""
    json_body = ("-H", "content-type: application/json")
    assert curl(server, "/none").status == 404
    assert curl(server, "/hello", "-X", "DELETE").status == 405
    assert curl(server, "/body", "-d", "x").status == 415
    assert curl(server, "/body", *json_body, "-d", "{}").status == 422
    assert curl(server, "/body", *json_body, "-d", "{").status == 400
    good = curl(server, "/body", *json_body, "-d", '{"a": 7}')
    assert (good.version, good.status, good.json) == ("HTTP/2", 200, 7)
    assert curl(server, "/none").headers["content-type"] == "application/problem+json"


def test_what_every_answer_carries_is_there(server: tuple[str, Path]) -> None:
    """Headers, CORS, codings and probes work as they do under our own server."""
    answer = curl(server, "/large", "-H", "accept-encoding: gzip", "-H", "origin: https://shop.example.com")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["x-served-by"] == "aggregator"
    assert answer.headers["access-control-allow-origin"] == "https://shop.example.com"
    assert curl(server, "/readyz").status == 200
    head = curl(server, "/hello", "-I")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_asks_over_it(server: tuple[str, Path], tmp_path: Path) -> None:
    """Chromium agrees on h2 and reads a call, a stream and a compressed text over it alone."""
    with Browser(tmp_path / "profile") as browser:
        browser.open(f"{server[0]}/hello")
        asked = browser.run("""
            const texts = [];
            for (const path of ['/echo', '/stream?a=1', '/large']) texts.push(await (await fetch(path)).text());
            const spoken = performance.getEntries().map(one => one.nextHopProtocol).filter(one => one);
            return [texts.map(text => text.length), [...new Set(spoken)]];
        """)
    assert all(asked[0])
    assert asked[0][2] == 5000
    assert asked[1] == ["h2"]
