"""A supervisor with workers that a test plays: what it orders of them, and what it tells."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aggregator.errors import StartupError
from aggregator.plan.types import Plan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.generations.reload import ReloadOutcome
from aggregator.server.listeners.opening import open_listeners
from aggregator.server.sharing.inlet import Inlet
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.messages import (
    Commit,
    Drop,
    Go,
    Imported,
    Look,
    Made,
    Message,
    Prepare,
    Reopen,
    Stop,
    Switched,
    TakeOver,
)
from aggregator.server.workers.supervising import crew
from aggregator.server.workers.supervising.supervisor import Supervisor
from aggregator.telemetry.control import LogControl
from tests.server.workers.played import Played, Players, serves

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

PATIENCE = 120.0  # only what hangs takes so long
ROUTES = "version: 1\nserver: {{workers: {{count: 2}}}}\nendpoints: {{GET /n: {{respond: {{body: {n}}}}}}}\n{more}"


class Supervised:
    """A supervisor of two workers whose *script* runs beside it, and ends with a signal."""

    def __init__(
        self, folder: Path, script: Callable[[Supervised], Coroutine[Any, Any, None]], spawned: Callable[[Played], None]
    ) -> None:
        self.path = folder / "routes.yaml"
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

    def write(self, *, n: int, more: str = "") -> None:
        """Save a file whose endpoint answers *n*."""
        self.path.write_text(ROUTES.format(n=n, more=more))

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


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Supervise:
    """Returns a supervisor beside which a script runs; signals to workers that are played reach these."""
    caplog.set_level(logging.INFO, logger="aggregator.server")
    monkeypatch.setattr(crew, "_FIRST_PAUSE", 0.0)
    kill = os.kill

    def start(
        script: Callable[[Supervised], Coroutine[Any, Any, None]], spawned: Callable[[Played], None] = serves
    ) -> Supervised:
        made = Supervised(tmp_path, script, spawned)
        monkeypatch.setattr(
            os, "kill", lambda pid, number: (kill if pid == os.getpid() else made.players.kill)(pid, number)
        )
        return made

    return start


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Return what was logged, each sentence with its fields."""
    return [(record.getMessage(), record.fields) for record in caplog.records]  # type: ignore[attr-defined]


