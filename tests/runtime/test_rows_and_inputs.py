"""What a client sent into the headers of a status-map row: its mistake is 400, not an upstream's."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app

FILE = """\
version: 1
upstreams: {u: {url: "http://u.test"}}
endpoints:
  GET /query: {call: u:/x, status_map: {404: {status: 410, headers: {x-name: "{{ query.name }}"}}}}
  GET /path/{name}: {call: u:/x, status_map: {404: {status: 410, headers: {x-name: "a {{ name }}"}}}}
  GET /both: {call: u:/x, status_map: {404: {status: 410, headers: {x-name: "{{ this.body.line }}"}}}}
"""


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/query?name=fine", 410, "did not find it"),
        ("/query?name=a%0Ab", 400, "The query parameter `name` does not fit: a header value cannot hold a line break"),
        ("/path/a%0Ab", 400, "The path parameter `name` does not fit: a header value cannot hold a line break"),
        ("/both", 502, "The status map could not be applied"),
    ],
)
def test_a_row_blames_who_sent_the_line_break(tmp_path: Path, path: str, status: int, words: str) -> None:
    """400 names the input where the client sent it; what an upstream sent stays 502."""
    (tmp_path / "routes.yaml").write_text(FILE)
    transport = httpx.MockTransport(lambda _: httpx.Response(404, json={"line": "a\nb"}))
    with TestClient(create_app(tmp_path / "routes.yaml", transport=transport)) as client:
        answer = client.get(path)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
