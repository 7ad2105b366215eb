"""Recording and alerting rules for Prometheus, from the objectives that a file declares.

How error budgets burn, over which windows and from which rates on somebody is woken, is chapter 5 of the SRE workbook:
https://sre.google/workbook/alerting-on-slos/. The period of each objective is 30 days.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from aggregator.durations import number_text
from aggregator.plan.telemetry import SloPlan
from aggregator.plan.types import EndpointPlan, Plan

PERIOD: Final = "30d"


class Burn(NamedTuple):
    """An alert on a budget that burns *factor* times as fast as it may, both over *long* and over *short*."""

    factor: float
    long: str
    short: str
    severity: str


BURNS: Final = (
    Burn(14.4, "1h", "5m", "page"),
    Burn(6, "6h", "30m", "page"),
    Burn(1, "3d", "6h", "ticket"),
)
_WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")


class Alert(NamedTuple):
    """An alert on the server itself. *pending* is how long the condition lasts before anybody hears of it."""

    name: str
    condition: str
    pending: str
    severity: str
    summary: str
    description: str


ALERTS: Final = (
    Alert("ConfigRefused", "max by (instance) (aggregator_config_refused) == 1", "5m", "ticket",
          "A saved configuration was refused.",
          "The running one stays; the log and /-/config say what is wrong with the saved one."),
    Alert("CallsRefused", 'sum by (upstream) (rate(aggregator_attempts_total{cause=~"queue_.*"}[5m])) > 0', "5m",
          "page", "Calls to {{ $labels.upstream }} find no connection.",
          "More is asked of it than `limits` allow and its latency lets through."),
    Alert("UpstreamFailing",
          'sum by (upstream) (rate(aggregator_attempts_total{cause!="",cause!="cancelled",cause!="status"}[5m]))'
          " / sum by (upstream) (rate(aggregator_attempts_total[5m])) > 0.5", "5m", "page",
          "Half of the calls to {{ $labels.upstream }} fail without an answer.",
          "aggregator_attempts_total says by which cause."),
    Alert("BreakerOpen", "max by (upstream) (aggregator_breaker_open) == 1", "2m", "page",
          "{{ $labels.upstream }} is left alone: its breaker is open.",
          "`aggregator breaker show` says why, and since when."),
    Alert("HostsLeftOut", 'max by (upstream) (aggregator_upstream_hosts{state!="usable"}) > 0', "10m", "ticket",
          "Hosts of {{ $labels.upstream }} are left out: their calls or their health checks fail.",
          "`/-/hosts` at the address of administration says which, the log since when."),
    Alert("RequestsShed", "sum by (instance) (rate(aggregator_shed_requests_total[5m])) > 0", "5m", "page",
          "Requests are refused because of `server.limits`.", "It is asked for more than it may do at once."),
    Alert("BackgroundCallsLost",
          'sum by (instance) (increase(aggregator_background_calls_total{state=~"dropped|lost"}[10m])) > 0', "0m",
          "ticket", "Background calls were dropped or lost.", "The queue was full, or the server stopped meanwhile."),
    Alert("EffectsBroken", "max by (instance) (aggregator_effects_broken) > 0", "1m", "page",
          "Durable effects cannot be written.", "The disk of `state` is full or broken; the log says why."),
    Alert("EffectsDead", 'sum by (instance) (increase(aggregator_effect_deliveries_total{result="dead"}[10m])) > 0',
          "0m", "ticket", "Durable effects were given up.",
          "`aggregator effects list --state dead` says which and why, `effects retry` sends them again."),
    Alert("EffectsParked", 'sum by (instance) (aggregator_effects{state="parked"}) > 0', "10m", "ticket",
          "Durable effects wait for an upstream that the file does not know.",
          "`aggregator effects list --state parked` says which; declare the upstream again, or discard them."),
    Alert("EffectsSlow", "max by (upstream) (aggregator_effects_slow) > 0", "10m", "ticket",
          "Durable effects do not arrive at {{ $labels.upstream }}: it fails.",
          "`aggregator effects list --state waiting` says why; they go on once it is back."),
    Alert("EventLoopLate", "max by (instance) (aggregator_event_loop_lag_seconds) > 0.5", "5m", "page",
          "The event loop is late by more than half a second.", "The log says what blocks it."),
    Alert("LogLinesLost", "sum by (instance) (increase(aggregator_lost_log_lines_total[10m])) > 0", "0m", "ticket",
          "Nobody takes the log in time.", "Its reader is slow or stuck."),
    Alert("FewFilesLeft", "process_open_fds / process_max_fds > 0.8", "5m", "page",
          "Four fifths of the file descriptors are in use.", "New connections will fail when they are all taken."),
)  # fmt: skip
"""What wakes somebody, beside the objectives. Names get the prefix ``Aggregator``."""

NAMES: Final = (*(one.name for one in ALERTS), "ErrorBudgetBurns")
"""The alerts whose times can be set."""


def rules_text(plan: Plan, pending: Mapping[str, str]) -> str:
    """Return the rules of *plan* as YAML. *pending* says how long the conditions of alerts last, by their name."""
    objectives = [(one, one.slo) for one in plan.declared if one.slo is not None]
    groups: list[dict[str, Any]] = [{"name": "aggregator", "rules": [_alert(one, pending) for one in ALERTS]}]
    if objectives:
        recorded = [rule for endpoint, slo in objectives for rule in _recorded(endpoint, slo)]
        burning = [_burning(endpoint, slo, burn, pending) for endpoint, slo in objectives for burn in BURNS]
        groups.append({"name": "aggregator-slo", "rules": [*recorded, *burning]})
    return "\n".join(_yaml({"groups": groups})) + "\n"


def _alert(alert: Alert, pending: Mapping[str, str]) -> dict[str, Any]:
    return {
        "alert": f"Aggregator{alert.name}",
        "expr": alert.condition,
        "for": pending.get(alert.name, alert.pending),
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.description},
    }


def _recorded(endpoint: EndpointPlan, slo: SloPlan) -> Iterator[dict[str, Any]]:
    """Yield the share of bad requests over each window."""
    for window in _WINDOWS:
        yield {
            "record": f"aggregator:slo_errors:ratio_rate{window}",
            "expr": f"1 - ({_good(endpoint, slo, window)}) / ({_all(endpoint, window)})",
            "labels": {"endpoint": endpoint.key},
        }


def _all(endpoint: EndpointPlan, window: str) -> str:
    return f"sum(rate(aggregator_requests_total{{{_of(endpoint)}}}[{window}]))"


def _good(endpoint: EndpointPlan, slo: SloPlan, window: str) -> str:
    """Return the rate of good requests: no 5xx, not later than the objective's latency, and whole if it says so.

    An answer may be bad in several ways: only what is bad for a missing part alone is taken off those that are in time.
    """
    fine = f'{_of(endpoint)},status!="5xx"'
    if slo.latency is None:
        good = f"sum(rate(aggregator_requests_total{{{fine}}}[{window}]))"
    else:
        bucket = f'aggregator_request_duration_seconds_bucket{{{fine},le="{slo.latency!r}"}}'
        good = f"sum(rate({bucket}[{window}]))"
    if not slo.partial_is_bad:
        return good
    return f"{good} - sum(rate(aggregator_slo_partial_answers_total{{{_of(endpoint)}}}[{window}]))"


def _of(endpoint: EndpointPlan) -> str:
    return f"endpoint={json.dumps(endpoint.key, ensure_ascii=False)}"


def _burning(endpoint: EndpointPlan, slo: SloPlan, burn: Burn, pending: Mapping[str, str]) -> dict[str, Any]:
    limit = f"({burn.factor:g} * {number_text(round(1 - slo.objective, 12))})"
    of = f"{{{_of(endpoint)}}}"
    over = [f"aggregator:slo_errors:ratio_rate{window}{of} > {limit}" for window in (burn.long, burn.short)]
    speed = f"{burn.factor:g} times as fast as" if burn.factor > 1 else "faster than"
    summary = f"The error budget of {endpoint.key} burns {speed} it may."
    return {
        "alert": "AggregatorErrorBudgetBurns",
        "expr": " and ".join(over),
        "for": pending.get("ErrorBudgetBurns", "2m" if burn.severity == "page" else "15m"),
        "labels": {"severity": burn.severity, "endpoint": endpoint.key, "window": burn.long},
        "annotations": {
            "summary": summary,
            "description": f"{{{{ $value | humanizePercentage }}}} of its requests were bad in {burn.long}; the "
            f"objective is {number_text(slo.objective * 100)} % over {PERIOD}.",
        },
    }


def _yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Yield the lines of *value*: mappings and lists as blocks, texts in double quotes, which YAML reads as JSON."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield f"{indent}{key}:"
            yield from _yaml(inner, indent + "  ")
        elif isinstance(inner, list):
            yield f"{indent}{key}:"
            for item in inner:
                first, *rest = _yaml(item, indent + "    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {json.dumps(inner, ensure_ascii=False)}"
