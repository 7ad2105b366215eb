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
