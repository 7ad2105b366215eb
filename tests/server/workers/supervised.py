"""A supervisor whose workers are played by a test, and beside which a script of that test runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias, cast

import httpx

from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.opening import open_listeners
from aggregator.server.sharing.inlet import Inlet
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.messages import Ask, Go, Message, Stop, Told
from aggregator.server.workers.supervising.supervisor import Supervisor
from aggregator.telemetry.control import LogControl
from tests.server.workers.played import Played, Players

PATIENCE = 120.0  # only what hangs takes so long
SECRET = "a-secret-of-some-length"
ROUTES = """version: 1
server: {{workers: {{count: 2}}{server}}}
endpoints: {{GET /n: {{respond: {{body: {n}}}}}}}
{more}"""


Script: TypeAlias = "Callable[[Supervised], Coroutine[Any, Any, None]]"


class Supervised:
    """A supervisor of two workers whose *script* runs beside it, and ends with a signal."""

    def __init__(
        self, folder: Path, script: Script, spawned: Callable[[Played], None], server: str = "", more: str = ""
    ) -> None:
        self.path = folder / "routes.yaml"
        self._server, self._more = server, more
        self.write(n=1)
        files = PlanFiles(self.path)
        plan = files.load()
        self.digest = plan.digest
        self.greeted: list[int] = []
        self.reloads: list[tuple[str, int, str]] = []
        self.reopened: list[int] = []
        self.listeners = open_listeners(plan.server, "127.0.0.1", 0)
        self.players = Players(spawned)
        self._script = script
        control = cast("LogControl", SimpleNamespace(reopen=lambda: self.reopened.append(1)))
        self._inlet = Inlet()
        self.supervisor = Supervisor(
            files, plan, self.listeners, self._make, Balance(8), count=2, control=control, watch=False,
            on_start=lambda: self.greeted.append(len(self.supervisor.crew.serving)), on_reload=self._reloaded,
            inlet=self._inlet,
        )  # fmt: skip
        self._running: asyncio.Task[None] | None = None

    def _make(self, ended: Callable[[int, int], None], lose: Callable[[], None]) -> Any:
        self.lose = lose
        self.players.ended = lambda pid, words: ended(pid, -9 if "signal" in words else int(words.split()[-1]))
        self._running = asyncio.get_running_loop().create_task(self._run())
        return self.players

    async def _run(self) -> None:
        try:
            await self._script(self)
        except BaseException:  # which is told once all have ended
            self.stop()
            await self.until(lambda: self.supervisor.crew.is_stopping)
            for one in self.players.all:
                self.players.end(one, 0)
            raise

    def _reloaded(self, plan: Plan, outcome: ReloadOutcome) -> None:
        self.reloads.append((plan.digest[:8], outcome.generation, f"{outcome.verdict}: {outcome.summary}"))

    def write(self, *, n: int) -> None:
        """Save a file whose endpoint answers *n*."""
        self.path.write_text(ROUTES.format(n=n, server=self._server, more=self._more))

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until *condition* holds; return what it gave."""
        async with asyncio.timeout(PATIENCE):
            while not (found := condition()):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.001)
        return found

    async def greets(self) -> list[list[Message]]:
        """Return what each worker has heard when all serve."""
        await self.until(lambda: self.greeted)
        return await self.heard(Go)

    async def heard(self, *kinds: type[Message]) -> list[list[Message]]:
        """Return what each of the workers that are there has heard, once each has heard something of one of *kinds*."""
        there = [one for one in self.players.all if one.is_there]
        found: list[list[Message]] = [[] for _ in there]

        def all_have() -> bool:
            for one, messages in zip(there, found, strict=True):
                messages += one.heard()
            return not kinds or all(any(isinstance(one, kinds) for one in messages) for messages in found)

        await self.until(all_have)
        return found

    @asynccontextmanager
    async def answering(self, said: Callable[[Played, Ask], Told | None]) -> AsyncIterator[dict[int, list[Message]]]:
        """Have each worker answer what it is asked by what *said* returns, None for never; yield all that they hear."""
        heard: dict[int, list[Message]] = {}

        async def answer() -> None:
            while True:
                for one in self.players.all:
                    for message in one.heard() if one.is_there else ():
                        heard.setdefault(one.pid, []).append(message)
                        if isinstance(message, Ask) and (answer := said(one, message)) is not None:
                            one.tell(answer)
                await asyncio.sleep(0.001)

        task = asyncio.create_task(answer())
        try:
            yield heard
        finally:
            task.cancel()

    async def ask(self, method: str, path: str, given: Any = None) -> httpx.Response:
        """Return the answer of the address of administration to who knows its secret."""
        (admin,) = [one.url for one in self.listeners if one.role == "admin"]
        headers = {"authorization": f"Bearer {SECRET}"}
        return await asyncio.to_thread(
            httpx.request, method, f"{admin}{path}", json=given, headers=headers, timeout=PATIENCE
        )

    async def end(self) -> None:
        """Stop all workers, which end at once."""
        self.stop()
        await self.heard(Stop)
        for one in self.players.all:
            if one.is_there:
                self.players.end(one, 0)

    def stop(self) -> None:
        """Send the signal that ends all."""
        os.kill(os.getpid(), signal.SIGTERM)

    def run(self) -> int:
        """Return the exit code."""
        try:
            code = self.supervisor.run()
            assert self._running is not None
            self._running.result()
            return code
        finally:
            self.players.close()
            self._inlet.ours.close()
            self._inlet.theirs.close()
            for listener in self.listeners:
                listener.close()
