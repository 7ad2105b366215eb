"""``aggregator breaker``: open, close and show the breakers of a running process."""

from __future__ import annotations

import sys

import click

from aggregator.cli.choosing import file_option
from aggregator.cli.helping import ExampleCommand, complete_upstream


@click.command(
    "breaker",
    cls=ExampleCommand,
    short_help="Open, close or show the breakers of a running process.",
    examples=(
        ("aggregator breaker show", "print the state of each breaker"),
        ("aggregator breaker open users --for 10m --why 'deploy of users'", "call `users` no more for ten minutes"),
        ("aggregator breaker auto users", "leave it to what is declared again"),
    ),
)
@click.argument("order", type=click.Choice(["open", "close", "auto", "show"]))
@click.argument("upstream", required=False, shell_complete=complete_upstream)
@click.option("--for", "duration", default=None, help="How long it holds, such as 10m; until `auto` unless said.")
@click.option("--by", default="", help="Who asks; `show` and the log of the process say it.")
@click.option("--why", default="", help="Why; `show` and the log of the process say it.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@file_option()
def breaker(
    order: str, upstream: str | None, duration: str | None, by: str, why: str, url: str | None, file: str
) -> None:
    """Have a running process call UPSTREAM no more (`open`), always (`close`), or as is declared (`auto`).

    `show` prints what each breaker does and has counted. What is ordered goes on over a reload, and ends with
    the process.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target, show

    target = admin_target(url, file)
    if order == "show":
        answer = target.ask("GET", "/-/breakers")
    elif upstream is None:
        raise click.UsageError(f"`{order}` needs the name of an upstream.")
    else:
        given = {"upstream": upstream, "order": order, "reason": why, "by": by, "why": why}
        answer = target.ask("POST", "/-/breaker", given | ({} if duration is None else {"for": duration}))
    show(answer)
    sys.exit(0 if answer.is_success else 1)
