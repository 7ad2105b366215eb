"""``aggregator reload``: have a running process load its file again."""

from __future__ import annotations

from typing import Any

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand


@click.command(
    "reload",
    cls=ExampleCommand,
    short_help="Have a running process load its file again.",
    examples=(
        ("aggregator reload", "reload the process whose `server.admin` routes.yaml declares"),
        ("aggregator reload http://127.0.0.1:9000 --why 'new prices'", "another one; its log says the reason"),
    ),
)
@click.argument("url", required=False)
@json_option()
@file_option()
@click.option("--why", "--reason", "reason", default="", help="Why; the log of the process says it.")
def reload(url: str | None, as_json: bool, file: str, reason: str) -> None:
    """Make the process at URL load its file again, and print the outcome.

    Without URL it is the one that FILE declares under `server.admin`, with its secret. The secret of
    AGGREGATOR_ADMIN_SECRET comes first.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude

    answer = admin_target(url, file).ask("POST", "/-/reload", {"reason": reason})
    conclude(answer, _tell, as_json=as_json)


def _tell(done: dict[str, Any]) -> None:
    """Print what came of a reload: to stderr why it was refused."""
    generation = f"generation {done['generation']}"
    if "refusal" not in done:
        is_same = done["verdict"] == "unchanged"
        click.echo(f"Unchanged: {generation} goes on." if is_same else f"Reloaded: {generation} serves.")
        return
    problems = done["refusal"]["problems"]
    click.echo(f"error: The file is refused, and {generation} goes on: {done['refusal']['summary']}", err=True)
    for one in problems:
        click.echo(f"{one['file']}:{one['line']}:{one['column']}: {one['message']} ({one['code']})", err=True)
