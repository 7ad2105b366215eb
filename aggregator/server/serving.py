"""The process: a uvicorn server around the application, signals, and the watcher of the files."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from aggregator.errors import StartupError
from aggregator.server.app import Application
from aggregator.server.memory import collect_seldom, keep_large_blocks
from aggregator.server.guard import guarded_protocol
from aggregator.server.plan_source import PlanFiles
from aggregator.server.reload import ReloadOutcome, Verdict
from aggregator.server.watching import watch_files
from aggregator.telemetry.logging import log
from aggregator.telemetry.watchdog import Stall, Watchdog

_log = logging.getLogger("aggregator.server")
_KEEP_ALIVE = 75
_BACKLOG = 2048


class Server(uvicorn.Server):
    """uvicorn's server that says 503 on /readyz before it stops accepting, and whose signals also reload."""

    def __init__(self, config: uvicorn.Config, app: Application) -> None:
        super().__init__(config)
        self._app = app
        self._stopping: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to drain on the first signal, leave at once on the second."""
        delay = self._app.running.plan.server.drain_delay
        if self._app.running.draining or delay <= 0:
            self._app.running.draining = True
            super().handle_exit(sig, frame)  # type: ignore[arg-type]
            return
        self._app.running.draining = True
        log(_log, logging.INFO, "Draining: /readyz says 503 now.", seconds=delay)
        leave = super().handle_exit
        asyncio.get_running_loop().call_later(delay, lambda: leave(sig, None))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM while serving; a stop that was asked for ends the process with 0, not by the signal."""
        originals = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, original in originals.items():
                signal.signal(number, original)


def bind(host: str, port: int) -> socket.socket:
    """Give a listening socket; raises ``StartupError`` that names the fix."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise StartupError(f"Cannot listen on {host}:{port}: {_reason(error)}.") from None
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _reason(error: OSError | OverflowError) -> str:
    text = (getattr(error, "strerror", None) or str(error)).lower()
    if "in use" in text:
        return "the port is taken; stop what uses it or choose another with --port"
    if "permission" in text:
        return "ports below 1024 need privileges; choose another with --port"
    return text


def serve(
    app: Application,
    files: PlanFiles,
    listener: socket.socket,
    *,
    watch: bool,
    on_reload: Callable[[ReloadOutcome], None],
) -> int:
    """Serve *app* on *listener* until a signal ends it; gives the exit code of the process."""
    plan = app.running.plan.server
    config = uvicorn.Config(
        app, http=guarded_protocol(plan.header_timeout, app.door), loop=_loop(), log_config=None, access_log=False, server_header=False,
        proxy_headers=False, timeout_keep_alive=_KEEP_ALIVE, timeout_graceful_shutdown=max(1, int(plan.shutdown_grace)),
        lifespan="on", ws="none", backlog=_BACKLOG,
    )  # fmt: skip
    server = Server(config, app)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        try:
            runner.run(_serve(server, app, files, listener, watch=watch, on_reload=on_reload))
        except KeyboardInterrupt:
            return 130
    return 0 if server.started else 3


def _loop() -> str:
    return "asyncio" if sys.platform == "win32" else "uvloop"


async def _serve(
    server: Server,
    app: Application,
    files: PlanFiles,
    listener: socket.socket,
    *,
    watch: bool,
    on_reload: Callable[[ReloadOutcome], None],
) -> None:
    threshold = app.running.plan.server.watchdog
    watchdog = Watchdog(threshold, _tell_stall) if threshold > 0 else None
    if watchdog is not None:
        watchdog.start()
    keep_large_blocks()
    collect_seldom()
    wake = asyncio.Event()
    helpers = [asyncio.create_task(_reloads(app, wake, on_reload))]
    if watch:
        helpers.append(asyncio.create_task(watch_files(lambda: files.files, wake)))
    with suppress(NotImplementedError, AttributeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, wake.set)
    try:
        await server.serve(sockets=[listener])
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        if watchdog is not None:
            watchdog.stop()


async def _reloads(app: Application, wake: asyncio.Event, on_reload: Callable[[ReloadOutcome], None]) -> None:
    while True:
        await wake.wait()
        wake.clear()
        outcome = await app.running.reload()
        if outcome.verdict is not Verdict.UNCHANGED:
            on_reload(outcome)


def _tell_stall(stall: Stall) -> None:
    log(_log, logging.WARNING, "The event loop was blocked." if stall.over else "The event loop is blocked.",
        seconds=round(stall.seconds, 3), stack=" < ".join(stall.stack))  # fmt: skip


def directory_of(files: tuple[Path, ...]) -> set[Path]:
    """Give the folders to watch: mounted files are often replaced by changing a link beside them."""
    return {file.resolve().parent for file in files} | {file.absolute().parent for file in files}
