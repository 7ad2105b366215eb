"""``aggregator reload``: have a running process load its file again."""

from __future__ import annotations

import sys

import click

from aggregator.cli.choosing import file_option
from aggregator.cli.helping import ExampleCommand


@click.command(
    "reload",
    cls=ExampleCommand,
    short_help="Have a running process load its file again.",
    examples=(
        ("aggregator reload", "reload the process whose `server.admin` routes.yaml declares"),
        ("aggregator reload http://127.0.0.1:9000 --reason 'new prices'", "another one; its log says the reason"),
    ),
)
@click.argument("url", required=False)
@file_option()
@click.option("--reason", default="", help="Why; the log of the process says it.")
def reload(url: str | None, file: str, reason: str) -> None:
    """Have the process at URL load its file again, and print what came of it.

    Without URL it is the one that FILE declares under `server.admin`, with its secret. The secret of
    AGGREGATOR_ADMIN_SECRET comes first.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target, show

    answer = admin_target(url, file).ask("POST", "/-/reload", {"reason": reason})
    show(answer)
    sys.exit(0 if answer.is_success else 1)
