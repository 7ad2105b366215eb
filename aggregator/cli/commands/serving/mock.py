"""``aggregator mock``: serve the file of a mock until a signal ends the process."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aggregator.cli.helping import ExampleCommand


@click.command(
    "mock",
    cls=ExampleCommand,
    examples=(("aggregator mock mocks/ledger.yaml --port 9001", "stand in for the upstream that the file describes"),),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0, the default, is a free one."
)
def mock(file: Path, host: str, port: int) -> None:
    """Answer as FILE says, which holds `routes` as `mock.file` of an upstream does.

    Faults are real ones: a connection that breaks, an answer that never comes. Saving the file changes what is
    answered; a file with problems changes nothing.

    Exit codes: 0 stopped by a signal, 1 the file has problems, 3 it could not be served.
    """
    import asyncio

    from aggregator.cli.terminal import show_problems
    from aggregator.errors import ConfigError
    from aggregator.server.mocking.running import serve_mock

    def refused(error: ConfigError) -> None:
        show_problems(error.diagnostics, error.sources)
        click.echo("aggregator: the last good file goes on answering", err=True)

    def say(words: str) -> None:
        click.echo(f"aggregator: {words}", err=True)

    try:
        asyncio.run(serve_mock(file, host, port, say, refused))
    except ConfigError as error:
        show_problems(error.diagnostics, error.sources)
        sys.exit(1)
    except OSError as error:
        click.echo(f"error: {host}:{port} cannot be listened on: {error.strerror}.", err=True)
        sys.exit(3)
