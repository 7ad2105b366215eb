"""Alerts and plots that follow from a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from aggregator.cli.group import cli
from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.monitoring.dashboard import dashboard_text
from aggregator.server.monitoring.rules import ALERTS, rules_text
from aggregator.telemetry.metrics.families import FAMILIES

TEXT = """\
version: 1
server: {title: Shop, admin: "127.0.0.1:0"}
telemetry: {metrics: {buckets: [100ms, 1s]}}
endpoints:
  GET /a: {slo: {objective: 99.5%, latency: 300ms}, respond: {body: 1}}
  GET /b: {slo: {objective: 99%, partial: bad}, respond: {body: 1}}
  GET /c: {respond: {body: 1}}
"""
NAMES = {family.sample_name for family in FAMILIES}
READ = re.compile(r"\b(?:aggregator|process)_\w+")


@pytest.fixture
def plan(tmp_path: Path) -> Any:
    """The plan of a file with two objectives."""
    (tmp_path / "routes.yaml").write_text(TEXT)
    return compile_plan(load_config(tmp_path / "routes.yaml"))


def rules_of(plan: Any, **pending: str) -> list[dict[str, Any]]:
    """Return all rules of *plan*."""
    return [rule for group in yaml.safe_load(rules_text(plan, pending))["groups"] for rule in group["rules"]]


def test_each_objective_has_its_burn_rates(plan):
    """Three speeds for each endpoint with an objective, and none for others."""
    burning = [rule for rule in rules_of(plan) if rule.get("alert") == "AggregatorErrorBudgetBurns"]
    found = [(rule["labels"]["endpoint"], rule["labels"]["window"], rule["labels"]["severity"]) for rule in burning]
    assert found == [
        (endpoint, *rest)
        for endpoint in ("GET /a", "GET /b")
        for rest in (("1h", "page"), ("6h", "page"), ("3d", "ticket"))
    ]
    assert "> (14.4 * 0.005)" in burning[0]["expr"]


def test_a_promised_latency_is_a_boundary(plan):
    """Or nobody could count what was later; the rule asks for that very bucket."""
    assert plan.metrics.buckets == (0.1, 0.3, 1.0)
    [first] = [one for one in rules_of(plan) if one.get("record", "").endswith("5m") and "/a" in one["expr"]]
    assert 'le="0.3"' in first["expr"]


def test_partial_answers_are_bad_where_the_file_says_so(plan):
    """They are taken off the good ones."""
    reads = {rule["labels"]["endpoint"]: rule["expr"] for rule in rules_of(plan) if "record" in rule}
    assert "slo_partial" in reads["GET /b"]
    assert "partial" not in reads["GET /a"]


def test_rules_and_plots_read_metrics_that_exist(plan):
    """A query for a name that is not counted would be silent for ever."""
    text = rules_text(plan, {}) + dashboard_text("Shop")
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in READ.findall(text)}
    assert bases <= NAMES
    assert len(bases) > 15


def test_all_that_follows_from_an_objective(plan):
    """What is recorded over each window, and each alert on it, as a whole; one endpoint after the other."""
    rules = yaml.safe_load(rules_text(plan, {}))["groups"][1]["rules"]
    windows, late, partial = ("5m", "30m", "1h", "6h", "3d"), rules[:5], rules[5:10]
    assert late == [
        {
            "record": f"aggregator:slo_errors:ratio_rate{window}",
            "expr": '1 - (sum(rate(aggregator_request_duration_seconds_bucket{endpoint="GET /a",status!="5xx",le="0.3"}'
            f'[{window}]))) / (sum(rate(aggregator_requests_total{{endpoint="GET /a"}}[{window}])))',
            "labels": {"endpoint": "GET /a"},
        }
        for window in windows
    ]
    assert [(rule["record"], rule["expr"]) for rule in partial] == [
        (
            f"aggregator:slo_errors:ratio_rate{window}",
            (
                f'1 - (sum(rate(aggregator_requests_total{{endpoint="GET /b",status!="5xx"}}[{window}]))'
                f' - sum(rate(aggregator_slo_partial_answers_total{{endpoint="GET /b"}}[{window}])))'
                f' / (sum(rate(aggregator_requests_total{{endpoint="GET /b"}}[{window}])))'
            ),
        )
        for window in windows
    ]
    rows = [(14.4, "1h", "5m", "page", "2m"), (6, "6h", "30m", "page", "2m"), (1, "3d", "6h", "ticket", "15m")]
    speeds = {14.4: "14.4 times as fast as", 6: "6 times as fast as", 1: "faster than"}
    assert rules[10:] == [
        {
            "alert": "AggregatorErrorBudgetBurns",
            "expr": f'aggregator:slo_errors:ratio_rate{long}{{endpoint="{key}"}} > ({factor} * {left}) and '
            f'aggregator:slo_errors:ratio_rate{short}{{endpoint="{key}"}} > ({factor} * {left})',
            "for": pending,
            "labels": {"severity": severity, "endpoint": key, "window": long},
            "annotations": {
                "summary": f"The error budget of {key} burns {speeds[factor]} it may.",
                "description": f"{{{{ $value | humanizePercentage }}}} of its requests were bad in {long}; "
                f"the objective is {objective} % over 30d.",
            },
        }
        for key, objective, left in (("GET /a", "99.5", 0.005), ("GET /b", "99", 0.01))
        for factor, long, short, severity, pending in rows
    ]


@pytest.mark.parametrize(("objective", "left"), [("99.5%", 0.005), ("99.999%", 1e-5), ("99.99999999%", 1e-10)])
def test_a_budget_is_never_rounded_to_nothing(tmp_path, objective, left):
    """Or an alert would tell of the first request that is bad; it names the objective as the file does."""
    (tmp_path / "routes.yaml").write_text(TEXT.replace("99.5%", objective))
    rules = rules_of(compile_plan(load_config(tmp_path / "routes.yaml")))
    [first] = [
        one for one in rules if one["labels"].get("endpoint") == "GET /a" and one["labels"].get("window") == "1h"
    ]
    assert float(first["expr"].rpartition("> (14.4 * ")[2][:-1]) == pytest.approx(left, rel=1e-5, abs=0)
    assert f"the objective is {objective[:-1]} % over 30d." in first["annotations"]["description"]


def test_an_alert_as_prometheus_reads_it(plan):
    """Texts in double quotes, mappings and lists as blocks."""
    assert rules_text(plan, {"ConfigRefused": "7m"}).startswith("""\
