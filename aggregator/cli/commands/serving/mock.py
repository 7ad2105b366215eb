"""``aggregator mock``: serve the file of a mock until a signal ends the process."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click

from aggregator.cli.helping import ExampleCommand

_PLACE = re.compile(r"(?:headers|query)\.[^.\s]+|body(?:\.[^.\s]+)+").fullmatch


def _upstream(_context: click.Context, _parameter: click.Parameter, url: str | None) -> str | None:
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise click.BadParameter("write a base URL, such as https://ledger.internal/v1")
    return url


def _places(_context: click.Context, _parameter: click.Parameter, places: tuple[str, ...]) -> tuple[str, ...]:
    for place in places:
        if not _PLACE(place):
            raise click.BadParameter("write it like body.user.email, headers.x-tenant or query.key")
    return places


@click.command(
    "mock",
    cls=ExampleCommand,
    examples=(
        ("aggregator mock mocks/ledger.yaml --port 9001", "stand in for the upstream that the file describes"),
        (
            "aggregator mock mocks/ledger.yaml --port 9001 --record https://ledger.internal",
            "write down what the real one answers",
        ),
    ),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0, the default, is a free one."
)
@click.option(
    "--record", metavar="URL", callback=_upstream, help="Upstream that gets what FILE does not answer; what it says is "
    "written into FILE, which need not be there yet.",
)  # fmt: skip
@click.option(
    "--hide", metavar="PLACE", multiple=True, callback=_places,
    help="Mask a place beside credentials in what is recorded, such as `body.user.email`, `headers.x-tenant`, "
    "`query.key`; again for more.",
)  # fmt: skip
def mock(file: Path, host: str, port: int, record: str | None, hide: tuple[str, ...]) -> None:
    """Answer as FILE says, which holds `routes` as `mock.file` of an upstream does.

    Faults are real ones: a connection that breaks, an answer that never comes. Saving the file changes what is
    answered; a file with problems changes nothing.

    With --record a request that FILE does not answer goes to URL. What comes back is served from FILE from then on:
    once for a method, path and query, without credentials. Answers that say something of the moment or of who asks
    (401, 403, 429, 5xx) are passed on alone, as are bodies that are no text or have more than 256 KiB.

    Exit codes: 0 stopped by a signal, 1 the file has problems, 2 the command is wrong, 3 it could not be served.
    """
    if record is None and not file.exists():
        raise click.BadParameter(f"File '{file}' does not exist.", param_hint="'FILE'")
    if hide and record is None:
        raise click.UsageError("--hide says what is masked in a recording: it stands beside --record.")
    from functools import partial

    from aggregator.cli.terminal import show_problems
    from aggregator.errors import ConfigError
    from aggregator.server.mocking.recording.tape import NotAppendableError
    from aggregator.server.mocking.running import Recording, serve_mock
    from aggregator.server.process.event_loop import run_in_loop
    from aggregator.telemetry.hiding import hidden_places

    def refused(error: ConfigError) -> None:
        show_problems(error.diagnostics, error.sources)
        click.echo("aggregator: the last good file goes on answering", err=True)

    def say(words: str) -> None:
        click.echo(f"aggregator: {words}", err=True)

    try:
        recording = None if record is None else Recording(record, hidden_places(hide))
        run_in_loop(partial(serve_mock, file, host, port, say, refused, recording))
    except ConfigError as error:
        show_problems(error.diagnostics, error.sources)
        sys.exit(1)
    except NotAppendableError as error:
        click.echo(f"error: {file}: {error}.", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"error: {host}:{port} cannot be listened on: {error.strerror}.", err=True)
        sys.exit(3)
