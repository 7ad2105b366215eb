"""What schemes remember outlives a reload that does not change them, and ends with one that does."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app

KEYS = "auth: {partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}, failures: {rate: 1/h, burst: 2}}}\n"
ROUTES = KEYS + "endpoints: {GET /me: {auth: partners, respond: {body: %s}}}\n"


def entry(name: str) -> str:
    """Return the line of the key *name*."""
    return f"- {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}}}\n"


def status(gateway: Any, key: str) -> int:
    """Return the status that *key* gets."""
    return gateway.get("/me", f"x-api-key: {key}").status


def test_a_key_that_was_right_before(stage) -> None:
    """Behind an address that failed too often it passes after a reload too, until the keys have changed."""
    (stage.folder / "keys.yaml").write_text(entry("acme"))
    gateway = stage.gateway(ROUTES % "one")
    assert [status(gateway, key) for key in ("acme", "x", "y", "z", "acme")] == [200, 401, 401, 429, 200]
    gateway.reload(ROUTES % "two")
    assert gateway.get("/me", "x-api-key: acme").json == "two"
    assert status(gateway, "z") == 429
    (stage.folder / "keys.yaml").write_text(entry("acme") + entry("other"))
    gateway.reload(ROUTES % "two")
    assert status(gateway, "acme") == 429


def test_what_a_key_may_do(stage) -> None:
    """A key whose scopes are taken away is refused by guards that let it pass before; one that is taken away, by all."""
    guarded = """auth: partners, require: "{{ 'read' in auth.scopes }}", respond: {body: ok}"""
    routes, file = f"{KEYS}endpoints: {{GET /me: {{{guarded}}}}}\n", stage.folder / "keys.yaml"
    file.write_text(entry("acme").replace("}", ", scopes: [read]}"))
    gateway = stage.gateway(routes)
    assert [status(gateway, "acme") for _ in range(3)] == [200] * 3
    for written, said in ((entry("acme"), 403), (entry("other"), 401), ("- {name: acme, sha2", 401)):
        file.write_text(written)
        gateway.reload()
        assert status(gateway, "acme") == said


@pytest.mark.parametrize(("changed", "asked"), [("endpoint", 1), ("scheme", 2)])
def test_an_answer_of_an_issuer(tmp_path, changed: str, asked: int) -> None:
    """It is asked for once, whatever else changes; with other settings of the scheme it is asked again."""
    requests: list[httpx.Request] = []

    def issuer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"active": True})

    def text(life: str, body: str) -> str:
        settings = f'{{url: "https://id.test/ask", client_id: a, client_secret: "${{SECRET}}", cache: {life}}}'
        endpoint = f"endpoints: {{GET /me: {{auth: a, respond: {{body: {body}}}}}}}\n"
        return f"version: 1\nauth: {{a: {{introspection: {settings}}}}}\n{endpoint}"

    file, token = tmp_path / "routes.yaml", {"authorization": "Bearer token"}
    file.write_text(text("1m", "one"))
    app = create_app(file, env={"SECRET": "x" * 32}, transport=httpx.MockTransport(issuer))
    with TestClient(app) as client:
        assert client.get("/me", headers=token).status_code == 200
        file.write_text(text("1m", "two") if changed == "endpoint" else text("2m", "one"))
        assert client.portal is not None
        client.portal.call(app.running.reload)
        assert client.get("/me", headers=token).status_code == 200
    assert len(requests) == asked
