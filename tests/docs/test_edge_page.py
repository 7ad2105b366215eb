"""The page about the edge: each of its files is one that `check` finds nothing wrong with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from aggregator import create_app, load_config
from aggregator.server.once.checking import check_file

PAGE = (Path(__file__).parents[2] / "docs/edge.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(PIECES)))
def test_a_file_of_the_page_loads(number: int, tmp_path: Path) -> None:
    """A piece is a whole file but for its version and the upstreams that it calls."""
    piece = PIECES[number]
    head = "version: 1\n" if "upstreams:" in piece else 'version: 1\nupstreams: {up: {url: "http://127.0.0.1:9"}}\n'
    (tmp_path / "routes.yaml").write_text(head + piece, encoding="utf-8")
    found = check_file(str(tmp_path / "routes.yaml")).diagnostics
    assert [problem.message for problem in found if problem.code != "unused"] == []


def test_what_another_server_does_not_do_is_named(tmp_path: Path) -> None:
    """Whatever says how to listen is nothing to it: nothing is administered, and no client shows a certificate."""
    lost = PAGE.partition("\n## HTTP/2\n")[2].partition("is lost there")[2].partition("\n## ")[0]
    assert [
        name for name in ("listen", "tls", "redirect_http", "proxy_protocol", "admin") if f"`{name}`" not in lost
    ] == []
    server = 'server: {proxy_protocol: true, trusted_proxies: [10.0.0.0/8], admin: "127.0.0.1:0"}'
    endpoint = 'endpoints: {GET /who: {respond: {body: {client: "{{ request.tls.client }}"}}}}'
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{server}\n{endpoint}\n", encoding="utf-8")
    with TestClient(create_app(load_config(tmp_path / "routes.yaml"))) as client:
        assert client.get("/who").json() == {"client": None}
        assert [client.get(path).status_code for path in ("/-/config", "/metrics")] == [404, 404]
