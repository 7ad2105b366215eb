"""What variables hold in the paths of URLs (web hooks, bot tokens) is shown by no command."""

from __future__ import annotations

from pathlib import Path

import pytest

FILE = """\
version: 1
upstreams:
  hook: {url: "http://127.0.0.1:9/${TOKEN}"}
  whole: {url: "${WHOLE}"}
groups:
  g: {a: "POST hook:/a/${TOKEN}"}
endpoints:
  GET /call: {call: {url: "hook:/bot${TOKEN}/x?key=${TOKEN}", fallback: [{url: "whole:/${TOKEN}"}]}}
  GET /fan: {fan_out: {use: g, b: {for_each: "{{ [1, 2] }}", url: "whole:/${TOKEN}/{item}"}}}
  GET /race: {call: {race: ["hook:/${TOKEN}", "POST ${WHOLE}/c", "http://127.0.0.1:9/${TOKEN}"]}}
  GET /after:
    respond: {body: ok}
    background: ["POST hook:/${TOKEN}", "POST ${WHOLE}/z", "POST http://127.0.0.1:9/${TOKEN}"]
"""
CANARY = "canary-in-a-path"
ENDPOINTS = ("/call", "/fan", "/race", "/after")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("check", "--format", "json"),
        *(("routes", "--format", form) for form in ("text", "json", "markdown")),
        *(("explain", f"GET {path}", "--format", form) for path in ENDPOINTS for form in ("text", "json", "svg")),
        *(("explain", f"GET {path}", "--format", "mermaid") for path in ENDPOINTS),
        ("explain", "--all", "--format", "svg"),
        *(("get", path) for path in ENDPOINTS),
        *(("get", path, "--json") for path in ENDPOINTS),
    ],
)
def test_no_command_shows_a_secret_of_a_path(
    aggregator, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Calls are named by method, upstream and path as the file writes it, and requests are shown masked."""
    monkeypatch.setenv("TOKEN", CANARY)
    monkeypatch.setenv("WHOLE", f"http://127.0.0.1:9/services/{CANARY}")
    (folder / "routes.yaml").write_text(FILE)
    result = aggregator(*arguments)
    assert result.output
    assert CANARY not in result.output
