"""A dashboard for Grafana over the metrics of this program: one row a question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

_WIDTH, _HEIGHT = 12, 8
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """A plot: its *title*, the *unit* of its axis in Grafana's words, and pairs of a query and its legend."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


_RATE: Final = "[$__rate_interval]"


def _ratio(metric: str, condition: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{condition}{_RATE})) / sum by ({by}) (rate({metric}{_RATE}))"


def _quantile(share: str, metric: str, by: str) -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket[$__rate_interval])))"


PANELS: Final = (
    Panel("Requests", "reqps", (
        ("sum by (endpoint) (rate(aggregator_requests_total[$__rate_interval]))", "{{endpoint}}"),)),
    Panel("Share of 5xx", "percentunit", (
        (_ratio("aggregator_requests_total", '{status="5xx"}', "endpoint"), "{{endpoint}}"),)),
    Panel("Duration, 95 of 100 are faster", "s", (
        (_quantile("0.95", "aggregator_request_duration_seconds", "endpoint"), "{{endpoint}}"),)),
    Panel("Partial answers", "reqps", (
        ("sum by (endpoint) (rate(aggregator_partial_answers_total[$__rate_interval]))", "{{endpoint}}"),)),
    Panel("Parts that failed", "ops", (
        ('sum by (endpoint, part, cause) (rate(aggregator_parts_total{cause!=""}[$__rate_interval])) > 0',
         "{{endpoint}} {{part}} {{cause}}"),)),
    Panel("Calls that failed", "ops", (
        ('sum by (upstream, cause) (rate(aggregator_attempts_total{cause!=""}[$__rate_interval])) > 0',
         "{{upstream}} {{cause}}"),)),
    Panel("Duration of calls, 95 of 100 are faster", "s", (
        (_quantile("0.95", "aggregator_attempt_duration_seconds", "upstream"), "{{upstream}}"),)),
    Panel("Connections to upstreams", "short", (
        ("sum by (upstream, state) (aggregator_upstream_connections)", "{{upstream}} {{state}}"),
        ("sum by (upstream) (aggregator_upstream_waiting_calls)", "{{upstream}} waiting"))),
    Panel("Background calls", "ops", (
        ("sum by (state) (rate(aggregator_background_calls_total[$__rate_interval]))", "{{state}}"),
        ("sum(aggregator_background_waiting_calls)", "waiting"))),
    Panel("Durable effects", "short", (
        ('sum by (state) (aggregator_effects{state!="sent"})', "{{state}}"),
        ("sum by (result) (rate(aggregator_effect_deliveries_total[$__rate_interval]))", "{{result}} a second"))),
    Panel("Requests under way", "short", (
        ("sum by (instance) (aggregator_requests_in_flight)", "{{instance}}"),)),
    Panel("Event loop lag", "s", (("max by (instance) (aggregator_event_loop_lag_seconds)", "{{instance}}"),)),
    Panel("Memory", "bytes", (("sum by (instance) (process_resident_memory_bytes)", "{{instance}}"),)),
    Panel("Processor time", "percentunit", (
        ("sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]))", "{{instance}}"),)),
    Panel("Configurations", "short", (
        ("max by (instance) (aggregator_config_generation)", "{{instance}} generation"),
        ("max by (instance) (aggregator_config_refused)", "{{instance}} refused"))),
)  # fmt: skip
"""What is drawn, two in a row, from what clients see down to the process."""


def dashboard_text(title: str) -> str:
    """Return the dashboard as the JSON that Grafana imports; *title* is that of the API."""
    variable = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    made = {
        "title": title,
        "uid": "aggregator",
        "tags": ["aggregator"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [variable]},
        "panels": list(_panels()),
    }
    return json.dumps(made, indent=2) + "\n"


def _panels() -> Iterator[dict[str, Any]]:
    for number, panel in enumerate(PANELS):
        row, column = divmod(number, 2)
        yield {
            "id": number + 1,
            "type": "timeseries",
            "title": panel.title,
            "datasource": _SOURCE,
            "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": column * _WIDTH, "y": row * _HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
                for place, (query, legend) in enumerate(panel.queries)
            ],
        }
