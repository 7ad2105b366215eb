"""``aggregator top``: endpoints and upstreams of a running process, the worst first, for as long as one looks."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aggregator.cli.choosing import file_option
from aggregator.cli.helping import ExampleCommand

if TYPE_CHECKING:
    from aggregator.cli.following import Event
    from aggregator.cli.watching.table import Table


@click.command(
    "top",
    cls=ExampleCommand,
    short_help="Watch the endpoints and upstreams of a running process.",
    examples=(
        ("aggregator top", "watch the process whose `server.admin` routes.yaml declares"),
        ("aggregator top --endpoint 'GET /users/{id}'", "watch one endpoint and its parts"),
        ("ssh host aggregator top --url 127.0.0.1:9000", "watch one elsewhere"),
    ),
)
@click.option("--endpoint", default="", metavar="KEY", help="One endpoint, as the file calls it, and its parts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a second.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@file_option()
def top(endpoint: str, as_json: bool, url: str | None, file: str) -> None:
    """Show requests a second, failures, partial answers and durations (ms) of the last ten seconds.

    Endpoints that fail come first, then those that are asked most. When the process ends it waits for it to come back.
    Where stdout is no terminal, the table is written anew each second, without colours. `q` and Ctrl-C end it.

    Exit codes: 0 interrupted, or nobody reads any more, 1 refused or not reached, 2 wrong usage.
    """
    from aggregator.cli.administration import admin_target
    from aggregator.cli.following import follow
    from aggregator.cli.watching.leaving import until_left
    from aggregator.cli.watching.table import Table

    table = Table(endpoint)
    asked = {"show": "counts,parts", "endpoint": endpoint} if endpoint else {"show": "counts"}
    with until_left():
        events = follow(admin_target(url, file), asked)
        if sys.stdout.isatty() and not as_json:
            _draw(table, events)
        for event in events:
            table.take(event)
            if event.name == "counts":
                size = shutil.get_terminal_size((100, 50))
                click.echo(json.dumps(table.data()) if as_json else f"{table.text(*size)}\n")
            elif event.name == "gone":
                click.echo("The server has gone; waiting for it.", err=True)


def _draw(table: Table, events: Iterator[Event]) -> None:
    from aggregator.cli.watching.fullscreen import FullScreen

    table.take(next(events))  # who cannot be reached is told on the screen as it was
    with FullScreen(table.text, sys.stdin, sys.stdout) as screen:
        screen.draw()
        for event in events:
            table.take(event)
            screen.draw()
