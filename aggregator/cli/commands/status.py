"""``aggregator status``: what a running process serves."""

from __future__ import annotations

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand


@click.command(
    "status",
    cls=ExampleCommand,
    short_help="Show what a running process serves.",
    examples=(
        ("aggregator status", "ask the process whose `server.admin` routes.yaml declares"),
        ("aggregator status --json unix:/run/admin.sock | jq .last_refusal", "ask another one"),
    ),
)
@click.argument("url", required=False)
@json_option()
@file_option()
def status(url: str | None, as_json: bool, file: str) -> None:
    """Print what the process at URL serves, as `/-/config` tells it: generation, requests, the last refusal.

    Without URL it is the one that FILE declares under `server.admin`, with its secret. The secret of
    AGGREGATOR_ADMIN_SECRET comes first.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude, lines_of

    answer = admin_target(url, file).ask("GET", "/-/config")
    conclude(answer, lambda config: click.echo("\n".join(lines_of(config))), as_json=as_json)
