"""From the words of the command line to a serving process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from aggregator.errors import ConfigError, StartupError
from aggregator.server.application.app import application
from aggregator.server.application.serving import Application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.inherited import inherited_sockets
from aggregator.server.listeners.opening import Listener, open_listeners
from aggregator.server.process.announcing import Announcer, announcer
from aggregator.server.process.open_files import allow_open_files
from aggregator.server.process.serving import Service
from aggregator.server.process.signals import hang_up_ignored
from aggregator.telemetry.logging import LogFormat, configure_logging, error_output
from aggregator.telemetry.redaction import Masker

REFUSED, FAILED = 1, 3
_NOTES = {"public": "", "admin": "   administration", "redirect": "   sends on to https"}


@hang_up_ignored()
def start(
    path: str,
    host: str | None,
    port: int | None,
    *,
    watch: bool,
    log_format: LogFormat | None,
    log_level: str,
    width: int = 120,
) -> int:
    """Serve *path*; return the exit code: 0, 1 when the file has problems, 3 when it cannot be served.

    Problems, also those of a refused reload, are shown in *width* columns.
    """
    with error_output(sys.stderr) as stream:
        return _start(path, host, port, stream, watch=watch, log_format=log_format, log_level=log_level, width=width)


def _start(
    path: str, host: str | None, port: int | None, stream: TextIO, *, watch: bool, log_format: LogFormat | None,
    log_level: str, width: int,
) -> int:  # fmt: skip
    files = PlanFiles(Path(path), width=width)
    masker = Masker(())
    told = announcer(log_format or "text", path, files, stream)
    configure_logging(log_format or "text", log_level, stream, masker)
    try:
        app = application(files)
        plan = app.running.plan
        masker.learn(plan.secrets)
        if log_format is None and plan.server.log_format != "text":
            told = announcer(plan.server.log_format, path, files, stream)
            configure_logging(plan.server.log_format, log_level, stream, masker)
        told.warn()
        with _closing(open_listeners(plan.server, host, port, inherited_sockets(os.environ))) as listeners:
            allow_open_files()
            return _serve(app, files, listeners, told, masker, watch=watch)
    except ConfigError as error:
        told.refuse(error)
        return REFUSED
    except StartupError as error:
        told.fail(error)
        return FAILED


@contextmanager
def _closing(listeners: Sequence[Listener]) -> Iterator[Sequence[Listener]]:
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def _serve(
    app: Application, files: PlanFiles, listeners: Sequence[Listener], told: Announcer, masker: Masker, *, watch: bool
) -> int:
    urls = [f"{one.url}{_NOTES[one.role]}" for one in sorted(listeners, key=lambda one: one.role != "public")]

    def on_start() -> None:
        told.greet(app.running.plan, urls)

    def on_reload(outcome: ReloadOutcome) -> None:
        masker.learn(app.running.plan.secrets)
        told.tell(outcome)

    return Service(app, files, listeners, watch=watch, on_reload=on_reload, on_start=on_start).run()
