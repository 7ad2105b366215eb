"""``aggregator run``: serve a file until a signal ends the process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

import click

from aggregator.cli.choosing import path_argument
from aggregator.cli.helping import ExampleCommand
from aggregator.cli.terminal import width_of

if TYPE_CHECKING:
    from aggregator.telemetry.logging import LogFormat


def _workers(_: click.Context, __: click.Parameter, value: str | None) -> int | Literal["auto"] | None:
    if value is None or value == "auto":
        return "auto" if value else None
    if not value.isdecimal() or not 1 <= int(value) <= 256:
        raise click.BadParameter("it is a number from 1 to 256, or auto")
    return int(value)


@click.command(
    "run",
    cls=ExampleCommand,
    examples=(
        ("aggregator run", "serve routes.yaml; saving it changes the running API"),
        ("aggregator run shop.yaml --port 9000", "serve another file on another port"),
    ),
)
@path_argument()
@click.option("--host", help="Address to listen on, in place of `server.host`; not beside `server.listen`.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on, in place of `server.port`; 0 picks a free one. Not beside `server.listen`.",
)
@click.option(
    "--workers", metavar="N|auto", callback=_workers,
    help="Processes that serve, in place of `server.workers`; `auto` is as many as there are processors.",
)  # fmt: skip
@click.option("--watch/--no-watch", default=True, show_default=True, help="Serve the file anew whenever it is saved.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json", "combined"]),
    help="Form of the log lines, in place of `telemetry.log.format`.",
)
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(["debug", "info", "warning", "error"])
)
def run(
    path: str, host: str | None, port: int | None, workers: int | Literal["auto"] | None, watch: bool,
    log_format: LogFormat | None, log_level: str,
) -> None:  # fmt: skip
    """Serve PATH (routes.yaml). SIGHUP or saving the file reloads it; a bad file changes nothing.

    Exit codes: 0 stopped by a signal, 1 the file has problems, 3 it could not be served (port taken, …).
    """
    from aggregator.server.process.starting import start

    sys.exit(start(path, host, port, watch=watch, log_format=log_format, log_level=log_level,
                   width=width_of(sys.stderr, 120), workers=workers))  # fmt: skip
