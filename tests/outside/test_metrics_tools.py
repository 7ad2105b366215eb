"""Metrics, read by the tools of Prometheus."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from aggregator import create_app
from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.server.monitoring.rules import NAMES, rules_text

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


EVERY_SETTING = """\
version: 1
server: {admin: "127.0.0.1:0"}
telemetry: {metrics: {}}
endpoints:
  GET /late/{id}: {slo: {objective: 99.5%, latency: 800ms}, params: {id: {type: integer}}, respond: {body: "{{ id }}"}}
  GET /lacking: {slo: {objective: 90%, partial: bad}, respond: {body: 1}}
  GET /both: {slo: {objective: 99%, latency: 1s, partial: bad}, respond: {body: 1}}
  GET /well: {slo: {objective: 99.9%}, respond: {body: 1}}
  GET /promised-nothing: {respond: {body: 1}}
"""
_OF_LATE, _OF_BOTH = 'endpoint="GET /late/{id}",status="2xx"', 'endpoint="GET /both",status="2xx"'
SERIES = {
    f"aggregator_requests_total{{{_OF_LATE}}}": "0+100x120",
    f'aggregator_request_duration_seconds_bucket{{{_OF_LATE},le="0.8"}}': "0+75x120",
    'aggregator_requests_total{endpoint="GET /lacking",status="2xx"}': "0+100x120",
    'aggregator_slo_partial_answers_total{endpoint="GET /lacking"}': "0+50x120",
    f"aggregator_requests_total{{{_OF_BOTH}}}": "0+100x120",
    f'aggregator_request_duration_seconds_bucket{{{_OF_BOTH},le="1.0"}}': "0+80x120",
    'aggregator_slo_partial_answers_total{endpoint="GET /both"}': "0+20x120",
    'aggregator_requests_total{endpoint="GET /well",status="2xx"}': "0+90x120",
    'aggregator_requests_total{endpoint="GET /well",status="4xx"}': "0+10x120",
    'aggregator_config_refused{instance="one"}': "1+0x120",
    'aggregator_attempts_total{upstream="up",cause="queue_full"}': "0+60x120",
    'aggregator_attempts_total{upstream="up",cause="refused"}': "0+60x120",
    'aggregator_breaker_open{upstream="up"}': "1+0x120",
    'aggregator_upstream_hosts{upstream="up",state="ejected"}': "1+0x120",
    'aggregator_shed_requests_total{instance="one"}': "0+60x120",
    'aggregator_background_calls_total{instance="one",state="lost"}': "0+1x120",
    'aggregator_effects_broken{instance="one"}': "1+0x120",
    'aggregator_effect_deliveries_total{instance="one",result="dead"}': "0+1x120",
    'aggregator_effects{instance="one",state="parked"}': "1+0x120",
    'aggregator_effects_slow{instance="one",upstream="mail"}': "1+0x120",
    'aggregator_event_loop_lag_seconds{instance="one"}': "0.6+0x120",
    'aggregator_lost_log_lines_total{instance="one"}': "0+1x120",
    'process_open_fds{instance="one"}': "90+0x120",
    'process_max_fds{instance="one"}': "100+0x120",
}
"""Every alert has its reason, all the time."""
SHARES = {"GET /late/{id}": 0.25, "GET /lacking": 0.5, "GET /both": 0.4, "GET /well": 0}
_FIRING = 'count(count by (alertname) (ALERTS{alertstate="firing"})) or vector(0)'


def test_every_setting_of_rules_does_what_it_says(tmp_path: Path) -> None:
    """Each alert waits for as long as `--for` has it; objectives with a latency, of whole answers, both and neither."""
    (tmp_path / "routes.yaml").write_text(EVERY_SETTING)
    rules = rules_text(compile_plan(load_config(tmp_path / "routes.yaml")), dict.fromkeys(NAMES, "30m"))
    (tmp_path / "rules.yaml").write_text(rules)
    shares = [(f'round(aggregator:slo_errors:ratio_rate1h{{endpoint="{key}"}}, 0.001)', f'{{endpoint="{key}"}}', share)
              for key, share in SHARES.items()]  # fmt: skip
    expected = [(_FIRING, 29, "{}", 0), (_FIRING, 90, "{}", len(NAMES))]
    expected += [(expression, 90, labels, share) for expression, labels, share in shares]
    case = {
        "rule_files": ["rules.yaml"], "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in SERIES.items()],
            "promql_expr_test": [
                {"expr": expression, "eval_time": f"{minute}m", "exp_samples": [{"labels": labels, "value": value}]}
                for expression, minute, labels, value in expected
            ],
        }],
    }  # fmt: skip
    (tmp_path / "case.yaml").write_text(json.dumps(case))
    found = subprocess.run(["promtool", "test", "rules", "case.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
