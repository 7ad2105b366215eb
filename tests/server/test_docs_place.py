"""Where the documentation is, and who may read it; through the whole server."""

from __future__ import annotations

import base64
from pathlib import Path

import bcrypt
import pytest

from aggregator import load_config
from aggregator.errors import ConfigError

FILE = """
auth: {ops: {basic: {users: {file: htpasswd}, realm: operations}}}
server: {docs: {path: /internal/docs, auth: ops}}
endpoints:
  GET /docs: {respond: {body: an endpoint of ours}}
  GET /x: {respond: {body: 1}}
"""
ADA = f"authorization: Basic {base64.b64encode(b'ada:secret').decode()}"
PATHS = ["/internal/docs", "/internal/openapi.json", "/internal/docs/assets/start.js"]


@pytest.fixture
def served(stage):
    """A server whose documentation is elsewhere, for operators."""
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (stage.folder / "htpasswd").write_text(f"ada:{hashed}\n")
    return stage.gateway(FILE)


@pytest.mark.parametrize("path", PATHS)
def test_who_is_not_known_reads_nothing(served, path):
    """Neither the page, nor the document, nor what the page loads; a browser is asked for a password."""
    answer = served.get(path)
    assert (answer.status, answer["www-authenticate"]) == (401, 'Basic realm="operations", charset="UTF-8"')
    assert answer["content-type"] == "application/problem+json"
    assert answer["x-request-id"] is not None
    answer = served.get(path, ADA)
    assert answer.status == 200
    assert answer["cache-control"].startswith("private")


def test_the_page_finds_what_it_loads(served):
    """All its addresses are beside it."""
    page = served.get("/internal/docs", ADA).body.decode()
    assert 'src="docs/assets/start.js' in page
    assert served.get("/internal/openapi.json", ADA).json["paths"].keys() == {"/docs", "/x"}


def test_the_usual_place_is_free(served):
    """An endpoint may have it, and nothing else is there."""
    assert served.get("/docs").json == "an endpoint of ours"
    assert served.get("/openapi.json").status == 404


def test_a_reload_moves_it(served):
    """Without a restart; and switches it off."""
    served.reload(FILE.replace("/internal/docs", "/help").replace(", auth: ops", ""))
    assert [served.get(path).status for path in ("/help", "/openapi.json", "/internal/docs")] == [200, 200, 404]
    assert b"help/assets/start.js" in served.get("/help").body
    assert served.get("/help/assets/start.js").status == 200
    served.reload(FILE.replace("{path: /internal/docs, auth: ops}", "false"))
    assert [served.get(path).status for path in ("/help", "/openapi.json")] == [404, 404]


@pytest.mark.parametrize(
    ("docs", "code"),
    [
        ("{path: docs}", "docs-path"),
        ("{path: /}", "docs-path"),
        ("{path: /docs/}", "docs-path"),
        ("{path: '/{x}'}", "docs-path"),
        ("{path: /livez}", "docs-path"),
        ("{path: /-/docs}", "docs-path"),
        ("{auth: nobody}", "unknown-scheme"),
        ("{auth: signed}", "docs-auth"),
        ("{pth: /docs}", "unknown-key"),
        ("{path: /x}", "reserved-path"),
    ],
)
def test_what_cannot_be_is_said_at_load(tmp_path: Path, docs: str, code: str) -> None:
    """A path that is none or another's, and schemes that are none or know nobody who reads a page."""
    (tmp_path / "routes.yaml").write_text(
        f"version: 1\nserver: {{docs: {docs}}}\nauth: {{signed: {{signature: {{preset: github, secret: '${{S}}'}}}}}}\n"
        "endpoints: {GET /x: {respond: {body: 1}}, POST /s: {auth: signed, respond: {body: 1}}}\n"
    )
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / "routes.yaml", {"S": "a secret of ours"})
    assert [problem.code for problem in refused.value.diagnostics if problem.level == "error"] == [code]
