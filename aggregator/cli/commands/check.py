"""``aggregator check``: every problem of a file at once, without touching anything."""

from __future__ import annotations

import json
import os
import sys

import click

from aggregator.cli.choosing import path_argument
from aggregator.cli.helping import ExampleCommand
from aggregator.cli.terminal import has_color, width_of


@click.command(
    "check",
    cls=ExampleCommand,
    short_help="Find every mistake in a file, all at once.",
    examples=(
        ("aggregator check", "find every mistake in routes.yaml"),
        ("aggregator check shop.yaml --format json", "the same for machines"),
    ),
)
@path_argument()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    help="Form of the findings; `github` (annotations) is the default inside GitHub Actions.",
)
@click.option("--deny-warnings", is_flag=True, help="A warning is a finding too.")
def check(path: str, form: str | None, deny_warnings: bool) -> None:
    """Find every mistake in PATH (routes.yaml) and in what it includes.

    Needs no network and imports no plug-in. Findings go to stdout, summary and notes to stderr.

    Exit codes: 0 no findings, 1 findings (a file that cannot be read is one), 2 wrong usage.
    """
    # pydantic would look through every installed package for plug-ins of its own, which no check needs
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

    from aggregator.diagnostics import render_github, render_text
    from aggregator.server.once.checking import check_file

    found = check_file(path)
    form = form or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    if form == "json":
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=2))
    elif found.diagnostics:
        click.echo(
            render_github(found.diagnostics, found.sources)
            if form == "github"
            else render_text(
                found.diagnostics, found.sources, color=has_color(sys.stdout), width=width_of(sys.stdout, 120)
            )
            + "\n"
        )
    click.echo(found.summary(), err=True)
    for note in found.notes:
        click.echo(f"  = note: {note}", err=True)
    sys.exit(0 if found.is_fine(deny_warnings=deny_warnings) else 1)
