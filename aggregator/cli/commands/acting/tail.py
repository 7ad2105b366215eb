"""``aggregator tail``: requests of a running process as they end, a line each."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli.choosing import file_option
from aggregator.cli.helping import ExampleCommand

if TYPE_CHECKING:
    from aggregator.cli.following import Event


@click.command(
    "tail",
    cls=ExampleCommand,
    short_help="Print requests of a running process as they end.",
    examples=(
        ("aggregator tail --slower-than 500ms", "requests that took half a second or longer"),
        ("aggregator tail --part ads --cause timeout", "those whose part `ads` ran out of time"),
        ("aggregator tail --json | jq .path", "one JSON document a line"),
    ),
)
@click.option(
    "--endpoint", default="", metavar="KEY", help="An endpoint as the file calls it, such as 'GET /users/{id}'."
)
@click.option("--part", default="", metavar="NAME", help="Requests that have this part.")
@click.option("--cause", default="", metavar="WORD", help="Requests that failed, or whose part did, for this cause.")
@click.option("--slower-than", default="", metavar="TIME", help="Requests that took so long, such as 500ms.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@file_option()
def tail(endpoint: str, part: str, cause: str, slower_than: str, as_json: bool, url: str | None, file: str) -> None:
    """Print requests that a running process has answered, as they end, until it is interrupted.

    When the process ends it waits for it to come back. In a pipe there are no colours; each line is written at once.

    Exit codes: 0 interrupted, or nobody reads any more, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.following import follow
    from aggregator.cli.terminal import has_color
    from aggregator.cli.watching.leaving import until_left

    chosen = {"endpoint": endpoint, "part": part, "cause": cause, "slower_than": slower_than}
    asked = {"show": "requests", **{name: value for name, value in chosen.items() if value}}
    color = has_color(sys.stdout)
    with until_left():
        for event in follow(admin_target(url, file), asked):
            _show(event, as_json=as_json, color=color)


def _show(event: Event, *, as_json: bool, color: bool) -> None:
    if event.name == "request":
        click.echo(json.dumps(event.data, ensure_ascii=False) if as_json else line_of(event.data, color=color))
    elif event.name == "gone":
        click.echo("The server has gone; waiting for it.", err=True)
    elif event.name == "back":
        click.echo("The server is back.", err=True)
    elif event.name == "lost":
        click.echo(f"{event.data['count']} more requests came too fast to be shown.", err=True)


def line_of(data: dict[str, Any], *, color: bool) -> str:
    """Return a request as a line: when, status, how long, what, and which parts were not as they should be."""
    from aggregator.cli.following import printable, style

    status = data["status"]
    is_bad = status >= 500 or data["how"] != "answered"
    hue = "red" if is_bad else "yellow" if data["partial"] or status >= 400 else "green"
    bad = [f"{one['name']}={one['cause'] or one['state']}" for one in data["parts"] if one["state"] not in _FINE]
    said = ([data["cause"]] if data["cause"] and not bad else []) + ([data["how"]] if data["how"] != "answered" else [])
    words = [
        datetime.fromtimestamp(data["at"]).strftime("%H:%M:%S"),
        style(f"{status}", color=color, fg=hue),
        f"{data['ms']:>7.0f} ms",
        printable(f"{data['method']} {data['path']}"),
        style(printable(" ".join([*said, *bad])), color=color, fg=hue),
    ]
    return "  ".join(words).rstrip()


_FINE = ("ok", "skipped", "stale")
