"""``aggregator status``: what a running process serves."""

from __future__ import annotations

import sys

import click

from aggregator.cli.choosing import file_option
from aggregator.cli.helping import ExampleCommand


@click.command(
    "status",
    cls=ExampleCommand,
    short_help="Show what a running process serves.",
    examples=(
        ("aggregator status", "ask the process whose `server.admin` routes.yaml declares"),
        ("aggregator status unix:/run/admin.sock | jq .last_refusal", "ask another one"),
    ),
)
@click.argument("url", required=False)
@file_option()
def status(url: str | None, file: str) -> None:
    """Print what the process at URL serves, as `/-/config` tells it: generation, requests, the last refusal.

    Without URL it is the one that FILE declares under `server.admin`, with its secret. The secret of
    AGGREGATOR_ADMIN_SECRET comes first.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target, show

    answer = admin_target(url, file).ask("GET", "/-/config")
    show(answer)
    sys.exit(0 if answer.is_success else 1)
