"""The process: a uvicorn server around the application, signals, and the watcher of the files."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import uvicorn

from aggregator.errors import place_of
from aggregator.exchange import Exchange
from aggregator.runtime.answers.answer import Answer
from aggregator.server.admin.actions import Actions
from aggregator.server.admin.application import AdminApplication
from aggregator.server.admin.breakers import breaker_action
from aggregator.server.admin.caches import purge_action
from aggregator.server.admin.door import AdminDoor
from aggregator.server.admin.effects.acting import effects_action
from aggregator.server.admin.logs import log_action
from aggregator.server.admin.quotas import quota_action
from aggregator.server.admin.reading.source import ProcessSource
from aggregator.server.admin.reloading import reload_action
from aggregator.server.admin.requests import Trials
from aggregator.server.admin.revoking import revoke_action
from aggregator.server.admin.switches import switch_action
from aggregator.server.application.serving import Application
from aggregator.server.connection.direct import DirectDoor
from aggregator.server.connection.guard import guarded_protocol
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome, Verdict
from aggregator.server.generations.running import Running
from aggregator.server.generations.watching import watch_files
from aggregator.server.limiting.peers import Peers
from aggregator.server.listeners.opening import Listener, Role
from aggregator.server.listeners.redirecting import RedirectApplication
from aggregator.server.listeners.tcp import BACKLOG
from aggregator.server.process.event_loop import event_loop, run_in_loop
from aggregator.server.process.http_server import Server
from aggregator.server.process.memory import Holes, collect_seldom, keep_large_blocks, keep_loaded, share_arenas
from aggregator.server.process.signals import HANG_UP, ROTATE, signals_calling
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.logging import log
from aggregator.telemetry.watchdog import Stall, Watchdog

_log = logging.getLogger("aggregator.server")
KEEP_ALIVE = 75
_TURN = 0.001
"""Seconds that a thread may keep the interpreter while the loop waits for it; by default five times as long."""
_SAID_BY_US = ("ASGI callable returned without completing response.", "Cancel %s running task(s), ")


class Service:
    """*app* served on *listeners* until a signal ends it.

    *on_start* is called when everything is there to answer, *on_reload* is told of every reload that changed something.

    With *watch*, saving a file of *files* reloads; SIGHUP always does. ``server`` takes the connections, in ``loop`` as
    soon as that runs.
    """

    def __init__(
        self, app: Application, files: PlanFiles, listeners: Sequence[Listener], *, watch: bool,
        on_reload: Callable[[ReloadOutcome], None], on_start: Callable[[], None] = lambda: None,
        log_control: LogControl | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._files = files
        self._watch = watch
        self._on_reload = on_reload
        self._on_start = on_start
        self._wake = asyncio.Event()
        self._event_loop = event_loop()
        self._asked = False
        self._holes = Holes()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.actions = Actions()
        self.actions.add(reload_action(app.running.reload, on_reload))
        self.actions.add(revoke_action(app.running))
        self.actions.add(breaker_action(app.running))
        self.actions.add(switch_action(app.running))
        self.actions.add(purge_action(app.running))
        self.actions.add(quota_action(app.running))
        for action in Trials(app.running, app).actions():
            self.actions.add(action)
        self.actions.add(effects_action(app.running))
        self._log_control = log_control
        if log_control is not None:
            self.actions.add(log_action(log_control))
        self.server = Server(self._configs(listeners), app, listeners, self._tell_plain, self._tell_unshaken)

    def _configs(self, listeners: Sequence[Listener]) -> dict[Role, uvicorn.Config]:
        """Return how each kind of listener is served; beside the public ones there is at most one of a kind."""
        running, nowhere = self._app.running, DirectDoor(lambda: None)
        found: dict[Role, uvicorn.Config] = {"public": self._config(self._app, self._app.door, running.peers)}
        for listener in listeners:
            if listener.role == "admin":
                door = AdminDoor(listener.address, "https" if listener.is_tls else "http")
                found["admin"] = self._config(
                    AdminApplication(ProcessSource(running), self.actions, door), nowhere, Peers()
                )
            elif listener.role == "redirect":
                sending_on = RedirectApplication(running, _tls_port(running, listeners))
                found["redirect"] = self._config(sending_on, nowhere, running.peers)
        return found

    def _config(self, app: Any, door: DirectDoor, peers: Peers) -> uvicorn.Config:
        header_timeout = self._app.running.plan.server.header_timeout
        protocol = guarded_protocol(header_timeout, door, peers, self._refused, self._not_taken, self._finish)
        return uvicorn.Config(
            app, http=protocol, loop=self._event_loop, log_config=None,
            access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE, lifespan="on",
            ws="none", backlog=BACKLOG,
        )  # fmt: skip

    def run(self) -> int:
        """Serve; return the exit code of the process. Raises ``StartupError`` when it cannot begin."""
        quiet_uvicorn()
        factory = self.server.config.get_loop_factory()
        try:
            with suppress(SystemExit):  # so uvicorn says: not started
                run_in_loop(self._serve, factory)
        except KeyboardInterrupt:  # before the signals were ours
            return 130
        return 0 if self.server.started else 3

    def stop(self) -> None:
        """Stop as a signal does; may be called in any thread, also when it has ended."""
        if self.loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self.server.stop)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        sys.setswitchinterval(_TURN)
        with signals_calling(self._handlers()):
            try:
                share_arenas()
                keep_loaded()
                await self._settle()
                await self._app.running.open()  # here rather than in the lifespan, so that what fails has no traceback
                await self._settle()
                keep_large_blocks()
                await self._briefed()
                self._started()
                with self._watchdog():  # before this nobody waits for an answer
                    await self._serve_and_reload()
            finally:
                await self._app.running.close()
        self._tell_stopped()

    def _tell_stopped(self) -> None:
        log(_log, logging.INFO, "The server has stopped.")

    async def _briefed(self) -> None:
        """Wait until everything needed before the first request is done."""

    def _started(self) -> None:
        """Report that requests are answered."""
        self._on_start()

    def _handlers(self) -> dict[int, Callable[[], None]]:
        """Return what signals do."""
        handlers: dict[int, Callable[[], None]] = {signal.SIGINT: self.server.stop, signal.SIGTERM: self.server.stop}
        if HANG_UP is not None:
            handlers[HANG_UP] = self._ask
        if ROTATE is not None and self._log_control is not None:
            handlers[ROTATE] = self._log_control.reopen
        return handlers

    async def _settle(self) -> None:
        """Tune the memory after loading: freeze what serves, then fill holes so that new objects lie together."""
        collect_seldom()
        await self._holes.fill()

    async def _serve_and_reload(self) -> None:
        helpers = [asyncio.create_task(self._reloads())]
        if self._watch:
            helpers.append(asyncio.create_task(watch_files(self._watched, self._wake)))
        for helper in helpers:
            helper.add_done_callback(tell_end)
        try:
            await self.server.serve(sockets=[])
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _refused(self, status: int, reason: str, client: str) -> None:
        generation = self._app.running.generation
        if generation is not None:
            exchange = Exchange("", "", b"", [])
            exchange.peer = client
            generation.report.refused(exchange, status, reason)

    def _finish(self, exchange: Exchange, answer: Answer) -> None:
        generation = self._app.running.generation
        if generation is not None and generation.finish is not None:
            exchange.trusted = generation.plan.server.trusted_proxies
            generation.finish(exchange, answer)

    def _not_taken(self, reason: str, client: str) -> None:
        generation = self._app.running.generation
        if generation is not None:
            generation.log.not_taken(reason, client)

    def _tell_plain(self, reason: str, client: str) -> None:
        self._refused(400, reason, client)

    def _tell_unshaken(self, reason: str, client: str) -> None:
        generation = self._app.running.generation
        if generation is not None:
            generation.log.unshaken(reason, client)

    def _watched(self) -> tuple[Path, ...]:
        return (*self._files.files, *self._files.folders, *self._app.running.plugins.files)

    def _ask(self) -> None:
        self._asked = True
        self._wake.set()

    async def _reloads(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, False
            outcome = await self._app.running.reload(asked=asked)
            if outcome.verdict is not Verdict.UNCHANGED:
                self._on_reload(outcome)

    def _watchdog(self) -> Watching | nullcontext[None]:
        threshold = self._app.running.plan.server.watchdog
        return Watching(threshold) if threshold > 0 else nullcontext()


def _tls_port(running: Running, listeners: Sequence[Listener]) -> int:
    """Return the port that requests without TLS are sent on to."""
    redirect = running.plan.server.redirect_http
    if redirect is not None and redirect.port is not None:
        return redirect.port
    ports = [one.socket.getsockname()[1] for one in listeners if one.role == "public" and one.is_tls]
    return ports[0] if ports else 443


class Watching:
    """A watchdog over the running loop, for as long as the context lasts."""

    def __init__(self, threshold: float) -> None:
        self._watchdog = Watchdog(threshold, _tell_stall)

    def __enter__(self) -> None:
        self._watchdog.start()

    def __exit__(self, *_: object) -> None:
        self._watchdog.stop()


def tell_end(helper: asyncio.Task[None]) -> None:
    """Log the exception that ended *helper*, if one did."""
    error = None if helper.cancelled() else helper.exception()
    if error is not None:
        log(_log, logging.ERROR, "Files are not loaded again, by a fault of the program.", error=place_of(error))


def _tell_stall(stall: Stall) -> None:
    if stall.over:
        log(_log, logging.WARNING, "The event loop was blocked.", seconds=round(stall.seconds, 3), where=stall.at.where)
    else:
        log(_log, logging.WARNING, "The event loop is blocked.", seconds=round(stall.seconds, 3), where=stall.at.where,
            stack=" < ".join(stall.at.stack))  # fmt: skip


def quiet_uvicorn() -> None:
    """Silence uvicorn's log records on bad requests and cut answers, which we log ourselves."""
    logger = logging.getLogger("uvicorn.error")
    logger.setLevel(logging.ERROR)
    logger.filters[:] = [lambda record: not str(record.msg).startswith(_SAID_BY_US)]
