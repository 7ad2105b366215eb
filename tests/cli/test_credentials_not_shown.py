"""No credential of an upstream is shown by any command, page, problem or line of the log, whatever its scheme."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator.server.application.app import create_app

SCHEMES = {
    "bearer": "{bearer: '${C1}'}",
    "basic": "{basic: {user: shop, password: '${C2}'}}",
    "fetched": "{oauth2: {token_url: 'http://127.0.0.1:9/t', client_id: shop, client_secret: '${C3}'}}",
    "posted": "{oauth2: {token_url: 'http://127.0.0.1:9/t', client_id: s, client_secret: '${C3}', client_auth: post}}",
    "refreshed": "{oauth2: {token_url: 'http://127.0.0.1:9/t', client_id: s, grant: refresh_token, refresh_token: '${C4}'}}",
    "aws": "{sigv4: {region: a, service: s3, access_key: A, secret_key: '${C5}', session_token: '${C6}'}}",
    "shared": "{hmac: {header: x-signature, secret: '${C7}'}}",
    "broken": "{hmac: {header: x-signature, secret: '${C7}', over: '{{ sent.body + 1 }}'}}",
}
FILE = (
    "version: 1\nupstreams:\n"
    + "".join(f"  {name}: {{url: 'http://127.0.0.1:9', auth: {auth}}}\n" for name, auth in SCHEMES.items())
    + "endpoints:\n"
    + "".join(f"  GET /{name}: {{call: {name}:/x}}\n" for name in SCHEMES)
    + "".join(f"  GET /{name}/stream: {{stream: true, call: {name}:/x}}\n" for name in SCHEMES)
    + f"  GET /after: {{respond: {{body: 1}}, background: [{', '.join(f'{name}:/x' for name in SCHEMES)}]}}\n"
)
SECRETS = {f"C{number}": f"canary{number}-of-ours" for number in range(1, 8)}
ENCODED = [
    base64.b64encode(text.encode()).decode()
    for text in (f"shop:{SECRETS['C2']}", f"shop:{SECRETS['C3']}", SECRETS["C2"], SECRETS["C3"])
]
HIDDEN = ("canary", *ENCODED)
PATHS = tuple(f"/{name}" for name in SCHEMES)


def assert_hidden(shown: str) -> None:
    """Assert that there is something, and no secret in it, as it is or in Base64."""
    assert shown
    assert [secret for secret in HIDDEN if secret in shown] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "--format", "json"),
        *(("routes", "--format", form) for form in ("text", "json", "markdown")),
        *(
            ("explain", f"GET {path}", "--format", form)
            for path in PATHS
            for form in ("text", "json", "svg", "mermaid")
        ),
        ("explain", "--all", "--format", "svg"),
        ("schema",),
        *(("get", path) for path in (*PATHS, "/after", "/bearer/stream")),
        *(("get", path, "--json") for path in PATHS),
    ],
)
def test_no_command_shows_it(
    aggregator, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """The commands that look at a file, and the one that asks it."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (folder / "routes.yaml").write_text(FILE)
    assert_hidden(aggregator(*arguments).output)


def failing(request: httpx.Request) -> httpx.Response:
    """Answer for a token endpoint that says back what it was sent, and for upstreams that refuse every call."""
    if request.url.path != "/t":
        return httpx.Response(401, text="who are you")
    return httpx.Response(500, text=json.dumps([dict(request.headers), request.content.decode("latin-1")]))


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_no_answer_and_no_line_of_the_log_shows_it(folder: Path, caplog: pytest.LogCaptureFixture, level: str) -> None:
    """Problems, also with details for who may read them, pages, and the log at every level."""
    file = folder / "routes.yaml"
    file.write_text(
        FILE.replace("version: 1\n", "version: 1\nserver: {debug: {header: x-debug, secret: open-sesame}}\n")
    )
    caplog.set_level(getattr(logging, level))
    app = create_app(file, transport=httpx.MockTransport(failing), env=SECRETS)
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in (
            *PATHS,
            *(f"{path}/stream" for path in PATHS),
            "/after",
            "/-/config",
            "/readyz?verbose",
            "/openapi.json",
        ):
            answer = client.get(path, headers={"x-debug": "open-sesame"})
            assert_hidden(answer.text + json.dumps(list(answer.headers.items())))
    records = [vars(record) | {"said": record.getMessage()} for record in caplog.records]
    assert_hidden(json.dumps(records, default=str))
