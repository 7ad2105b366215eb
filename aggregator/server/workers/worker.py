"""A worker: serves the plan that its process begins with, and does as the supervisor orders.

    opening    the loop runs, plug-ins are imported, pools opened; orders and heartbeats go already. `Opened` asks for
               what operators have done before, and `Go` ends that
    serving    `Ready` was told. `Prepare` makes a generation beside the served one (prepared), `Commit` serves it,
               `Drop` gives it up
    stopping   `Stop`, or the supervisor has gone: what there is comes to its end

Signals do nothing here: one to the whole group of processes is the supervisor's, and counts once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence

from aggregator.errors import AggregatorError
from aggregator.plan.types import Plan
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import Committed, PlanFiles
from aggregator.server.generations.preparing import Prepared
from aggregator.server.generations.reload import Verdict
from aggregator.server.listeners.opening import Listener
from aggregator.server.metrics.process import memory_bytes, most_memory_bytes
from aggregator.server.process.memory import collect_seldom
from aggregator.server.process.serving import Service
from aggregator.server.workers.answering import Answering
from aggregator.server.workers.balance import Balance, Connections, Turn
from aggregator.server.workers.channel import Channel
from aggregator.server.workers.listening import Listening
from aggregator.server.workers.messages import (
    Ask,
    Beat,
    Commit,
    Drop,
    Failed,
    Go,
    Imported,
    Listen,
    Look,
    Made,
    Message,
    Opened,
    Prepare,
    Quit,
    Ready,
    Reopen,
    Stop,
    Switched,
    TakeOver,
)
from aggregator.stores.shared.connected import Backend
from aggregator.stores.shared.plan import StorePlan
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.logging import log
from aggregator.telemetry.redaction import Masker

_log = logging.getLogger("aggregator.server")
BEAT, BEATS = 1.0, 4
"""Seconds between two heartbeats at most, and heartbeats in the time after which a worker counts as blocked."""


class Worker(Service):
    """The worker of *seat*, which serves *plan* on *listeners*; *end* is its side of the channel."""

    def __init__(
        self, files: PlanFiles, plan: Plan, listeners: Sequence[Listener], *, end: socket.socket, balance: Balance,
        seat: int, generation: int, control: LogControl, masker: Masker, follow: Callable[[Plan], None],
        is_forked: bool = True,
    ) -> None:  # fmt: skip
        app = application(Committed(files, plan), keeps_state="shared")
        app.running.first_number = generation
        app.running.tell_last = self._tell_counts
        super().__init__(app, files, listeners, watch=False, on_reload=lambda _: None, log_control=control)
        self._end = end
        self._is_forked = is_forked
        self._control, self._masker, self._follow = control, masker, follow
        self._channel: Channel | None = None
        self._pause = min(BEAT, plan.server.workers.blocked / BEATS)
        self._prepared: Prepared | None = None
        self._generation = generation
        self._has_heard = asyncio.Event()
        """Set when what operators have done before is done here, too."""
        self._answering = Answering(app.running, self.actions)
        self._asked_now: set[asyncio.Task[None]] = set()
        self.server.tell_stopping = _tell_stopping  # type: ignore[method-assign]
        self.server.admission = self._turn = Turn(balance, seat, lambda: self.server.busy)
        self.server.server_state.connections = Connections(self._turn.changed)

    def share(self, way: Callable[[StorePlan, Callable[[str], None]], Backend]) -> None:
        """Use *way*, the store of the supervisor, for state that workers share."""
        self._app.running.stores.memory = way

    async def _serve(self) -> None:
        self._channel = channel = await Channel.over(self._end)
        switching = self._app.running.switching
        switching.told = lambda: channel.send(Switched(tuple(switching.changes().items())))
        helpers = [asyncio.create_task(self._obey(self._channel)), asyncio.create_task(self._beat(self._channel))]
        try:
            await super()._serve()
        except AggregatorError as error:
            self._channel.send(Failed(str(error)))
            raise
        except Exception as error:
            self._channel.send(Failed.by(error))
            raise
        finally:
            for helper in helpers:
                helper.cancel()
            await self._channel.sent()
            self._channel.close()

    def _tell_stopped(self) -> None:
        """Do nothing: the supervisor logs the stop once the process has ended."""

    def _handlers(self) -> dict[int, Callable[[], None]]:
        return {}

    async def _settle(self) -> None:
        """Skip the filling of holes after a fork: pages stay shared with the fork server until they are written."""
        if self._is_forked:
            collect_seldom()
        else:
            await super()._settle()

    async def _briefed(self) -> None:
        assert self._channel is not None
        self._channel.send(Opened())
        await self._has_heard.wait()

    def _started(self) -> None:
        assert self._channel is not None
        actions = tuple((one.name, one.summary) for one in self.actions)
        plugins = self._app.running.plugins
        self._channel.send(Imported(tuple(map(str, plugins.files))))
        self._tell_beat(self._channel)  # so that what it serves is known as soon as it does
        self._channel.send(Ready(actions))

    async def _tell_counts(self) -> None:
        """Send the supervisor the last counts, which must outlive the process."""
        if self._channel is not None and self._app.running.metrics is not None:
            await self._answering.count(self._channel)

    async def _beat(self, channel: Channel) -> None:
        while True:
            self._tell_beat(channel)
            await asyncio.sleep(self._pause)

    def _tell_beat(self, channel: Channel) -> None:
        self._turn.changed()
        running = self._app.running
        now = running.generation
        channel.send(
            Beat(
                0 if now is None else self._generation,
                "" if now is None else running.loaded.digest,
                running.in_flight,
                len(self.server.server_state.connections),
                memory_bytes() or most_memory_bytes() or 0,
            ),
            spare=True,
        )

    async def _obey(self, channel: Channel) -> None:
        listening = Listening(self._app.running, channel)
        while (order := await channel.receive()) is not None:
            await self._do(order, channel, listening)
        listening.end_all()
        self._has_heard.set()
        if not self._app.running.draining:
            log(_log, logging.ERROR, "The supervisor has gone; this worker ends what it has and stops.")
            self._drop()
            self.server.stop()

    async def _do(self, order: Message, channel: Channel, listening: Listening) -> None:
        match order:
            case Prepare():
                made = await self._prepare(order.digest)
                channel.send(await self._imported())
                channel.send(made)
            case Look():
                channel.send(await self._imported())
            case Commit():
                self._generation = order.generation
                self._commit()
                self._tell_beat(channel)
            case Drop():
                self._drop()
            case Stop():
                self._drop()
                self._has_heard.set()
                self.server.stop()
            case Reopen():
                self._control.reopen()
            case Ask():
                self._do_now(self._answer(channel, order))
            case Switched():
                self._do_now(self._app.running.switching.learn(dict(order.changes)))
            case Go():
                if self._asked_now:
                    await asyncio.wait(self._asked_now)
                self._has_heard.set()
            case TakeOver():
                self._app.running.outbox.take_over()
            case Listen():
                listening.begin(order)
            case Quit():
                listening.end(order.number)
            case _:
                raise AssertionError(order)

    def _do_now(self, asked: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(asked)
        self._asked_now.add(task)
        task.add_done_callback(self._asked_now.discard)

    async def _answer(self, channel: Channel, ask: Ask) -> None:
        channel.send(await self._answering.answer(ask, channel))

    async def _imported(self) -> Imported:
        plugins = self._app.running.plugins
        stale = await asyncio.to_thread(plugins.changed)
        return Imported(tuple(map(str, plugins.files)), stale)

    async def _prepare(self, digest: str) -> Made:
        self._drop()
        found = await self._app.running.prepare()
        if isinstance(found, Prepared):
            self._prepared = found
            return Made(found.plan.digest)
        if found.verdict is Verdict.REFUSED:
            return Made(problem=found.summary)
        return Made(digest if self._app.running.generation is None else self._app.running.loaded.digest)

    def _commit(self) -> None:
        made, self._prepared = self._prepared, None
        if made is None:
            return
        outcome = self._app.running.commit(made)
        if outcome.verdict is Verdict.SWAPPED:
            self._masker.learn(made.plan.secrets)
            self._follow(made.plan)

    def _drop(self) -> None:
        made, self._prepared = self._prepared, None
        if made is not None:
            self._app.running.drop(made)


def _tell_stopping(in_flight: int) -> None:
    log(_log, logging.INFO, "A worker stops.", pid=os.getpid(), in_flight=in_flight)


def deaf() -> None:
    """Ignore signals of the process group by handlers, which programs started from here do not inherit."""
    for number in group_signals():
        signal.signal(number, lambda *_: None)


def group_signals() -> list[int]:
    """Return the signals that operators send, which are the supervisor's."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
