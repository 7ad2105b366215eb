"""``aggregator routes``: what is served, and what it calls."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aggregator.cli.choosing import path_argument
from aggregator.cli.helping import ExampleCommand
from aggregator.cli.terminal import show_table


@click.command(
    "routes",
    cls=ExampleCommand,
    short_help="Show what a file serves and what it calls.",
    examples=(
        ("aggregator routes", "list what routes.yaml serves"),
        ("aggregator routes --format markdown", "a table for documents"),
    ),
)
@path_argument()
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def routes(path: str, form: str) -> None:
    """Show what PATH (routes.yaml) serves and what it calls.

    \b
    → users               one call
    ⇉ profile · ads?      calls side by side; `?` is optional, `[]` per item
    = 200                 a static answer
    + analytics           a call after the answer has gone out

    `--format markdown` writes a table for documents: what each endpoint needs and calls.

    Exit codes: 0 fine, 1 the file has problems, 2 wrong usage.
    """  # noqa: D301 - click wants the character itself
    from aggregator.plan.explaining.summary import calls_text, limits_text, route_member
    from aggregator.server.generations.plan_source import PlanFiles

    plan = PlanFiles(Path(path)).load()
    if form == "json":
        click.echo(json.dumps([route_member(one) for one in plan.endpoints], ensure_ascii=False, indent=2))
        return
    if form == "markdown":
        from aggregator.plan.explaining.listing import routes_markdown

        click.echo(routes_markdown(plan.declared), nl=False)
        return
    rows = [(*one.key.split(" ", 1), calls_text(one), limits_text(one)) for one in plan.declared]
    show_table(("METHOD", "PATH", "CALLS", "DEADLINE"), rows)