def test_all_serve_and_all_stop(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    """Who starts is greeted once both serve; at a signal each is told to stop, and nobody listens any more."""

    async def script(running: Supervised) -> None:
        assert await running.greets() == [[Switched(()), Go()], [Switched(()), Go()]]
        running.stop()
        assert await running.heard(Stop) == [[Stop()], [Stop()]]
        assert [listener.socket.fileno() for listener in running.listeners] == [-1]
        for one in running.players.all:
            running.players.end(one, 0)

    running = supervise(script)
    assert (running.run(), running.greeted, running.reloads) == (0, [2], [])
    assert running.players.said == ["stop", "close", "close"]
    assert told(caplog) == [
        ("A worker serves.", {"pid": 101}),
        ("A worker serves.", {"pid": 102}),
        ("The workers stop.", {"workers": 2}),
        ("A worker has stopped.", {"pid": 101}),
        ("A worker has stopped.", {"pid": 102}),
        ("All workers have stopped.", {}),
    ]


def test_a_start_of_which_nobody_serves_has_failed(supervise: Supervise) -> None:
    """The reason is that of the third one."""

    async def script(running: Supervised) -> None:
        for number in range(3):
            one = await running.until(lambda number=number: running.players.all[number:])  # type: ignore[misc]
            await asyncio.sleep(0)
            running.players.end(one[0], number)

    running = supervise(script, lambda _: None)
    with pytest.raises(StartupError) as raised:
        running.run()
    assert (str(raised.value), running.greeted) == ("ended with 2", [])


async def ended(running: Supervised) -> None:
    """Stop *running*, whose workers end at once."""
    running.stop()
    await running.heard(Stop)
    for one in running.players.all:
        if one.is_there:
            running.players.end(one, 0)


def answering(problem: str = "", digest: str = "") -> Callable[[Supervised], Coroutine[Any, Any, list[list[Message]]]]:
    """Return what has the first worker answer with a *problem* or another *digest* what the second has made."""

    async def answer(running: Supervised) -> list[list[Message]]:
        heard = await running.heard(Prepare)
        for messages, one in zip(heard, running.players.all, strict=True):
            (order,) = (message for message in messages if isinstance(message, Prepare))
            is_first = one is running.players.all[0]
            made = Made(problem=problem) if is_first and problem else Made((is_first and digest) or order.digest)
            one.tell(Imported(), made)
        return heard

    return answer


def test_a_reload_is_prepared_by_all_and_served_on_one_word(
    supervise: Supervise, caplog: pytest.LogCaptureFixture
) -> None:
    """By what makes workers, too: the next one is of it."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        heard = await answering()(running)
        fresh = cast("Prepare", heard[0][0]).digest
        assert (heard, fresh != running.digest) == ([[Prepare(fresh)]] * 2, True)
        assert await running.heard(Commit) == [[Commit(2)]] * 2
        await running.until(lambda: running.reloads)
        assert running.reloads == [(fresh[:8], 2, "swapped: 1 endpoints")]
        assert running.players.said == [("prepare", fresh), ("commit", 2)]
        running.players.end(running.players.all[0], 1)
        third = await running.until(lambda: running.players.all[2:])
        assert (third[0].order.seat, third[0].order.generation) == (2, 2)
        await running.until(lambda: len(running.supervisor.crew.serving) == 2)
        await ended(running)

    assert supervise(script).run() == 0
    (served,) = [fields for sentence, fields in told(caplog) if sentence == "All workers serve the new configuration."]
    assert (served["generation"], served["endpoints"], served["workers"]) == (2, 1, 2)


def test_nobody_serves_what_one_cannot(supervise: Supervise) -> None:
    """All give up what they had made, and the words name who could not, and why."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        await answering("no room")(running)
        assert await running.heard(Drop) == [[Drop()]] * 2
        await running.until(lambda: running.reloads)
        words = "refused: Nobody serves it, since worker 101 cannot: no room"
        assert running.reloads == [(running.digest[:8], 1, words)]
        assert running.players.said[1:] == ["drop"]
        await ended(running)

    assert supervise(script).run() == 0


def test_files_that_change_while_all_load_them_are_loaded_again(supervise: Supervise) -> None:
    """Three times; then they are refused, in words that say so."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(3):
            await answering(digest="of other texts")(running)
        await running.until(lambda: running.reloads)
        assert running.reloads == [(running.digest[:8], 1, "refused: The files change while they are loaded.")]
        assert [said for said in running.players.said if said == "drop"] == ["drop"] * 3
        await ended(running)

    assert supervise(script).run() == 0


NOWHERE = (
    "`idempotency` of several workers needs a place where all keep their answers: `state`, or "
    "`server: {idempotency: {store: shared}}` with a `store`."
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "version: 1\nendpoints: {}\n",
            "It declares no endpoint any more, as a file does that is still being written.",
        ),
        (
            "version: 1\nendpoints: {POST /n: {idempotency: {}, respond: {body: 1}}}\n",
            NOWHERE,
        ),
    ],
)
def test_what_the_supervisor_refuses_no_worker_hears_of(supervise: Supervise, text: str, why: str) -> None:
    """Nor of files with problems."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.path.write_text(text)
        os.kill(os.getpid(), signal.SIGHUP)
        await running.until(lambda: running.reloads)
        assert running.reloads == [(running.digest[:8], 1, f"refused: {why}")]
        assert (await running.heard(), running.players.said) == ([[], []], [])
        await ended(running)

    assert supervise(script).run() == 0


def test_a_reload_that_changes_nothing_looks_at_plug_ins(
    supervise: Supervise, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has imported an older one is replaced, one after another; nobody is told of a reload."""

    async def script(running: Supervised) -> None:
        await running.greets()
        os.kill(os.getpid(), signal.SIGHUP)
        assert await running.heard(Look) == [[Look()]] * 2
        running.players.all[0].tell(Imported(("b.py", "a.py"), ("b",)))
        running.players.all[1].tell(Imported(("a.py",)))
        await running.until(lambda: len(running.supervisor.crew.serving) == 2 and len(running.players.all) == 3)
        assert [one.pid for one in running.supervisor.crew.serving] == [102, 103]
        running.players.end(running.players.all[0], 0)
        await ended(running)

    running = supervise(script)
    assert (running.run(), running.reloads) == (0, [])
    sentence = "Plug-ins have changed; who has imported them is replaced, one after another."
    assert (sentence, {"plugins": ["b"], "workers": 1}) in told(caplog)


def test_one_whose_plug_ins_are_older_keeps_what_it_serves_until_it_is_replaced(supervise: Supervise) -> None:
    """It is no hindrance for the others, which serve what is new."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.write(n=2)
        os.kill(os.getpid(), signal.SIGHUP)
        heard = await running.heard(Prepare)
        fresh = cast("Prepare", heard[0][0]).digest
        running.players.all[0].tell(Imported(("b.py",), ("b",)), Made(problem="it has another one"))
        running.players.all[1].tell(Imported(), Made(fresh))
        first, second = await running.heard(Drop, Commit)
        assert (first[0], second) == (Drop(), [Commit(2)])
        await running.until(lambda: [one.pid for one in running.supervisor.crew.serving] == [102, 103])
        running.players.end(running.players.all[0], 0)
        await ended(running)

    assert supervise(script).run() == 0


def test_the_log_is_opened_again_by_all(supervise: Supervise) -> None:
    """By the supervisor and by each worker."""

    async def script(running: Supervised) -> None:
        await running.greets()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert await running.heard(Reopen) == [[Reopen()]] * 2
        assert running.reopened == [1]
        await ended(running)

    assert supervise(script).run() == 0


def test_workers_are_replaced_at_a_signal_one_by_one(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    """What ends others take over; what they tell once they were told to stop is an end as it is to be."""

    async def script(running: Supervised) -> None:
        await running.greets()
        os.kill(os.getpid(), signal.SIGUSR2)
        await running.until(lambda: [one.pid for one in running.supervisor.crew.serving] == [102, 103])
        running.players.end(running.players.all[0], 0)
        second, _ = await running.heard(TakeOver)
        assert second[0] == TakeOver()
        await running.until(lambda: [one.pid for one in running.supervisor.crew.serving] == [103, 104])
        await ended(running)

    assert supervise(script).run() == 0
    said = told(caplog)
    assert ("The workers are replaced, one after another.", {"workers": 2}) in said
    assert said.count(("A worker has stopped.", {"pid": 101})) == 1


def test_without_its_maker_everything_stops(supervise: Supervise, caplog: pytest.LogCaptureFixture) -> None:
    """No worker could be replaced any more; it is an end that has failed."""

    async def script(running: Supervised) -> None:
        await running.greets()
        running.lose()
        await running.heard(Stop)
        for one in running.players.all:
            one.close()

    with pytest.raises(StartupError, match=r"^The fork server has gone\.$"):
        supervise(script).run()
    sentence = "The fork server has gone, so no worker can be replaced; everything stops."
    assert [one for one in told(caplog) if one[0] == sentence] == [(sentence, {})]
