"""``aggregator log``: another level or format for the log of a running process."""

from __future__ import annotations

import json
from typing import Any

import click

from aggregator.cli.choosing import file_option, json_option
from aggregator.cli.helping import ExampleCommand

_VALUES = {"level": ("debug", "info", "warning", "error", "auto"), "format": ("text", "json", "combined", "auto")}


@click.command(
    "log",
    cls=ExampleCommand,
    short_help="Change what a running process writes into its log.",
    examples=(
        ("aggregator log level debug --for 5m", "write everything for five minutes"),
        ("aggregator log format json", "write JSON until the process ends, or `aggregator log format auto`"),
        ("aggregator log", "print the level and the format, and until when they hold"),
    ),
)
@click.argument("what", type=click.Choice([*_VALUES, "show"]), default="show")
@click.argument("value", required=False)
@click.option("--for", "duration", default=None, help="How long it holds, such as 10m; until `auto` unless said.")
@click.option("--by", default="", help="Who asks; the log of the process says it.")
@click.option("--why", default="", help="Why; the log of the process says it.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@json_option()
@file_option()
def log(
    what: str, value: str | None, duration: str | None, by: str, why: str, url: str | None, as_json: bool, file: str
) -> None:
    """Change the level or the format of a running process's log.

    `auto` takes back what was ordered: options and the file count again. What is ordered goes on over a reload.

    Exit codes: 0 fine, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.answers import conclude

    given: dict[str, str] = {"reason": why, "by": by}
    if what != "show":
        if value not in _VALUES[what]:
            raise click.UsageError(f"`{what}` is one of {', '.join(_VALUES[what])}.")
        given |= {what: value} | ({} if duration is None else {"for": duration})
    elif value is not None or duration is not None:
        raise click.UsageError("`show` changes nothing, so it takes no value and no `--for`.")
    target = admin_target(url, file)
    if what == "show":
        conclude(target.ask("GET", "/-/config"), lambda config: _show(config["log"], as_json=as_json), as_json=False)
    conclude(target.ask("POST", "/-/log", given), _tell, as_json=as_json)


def _show(now: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(now))
    else:
        _tell(now)


def _tell(now: dict[str, Any]) -> None:
    end = f", until {now['until']}" if now.get("until") else ""
    click.echo(f"The log is written from level {now['level']} on, as {now['format']}{end}.")
