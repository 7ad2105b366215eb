"""The supervisor: starts and watches the workers, hears signals, and reloads.

It answers no request of the API itself.

    starting   no worker has served yet; when three have ended before, the start has failed
    serving    the greeting was told
    stopping   a signal came: no copy of a listening socket is left, workers end what they have within one grace
    ending     a second signal came: workers end at once
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from aggregator.errors import ServingError, StartupError
from aggregator.plan.serving import ServerPlan
from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome, Verdict
from aggregator.server.generations.watching import watch_files
from aggregator.server.listeners.opening import Listener
from aggregator.server.process.event_loop import run_in_loop
from aggregator.server.process.http_server import LAST_MOMENT
from aggregator.server.process.serving import quiet_uvicorn, tell_end
from aggregator.server.process.signals import HANG_UP, REPLACE, ROTATE, signals_calling
from aggregator.server.sharing.inlet import Inlet
from aggregator.server.workers.administering.administration import Administration
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.making.maker import Ended, Maker, words_of
from aggregator.server.workers.messages import Counted, Heard, Opened, Reopen, Switched, TakeOver
from aggregator.server.workers.supervising.crew import Crew
from aggregator.server.workers.supervising.keeping import state_folder
from aggregator.server.workers.supervising.member import Member
from aggregator.server.workers.supervising.reloading import Reloading
from aggregator.server.workers.supervising.rolling import Rolling
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.logging import log

_log = logging.getLogger("aggregator.server")
_LATE = 5.0
"""Seconds that a worker may take beyond the grace."""


Make: TypeAlias = Callable[[Ended, Callable[[], None]], Maker]
"""Returns what makes workers, inside of a running loop: the one hears of workers that have ended, the other that none
can be made any more."""


class Supervisor:
    """Serves *plan* of *files* by *count* workers, which what *make* returns makes.

    What workers share comes in by *inlet*. *on_start* is called when workers serve, *on_reload* of every reload
    that changed something. With *watch*, saving a file reloads; SIGHUP always does.
    """

    def __init__(
        self, files: PlanFiles, plan: Plan, listeners: Sequence[Listener], make: Make, balance: Balance,
        *, count: int, control: LogControl, watch: bool, on_start: Callable[[], None],
        on_reload: Callable[[Plan, ReloadOutcome], None], inlet: Inlet,
    ) -> None:  # fmt: skip
        self._files = files
        self._plan = plan
        self._listeners = listeners
        self._make = make
        self._balance = balance
        self._count = count
        self._control = control
        self._watch = watch
        self._on_start, self._on_reload = on_start, on_reload
        self._inlet = inlet
        self._wake, self._stopped = asyncio.Event(), asyncio.Event()
        self._asked = False
        self._closing: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        """Since a second signal came."""
        self._endings: set[asyncio.Task[None]] = set()
        """Of workers whose last words are being read."""
        self._administering: asyncio.Task[None] | None = None
        self._quiet = asyncio.Event()
        """Set when all workers have ended, and there is nothing left to ask."""
        self.crew: Crew
        self.rolling: Rolling
        self.administration: Administration
        self.reloading: Reloading

    def run(self) -> int:
        """Serve until a signal comes; return the exit code. Raises ``StartupError`` when no worker can be started.

        Raises ``ServingError`` when workers have served, and none can take the place of one any more.
        """
        quiet_uvicorn()
        return run_in_loop(self._run)

    async def _run(self) -> int:
        self._inlet.serve()
        plan = self._plan.server.workers
        self.crew = Crew(self._count, plan, self._balance, self._joined, self._left, self._hear)
        self.crew.maker = self._make(self._ended, self._lose_maker)
        self.rolling = Rolling()
        self.reloading = Reloading(self._files, self._plan, self.crew, self.rolling.replace)
        self.administration = Administration(self.crew, self.reloading, self._inlet.quotas, self._control, self._tell)
        with signals_calling(self._handlers()):
            async with state_folder(self._plan, self.administration.switches, self._inlet.quotas):
                await self._run_all()
        if self.crew.failed.done():
            error = ServingError if self.crew.has_served else StartupError
            raise error(self.crew.failed.result())
        log(_log, logging.INFO, "All workers have stopped.")
        return 0

    async def _run_all(self) -> None:
        """Run the workers until a signal comes, then until they have ended."""
        tasks = [asyncio.create_task(self.crew.run()), asyncio.create_task(self._serve())]
        for task in tasks:
            task.add_done_callback(tell_end)
        try:
            await self._until_stopped()
        finally:
            await self._end(tasks)

    def _handlers(self) -> dict[int, Callable[[], None]]:
        ending: dict[int, Callable[[], None]] = {signal.SIGINT: self._stop, signal.SIGTERM: self._stop}
        asking = ((HANG_UP, self._ask), (ROTATE, self._rotate), (REPLACE, self._replace))
        return {**ending, **{number: act for number, act in asking if number is not None}}

    async def _until_stopped(self) -> None:
        stopped = asyncio.create_task(self._stopped.wait())
        waited: list[asyncio.Future[Any]] = [stopped, self.crew.failed]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        if not self.crew.is_stopping:
            await self._close_all()
        await self.crew.gone(patience(self.reloading.plan.server))
        self._quiet.set()
        if self._administering is not None:
            await asyncio.wait({self._administering})
        await self.rolling.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.crew.maker is not None:
            self.crew.maker.close()

    async def _close_all(self) -> None:
        """Close this process's and the fork server's copies of the listening sockets, and tell all workers to stop."""
        self.crew.stop()
        for listener in self._listeners:
            if listener.role != "admin":
                listener.socket.close()
        if self.crew.maker is not None:
            await self.crew.maker.stop()

    async def _serve(self) -> None:
        await self.crew.settled.wait()
        if not self.crew.serving:
            return
        self._administer()
        self._on_start()
        helpers = [asyncio.create_task(self._reloads())]
        if self._watch:
            helpers.append(asyncio.create_task(watch_files(self._watched, self._wake)))
        for helper in helpers:
            helper.add_done_callback(tell_end)
        try:
            await asyncio.gather(*helpers)
        finally:
            for helper in helpers:
                helper.cancel()

    def _administer(self) -> None:
        """Serve the address of administration, where one is declared, until all workers have ended."""
        for listener in self._listeners:
            if listener.role == "admin":
                serving = self.administration.serve(listener, self._quiet)
                self._administering = asyncio.get_running_loop().create_task(serving)
                self._administering.add_done_callback(tell_end)

    def _watched(self) -> tuple[Path, ...]:
        plugins = {Path(file): None for member in self.crew.serving for file in sorted(member.imported.files)}
        return (*self._files.files, *self._files.folders, *plugins)

    async def _reloads(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, False
            outcome = await self.reloading.reload(asked=asked)
            if outcome.verdict is not Verdict.UNCHANGED:
                self._tell(outcome)

    def _tell(self, outcome: ReloadOutcome) -> None:
        self._on_reload(self.reloading.plan, outcome)

    def _hear(self, member: Member, message: Opened | Heard | Counted | Switched) -> None:
        self.administration.hear(member, message)

    def _joined(self, member: Member) -> None:
        log(_log, logging.INFO, "A worker serves.", pid=member.pid)

    def _left(self, member: Member) -> None:
        for other in self.crew:
            other.channel.send(TakeOver())
        if member.told.done():
            log(_log, logging.INFO, "A worker has stopped.", pid=member.pid)

    def _ended(self, pid: int, code: int) -> None:
        ending = asyncio.get_running_loop().create_task(_end(self.crew, pid, words_of(code)))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    def _lose_maker(self) -> None:
        if not self.crew.is_stopping:
            log(_log, logging.ERROR, "The fork server has gone, so no worker can be replaced; everything stops.")
            for member in self.crew.members:
                asyncio.get_running_loop().create_task(_end_alone(self.crew, member))
            if not self.crew.failed.done():
                self.crew.failed.set_result("The fork server has gone.")

    def _ask(self) -> None:
        self._asked = True
        self._wake.set()

    def _rotate(self) -> None:
        self._control.reopen()
        for member in self.crew:
            member.channel.send(Reopen())

    def _replace(self) -> None:
        log(_log, logging.INFO, "The workers are replaced, one after another.", workers=len(self.crew.serving))
        self.rolling.replace(self.crew.serving)

    def _stop(self) -> None:
        loop = asyncio.get_running_loop()
        if self.crew.is_stopping:
            self.crew.stop()
            self._ending = self._ending or loop.create_task(self.crew.end_all())
            return
        log(_log, logging.INFO, "The workers stop.", workers=len(self.crew.members))
        self.crew.is_stopping = True
        self._closing = loop.create_task(self._close_all())
        self._stopped.set()


def patience(server: ServerPlan) -> float:
    """Return the seconds after which a worker that was told to stop is killed: more than *server* lets it take."""
    return server.drain_delay + server.shutdown_grace + LAST_MOMENT + _LATE


async def _end(crew: Crew, pid: int, words: str) -> None:
    """Record the end of the process *pid*, as *words* say, once what it has told was read: that may say why."""
    for member in [one for one in crew.members if one.pid == pid]:
        await member.heard_out()
    crew.ended(pid, words)


async def _end_alone(crew: Crew, member: Member) -> None:
    """Record the end of *member* when its channel closes: a spawned worker has no fork server that reports it."""
    await member.silent()
    crew.ended(member.pid, "ended")
