"""HEAD and OPTIONS of endpoints that ask who calls."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from aggregator import create_app

KEY = {"x-api-key": "acme"}
FILE = """\
version: 1
auth: {partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}, failures: none}}
defaults: {endpoint: {auth: partners}}
endpoints:
  GET /a:
    allow_from: [192.0.2.0/24]
    respond: {headers: {x-canary: secret}, body: ok}
  POST /a: {respond: {body: ok}}
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of an application all of whose endpoints want a key."""
    (tmp_path / "keys.yaml").write_text(f"- {{name: acme, sha256: {hashlib.sha256(b'acme').hexdigest()}}}\n")
    (tmp_path / "routes.yaml").write_text(FILE)
    with TestClient(create_app(tmp_path / "routes.yaml"), client=("192.0.2.1", 1234)) as client:
        yield client


@pytest.mark.parametrize("headers", [KEY, {}, {"x-api-key": "wrong"}])
def test_head_is_as_get(client: TestClient, headers: dict[str, str]) -> None:
    """It asks for the same credential, and has the same status and fields without a body."""
    got, head = client.get("/a", headers=headers), client.head("/a", headers=headers)
    mine = {"x-request-id", "date", "server-timing"}
    fields = [{name: value for name, value in one.headers.items() if name not in mine} for one in (got, head)]
    assert (got.status_code, head.status_code, head.content) == (*[200 if headers == KEY else 401] * 2, b"")
    assert fields[0] == fields[1]


@pytest.mark.parametrize("headers", [KEY, {}, {"x-api-key": "wrong"}])
def test_options_says_methods_only(client: TestClient, headers: dict[str, str]) -> None:
    """Everybody is told which methods there are, and nothing of what the endpoint answers."""
    answer = client.options("/a", headers=headers)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    assert "x-canary" not in answer.headers
    assert "www-authenticate" not in answer.headers


def test_a_401_says_what_is_asked_for(client: TestClient) -> None:
    """Whoever is asked for a key alone is told so: RFC 9110 §15.5.2 wants a challenge in every 401."""
    assert client.get("/a").headers["www-authenticate"] == "APIKey"
