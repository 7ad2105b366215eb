"""A real Prometheus scrapes a running server, and evaluates the alerts that ``aggregator monitoring`` writes."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus")

PATIENCE = 90.0
"""Seconds until something is said to have failed; nothing here takes more than a few."""
ROUTES = """\
version: 1
server: {host: 127.0.0.1, port: 0}
telemetry: {metrics: {}}
upstreams:
  users: {url: "demo://users"}
  gone: {url: "http://127.0.0.1:1", breaker: {failures: 1, pause: 10m}}
endpoints:
  GET /users/{id}: {slo: {objective: 99%}, call: "users:/users/{id}"}
  GET /gone: {slo: {objective: 99.9%, latency: 800ms}, call: "gone:/"}
"""
CONFIG = """\
global: {{scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 500ms}}
rule_files: [aggregator-rules.yaml]
scrape_configs: [{{job_name: aggregator, static_configs: [{{targets: ["{address}"]}}]}}]
"""


@contextmanager
def running(command: list[str], folder: Path, said: str) -> Iterator[str]:
    """Run *command* in *folder*, yield what the group of *said* finds in its error output, and end it afterwards."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("w") as output, subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as process:
        try:

            def found() -> str | None:
                assert process.poll() is None, log.read_text()
                match = re.search(said, log.read_text())
                return match and match[1]

            yield until(found)
        finally:
            process.terminate()


def until(look: Callable[[], Any]) -> Any:
    """Return what *look* returns as soon as that is something."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return seen


def fetched(url: str) -> Any:
    """Return the JSON that *url* answers."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
        return json.load(reply)["data"]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server and the Prometheus that watches it, by their addresses."""
    aggregator = str(Path(sys.executable).with_name("aggregator"))
    (tmp_path / "routes.yaml").write_text(ROUTES)
    at_once = ["--for", "BreakerOpen=0s", "--for", "ErrorBudgetBurns=0s"]
    subprocess.run([aggregator, "monitoring", "routes.yaml", *at_once], cwd=tmp_path, check=True, capture_output=True)
    with running([aggregator, "run", "routes.yaml"], tmp_path, r"http://(127\.0\.0\.1:\d+)") as server:
        (tmp_path / "prometheus.yaml").write_text(CONFIG.format(address=server))
        command = ["prometheus", "--config.file=prometheus.yaml", "--storage.tsdb.path=kept"]
        command.append("--web.listen-address=127.0.0.1:0")
        with running(command, tmp_path, r"(?s)Listening on\" address=(\S+).*Server is ready") as prometheus:
            yield server, f"http://{prometheus}/api/v1"


def status_of(server: str, target: str) -> int:
    """Return the status of the answer to a request for *target*."""
    connection = http.client.HTTPConnection(server, timeout=PATIENCE)
    try:
        connection.request("GET", target)
        return connection.getresponse().status
    finally:
        connection.close()


def value_of(prometheus: str, query: str) -> float | None:
    """Return the value of *query* now, None where there is none."""
    result = fetched(f"{prometheus}/query?query={query}")["result"]
    return float(result[0]["value"][1]) if result else None


def test_alerts_fire_in_a_real_prometheus(watched: tuple[str, str]) -> None:
    """Every rule can be evaluated; a breaker that opened and a budget that burns wake somebody, nothing else does."""
    server, prometheus = watched
    until(lambda: value_of(prometheus, "up") == 1.0)
    until(lambda: value_of(prometheus, "aggregator_requests_total") == 0.0)
    assert [status_of(server, target) for target in ("/users/1", "/gone", "/gone")] == [200, 502, 503]
    expected = {("AggregatorBreakerOpen", "gone", None), ("AggregatorErrorBudgetBurns", None, "GET /gone")}

    def firing() -> set[tuple[Any, ...]]:
        alerts = [one["labels"] for one in fetched(f"{prometheus}/alerts")["alerts"] if one["state"] == "firing"]
        return {(one["alertname"], one.get("upstream"), one.get("endpoint")) for one in alerts}

    until(lambda: firing() >= expected)
    assert firing() == expected
    rules = [rule for group in fetched(f"{prometheus}/rules")["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}, rules