groups:
  - name: "aggregator"
    rules:
      - alert: "AggregatorConfigRefused"
        expr: "max by (instance) (aggregator_config_refused) == 1"
        for: "7m"
        labels:
          severity: "ticket"
        annotations:
          summary: "A saved configuration was refused."
          description: "The running one stays; the log and /-/config say what is wrong with the saved one."
      - alert: "AggregatorCallsRefused"
        expr: "sum by (upstream) (rate(aggregator_attempts_total{cause=~\\"queue_.*\\"}[5m])) > 0"
""")


def test_plots_stand_two_in_a_row():
    """Each has a number of its own, an axis that begins at zero, and its queries by letters."""
    dashboard = json.loads(dashboard_text("Shop"))
    panels = dashboard.pop("panels")
    assert dashboard == {
        "title": "Shop", "uid": "aggregator", "tags": ["aggregator"], "schemaVersion": 39, "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]},
    }  # fmt: skip
    places = [(one["id"], one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels]
    assert places == [(number + 1, 12 * (number % 2), 8 * (number // 2)) for number in range(len(panels))]
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert panels[7] == {
        "id": 8, "type": "timeseries", "title": "Connections to upstreams", "datasource": source,
        "gridPos": {"h": 8, "w": 12, "x": 12, "y": 24},
        "fieldConfig": {"defaults": {"unit": "short", "min": 0}, "overrides": []},
        "targets": [
            {"refId": "A", "datasource": source, "legendFormat": "{{upstream}} {{state}}",
             "expr": "sum by (upstream, state) (aggregator_upstream_connections)"},
            {"refId": "B", "datasource": source, "legendFormat": "{{upstream}} waiting",
             "expr": "sum by (upstream) (aggregator_upstream_waiting_calls)"},
        ],
    }  # fmt: skip


def test_times_of_alerts_can_be_set(plan):
    """By the name of the alert; the others keep theirs."""
    waits = {rule["alert"]: rule["for"] for rule in rules_of(plan, ConfigRefused="15m") if "alert" in rule}
    assert waits["AggregatorConfigRefused"] == "15m"
    assert waits["AggregatorEventLoopLate"] == next(one.pending for one in ALERTS if one.name == "EventLoopLate")


def test_the_command_writes_both_files(tmp_path, monkeypatch):
    """Into the folder that is named, which is made."""
    monkeypatch.chdir(tmp_path)
    Path("routes.yaml").write_text(TEXT)
    told = CliRunner().invoke(cli, ["monitoring", "-o", "out"])
    assert (told.exit_code, told.stderr.count("wrote")) == (0, 2)
    assert json.loads(Path("out/aggregator-dashboard.json").read_text())["title"] == "Shop"
    assert yaml.safe_load(Path("out/aggregator-rules.yaml").read_text())["groups"]


@pytest.mark.parametrize("words", [["--for", "Nothing=5m"], ["--for", "ConfigRefused=soon"]])
def test_a_wrong_time_is_refused(tmp_path, monkeypatch, words):
    """An alert that there is not, and a time that is none."""
    monkeypatch.chdir(tmp_path)
    Path("routes.yaml").write_text(TEXT)
    assert CliRunner().invoke(cli, ["monitoring", *words]).exit_code == 2


def test_without_metrics_there_is_nothing_to_watch(tmp_path, monkeypatch):
    """The message names the setting."""
    monkeypatch.chdir(tmp_path)
    Path("routes.yaml").write_text("version: 1\nendpoints: {GET /a: {respond: {body: 1}}}\n")
    told = CliRunner().invoke(cli, ["monitoring"])
    assert told.exit_code == 1
    assert "telemetry.metrics" in told.stderr
