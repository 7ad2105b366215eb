"""``aggregator breaker``: open, close and show the breakers of a running process."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand, complete_upstream

_CALLED: Final[Mapping[str, str]] = MappingProxyType({"open": "no more", "close": "always", "auto": "as is declared"})


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
@json_option()
@file_option()
def breaker(
    order: str, upstream: str | None, duration: str | None, by: str, why: str, url: str | None, as_json: bool, file: str
) -> None:
    """Make a running process call UPSTREAM no more (`open`), always (`close`), or as declared (`auto`).

    `show` prints what each breaker does and has counted. What is ordered goes on over a reload, and ends with
    the process.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude

    target = admin_target(url, file)
    if order == "show":
        conclude(target.ask("GET", "/-/breakers"), _tell, as_json=as_json)
    elif upstream is None:
        raise click.UsageError(f"`{order}` needs the name of an upstream.")
    given = {"upstream": upstream, "order": order, "reason": why, "by": by, "why": why}
    answer = target.ask("POST", "/-/breaker", given | ({} if duration is None else {"for": duration}))
    limit = f" for {duration}" if duration and order != "auto" else ""
    conclude(answer, lambda _: click.echo(f"{upstream} is called {_CALLED[order]}{limit}."), as_json=as_json)


def _tell(breakers: list[dict[str, Any]]) -> None:
    """Print a line for each of *breakers*."""
    from aggregator.cli.following import printable
    from aggregator.cli.terminal import show_table

    if not breakers:
        click.echo("No upstream has a breaker.")
        return
    workers = ("WORKER",) if "worker" in breakers[0] else ()
    header = ("NAME", *workers, "PHASE", "FOR", "FAILED", "SLOW", "IN A ROW", "WHY")
    show_table(header, [tuple(map(printable, _row(one))) for one in breakers])


def _row(breaker: dict[str, Any]) -> tuple[Any, ...]:
    from aggregator.cli.answers import lasting

    window = breaker["window"]
    failed, slow = (f"{window[name]} of {window['calls']}" for name in ("failures", "slow"))
    is_forced = breaker["phase"].startswith("forced")
    if breaker["for"] == 0 and not is_forced:
        left = "until a call"  # its pause is over, and nobody has asked since
    else:
        left = lasting(breaker["for"]) if breaker["for"] is not None else "until `auto`" if is_forced else ""
    worker = (breaker["worker"],) if "worker" in breaker else ()
    return (breaker["name"], *worker, breaker["phase"], left, failed, slow, breaker["consecutive_failures"],
            breaker["reason"] or "")  # fmt: skip
