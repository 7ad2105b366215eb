"""Metrics, read by the tools of Prometheus."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fastapi.testclient import TestClient

from aggregator import create_app

TEXT = """\
version: 1
telemetry: {metrics: {}}
upstreams: {users: {url: "demo://users"}}
endpoints:
  GET /users/{id}: {call: "users:/users/{id}"}
  GET /both: {fan_out: {a: "users:/users/1", b: {url: "users:/nowhere", optional: true}}}
"""


def test_promtool_finds_nothing_to_mend(tmp_path: Path) -> None:
    """Names, types and help follow the rules of Prometheus, with requests counted and without."""
    (tmp_path / "routes.yaml").write_text(TEXT)
    with TestClient(create_app(tmp_path / "routes.yaml")) as client:
        for target in ("/users/1", "/both", "/nowhere"):
            client.get(target)
        text = client.get("/metrics").text
    found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
