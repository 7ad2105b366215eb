"""``aggregator monitoring``: alerting rules for Prometheus and a dashboard for Grafana."""

from __future__ import annotations

from pathlib import Path

import click

from aggregator.cli.choosing import path_argument
from aggregator.cli.helping import ExampleCommand
from aggregator.errors import AggregatorError

DASHBOARD, RULES = "aggregator-dashboard.json", "aggregator-rules.yaml"


@click.command(
    "monitoring",
    cls=ExampleCommand,
    short_help="Write alerts for Prometheus and a dashboard for Grafana.",
    examples=(
        ("aggregator monitoring routes.yaml", f"write {DASHBOARD} and {RULES} here"),
        ("aggregator monitoring routes.yaml --for ConfigRefused=15m", "wake somebody later"),
    ),
)
@path_argument("config")
@click.option("--output", "-o", default=".", type=click.Path(file_okay=False), help="Write into this folder.")
@click.option("--for", "pending", multiple=True, metavar="ALERT=TIME", help="How long before an alert fires.")
def monitoring(config: str, output: str, pending: tuple[str, ...]) -> None:
    """Write what a team needs to watch a server with this file: burn rates of each `slo`, alerts, plots.

    The file has to declare `telemetry.metrics`. Import the dashboard into Grafana, and name the rules under
    `rule_files` of Prometheus.

    Exit codes: 0 written, 1 the file has problems, 2 wrong usage.
    """
    from aggregator.config.loading import load_config
    from aggregator.plan.compiler import compile_plan
    from aggregator.server.monitoring.dashboard import dashboard_text
    from aggregator.server.monitoring.rules import rules_text

    waits = _pending(pending)
    plan = compile_plan(load_config(config))
    if plan.metrics is None:
        raise AggregatorError(f"{config} declares no `telemetry.metrics`, so there is nothing to watch.")
    for name, text in ((DASHBOARD, dashboard_text(plan.server.title)), (RULES, rules_text(plan, waits))):
        _write(Path(output) / name, text)


def _pending(texts: tuple[str, ...]) -> dict[str, str]:
    """Return how long before each alert fires, by its name; raises ``UsageError`` for one that there is not."""
    from aggregator.diagnostics import meant
    from aggregator.durations import duration_of
    from aggregator.server.monitoring.rules import NAMES

    found: dict[str, str] = {}
    for text in texts:
        name, _, wait = text.partition("=")
        if name not in NAMES:
            raise click.UsageError(f"--for names no alert {name!r}; {meant(name, NAMES)}")
        if duration_of(wait) is None:
            raise click.UsageError(f"--for {name} takes a duration such as 5m.")
        found[name] = wait
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AggregatorError(f"{path} cannot be written: {error.strerror}.") from None
    click.echo(f"wrote {path}", err=True)
