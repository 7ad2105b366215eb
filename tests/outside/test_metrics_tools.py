"""Metrics, read by the tools of Prometheus."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from aggregator import create_app
from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.monitoring.rules import rules_text

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


OBJECTIVE = """\
version: 1
server: {admin: "127.0.0.1:0"}
telemetry: {metrics: {}}
endpoints:
  GET /a: {slo: {objective: 99%}, respond: {body: 1}}
"""
CASES = """\
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'aggregator_requests_total{endpoint="GET /a",status="2xx"}', values: "0+GOODx120"}
      - {series: 'aggregator_requests_total{endpoint="GET /a",status="5xx"}', values: "0+BADx120"}
      - {series: 'aggregator_config_refused{instance="one"}', values: "REFUSEDx120"}
    alert_rule_test:
      - {eval_time: 90m, alertname: AggregatorConfigRefused, exp_alerts: [EXPECTED]}
    promql_expr_test:
      - expr: count(ALERTS{alertname="AggregatorErrorBudgetBurns",severity="page",alertstate="firing"}) or vector(0)
        eval_time: 90m
        exp_samples: [{labels: "{}", value: BURNING}]
"""
REFUSED = """{exp_labels: {severity: ticket, instance: one}, exp_annotations: {
  summary: A saved configuration was refused.,
  description: "The running one stays; the log and /-/config say what is wrong with the saved one."}}"""


@pytest.mark.parametrize(
    ("good", "bad", "refused", "burning"),
    [pytest.param(80, 20, "1+0", 2, id="burning and refused"), pytest.param(1000, 1, "0+0", 0, id="all is well")],
)
def test_alerts_fire_when_they_should(tmp_path: Path, good: int, bad: int, refused: str, burning: int) -> None:
    """The rules of a file with an objective, over made-up requests of an hour and a half."""
    (tmp_path / "routes.yaml").write_text(OBJECTIVE)
    (tmp_path / "rules.yaml").write_text(rules_text(compile_plan(load_config(tmp_path / "routes.yaml")), {}))
    case = CASES.replace("GOOD", str(good)).replace("BAD", str(bad)).replace("BURNING", str(burning))
    case = case.replace("REFUSED", refused).replace("EXPECTED", REFUSED if refused == "1+0" else "")
    (tmp_path / "case.yaml").write_text(case)
    found = subprocess.run(["promtool", "test", "rules", "case.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
