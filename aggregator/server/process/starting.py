"""From the words of the command line to a serving process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from aggregator.errors import ConfigError, StartupError
from aggregator.plan.types import Plan
from aggregator.server.application.app import application
from aggregator.server.application.serving import Application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.inherited import inherited_sockets
from aggregator.server.listeners.opening import Listener, Role, open_listeners
from aggregator.server.process.announcing import Announcer, announcer
from aggregator.server.process.open_files import allow_open_files
from aggregator.server.process.serving import Service
from aggregator.server.process.signals import requests_ignored
from aggregator.server.workers.fitting import count_of, obstacle
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.logging import LogFormat, error_output, log
from aggregator.telemetry.redaction import Masker

_log = logging.getLogger("aggregator.server")
REFUSED, FAILED = 1, 3


@requests_ignored()
def start(
    path: str,
    host: str | None,
    port: int | None,
    *,
    watch: bool,
    log_format: LogFormat | None,
    log_level: str,
    width: int = 120,
    workers: int | Literal["auto"] | None = None,
) -> int:
    """Serve *path*; return the exit code: 0, 1 when the file has problems, 3 when it cannot be served.

    Problems, also those of a refused reload, are shown in *width* columns. *workers* is in place of `server.workers`.
    """
    with error_output(sys.stderr) as stream:
        return _start(path, host, port, stream, watch=watch, log_format=log_format, log_level=log_level, width=width,
                      workers=workers)  # fmt: skip


def _start(
    path: str, host: str | None, port: int | None, stream: TextIO, *, watch: bool, log_format: LogFormat | None,
    log_level: str, width: int, workers: int | Literal["auto"] | None,
) -> int:  # fmt: skip
    files = PlanFiles(Path(path), width=width, keeps=True)
    masker = Masker(())
    control = LogControl(stream, masker, log_format, log_level)
    told = Announcers(path, files, stream, control)
    try:
        app = application(files)
        plan = app.running.plan
        masker.learn(plan.secrets)
        follow(control, plan, files)
        count = count_of(workers, plan.server.workers)
        if count > 1 and (why := obstacle(plan)) is not None:
            raise StartupError(why)
        with _closing(open_listeners(plan.server, host, port, inherited_sockets(os.environ))) as listeners:
            allow_open_files()
            if count > 1:
                return _supervise(plan, files, listeners, told, masker, count, log_format, log_level, watch=watch)
            told.now.warn()
            files.forget()
            return _serve(app, files, listeners, told, masker, watch=watch)
    except ConfigError as error:
        told.now.refuse(error)
        return REFUSED
    except StartupError as error:
        told.now.fail(error)
        return FAILED
    finally:
        control.close()


class Announcers:
    """The announcers of both log formats."""

    def __init__(self, path: str, files: PlanFiles, stream: TextIO, control: LogControl) -> None:
        self.control = control
        self._known: dict[bool, Announcer] = {
            is_json: announcer("json" if is_json else "text", path, files, stream) for is_json in (False, True)
        }

    @property
    def now(self) -> Announcer:
        """The announcer for the current format of the log."""
        return self._known[self.control.format == "json"]


def follow(control: LogControl, plan: Plan, files: PlanFiles) -> None:
    """Apply the log settings of *plan* to *control*; a log file lies beside the first of *files*.

    Raises ``StartupError``.
    """
    file = plan.server.log.file
    control.follow(plan.server.log.format, None if file is None else (files.folder or Path()) / file)


@contextmanager
def _closing(listeners: Sequence[Listener]) -> Iterator[Sequence[Listener]]:
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def _urls(listeners: Sequence[Listener]) -> dict[str, Role]:
    """Return the URLs of *listeners*, those of endpoints first, each with what is served there."""
    return {one.url: one.role for one in sorted(listeners, key=lambda one: one.role != "public")}


def _supervise(
    plan: Plan, files: PlanFiles, listeners: Sequence[Listener], told: Announcers, masker: Masker, count: int,
    log_format: LogFormat | None, log_level: str, *, watch: bool,
) -> int:  # fmt: skip
    """Serve by several processes. Nothing is logged before they are forked, since the first line starts a thread."""
    from aggregator.server.workers.starting import supervise

    urls = _urls(listeners)

    def on_start() -> None:
        told.now.warn()
        told.now.greet(plan, urls)

    def on_reload(served: Plan, outcome: ReloadOutcome) -> None:
        masker.learn(served.secrets)
        _follow_on(told.control, served, files)
        told.now.tell(outcome)

    return supervise(
        files, plan, listeners, count, control=told.control, masker=masker, log_format=log_format, log_level=log_level,
        watch=watch, follow=lambda control, served: follow(control, served, files), on_start=on_start,
        on_reload=on_reload,
    )  # fmt: skip


def _follow_on(control: LogControl, plan: Plan, files: PlanFiles) -> None:
    """Apply the log settings of *plan* to *control*, or keep the old ones when that fails."""
    try:
        follow(control, plan, files)
    except StartupError as error:
        log(_log, logging.ERROR, "The log goes on where it was.", reason=str(error))


def _serve(
    app: Application, files: PlanFiles, listeners: Sequence[Listener], told: Announcers, masker: Masker, *, watch: bool
) -> int:
    urls = _urls(listeners)

    def on_start() -> None:
        told.now.greet(app.running.plan, urls)

    def on_reload(outcome: ReloadOutcome) -> None:
        masker.learn(app.running.plan.secrets)
        _follow_on(told.control, app.running.plan, files)
        told.now.tell(outcome)

    service = Service(app, files, listeners, watch=watch, on_reload=on_reload, on_start=on_start,
                      log_control=told.control)  # fmt: skip
    return service.run()
