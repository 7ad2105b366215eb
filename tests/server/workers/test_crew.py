"""Workers that are started and followed by others: what comes of those that cannot be, and who is replaced when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aggregator.plan.incoming.listening import WorkersPlan
from aggregator.server.workers.administering.gathering import outcome_together, together, whole_config, worker_shown
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.making.maker import Maker
from aggregator.server.workers.messages import Beat
from aggregator.server.workers.supervising import crew as module
from aggregator.server.workers.supervising.crew import Crew
from aggregator.server.workers.supervising.rolling import Rolling

SEEN: Callable[..., None] = lambda *_: None  # noqa: E731 - nobody hears


class Refusing:
    """Makes no worker: its system has *why*."""

    loads = False

    def __init__(self, why: OSError) -> None:
        self.why = why
        self.asked = 0

    async def spawn(self, *_: object) -> int:
        """Raise the error."""
        self.asked += 1
        raise self.why


async def run_until(crew: Crew, condition: Callable[[], Awaitable[Any]]) -> None:
    """Run *crew* until *condition* is there."""
    running = asyncio.ensure_future(crew.run())
    await condition()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody wait between two attempts."""
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.0)


@pytest.mark.usefixtures("no_pause")
def test_three_workers_that_cannot_be_made_are_enough() -> None:
    """Where none has ever served there is nothing to wait for; the reason is that of the system."""

    async def main() -> tuple[int, str]:
        crew = Crew(1, WorkersPlan(), Balance(1), SEEN, SEEN, SEEN)
        maker = Refusing(OSError(71, "Protocol error"))
        crew.maker = cast("Maker", maker)
        asked: list[int] = []
        crew.failed.add_done_callback(lambda _: asked.append(maker.asked))

        async def failed() -> None:
            await crew.failed

        await run_until(crew, failed)
        return asked[0], crew.failed.result()

    assert asyncio.run(main()) == (3, "no process could be made: Protocol error")


@pytest.mark.usefixtures("no_pause")
def test_all_seats_are_tried_before_the_start_is_over() -> None:
    """It is when the first worker of each has ended, or serves."""

    async def main() -> tuple[int, bool]:
        crew = Crew(3, WorkersPlan(), Balance(3), SEEN, SEEN, SEEN)
        maker = Refusing(OSError(71, "no"))
        crew.maker = cast("Maker", maker)
        await run_until(crew, crew.settled.wait)
        return maker.asked, crew.settled.is_set()

    asked, is_settled = asyncio.run(main())
    assert (asked >= 3, is_settled) == (True, True)


def worker(**more: Any) -> Any:
    """Return a worker that serves."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    ready.set_result(None)
    said = {"pid": 7, "seat": 0, "beaten_at": 100.0, "made_at": 0.0, "ready": ready, "is_serving": True, "beat": Beat(),
            "relieved": asyncio.Event(), "ended": loop.create_future(), "has_spoken": True, "started_at": 0.0}  # fmt: skip
    return SimpleNamespace(**{**said, "ask_stack": SEEN, "stack": str, "kill": SEEN, **more})


@pytest.mark.parametrize(
    ("most", "memory", "is_serving", "is_relieved"),
    [(1000, 1000, True, False), (1000, 1001, True, True), (1000, 1001, False, False), (None, 1001, True, False)],
)
def test_who_holds_too_much_memory_is_replaced(
    most: int | None, memory: int, is_serving: bool, is_relieved: bool
) -> None:
    """One that holds as much as it may is not, nor one that stops already."""

    async def main() -> bool:
        crew = Crew(1, WorkersPlan(memory=most), Balance(1), SEEN, SEEN, SEEN)
        member = worker(beat=Beat(memory=memory), is_serving=is_serving)
        crew.look_after(member, 100.5)
        return bool(member.relieved.is_set())

    assert asyncio.run(main()) is is_relieved


def test_the_seat_of_who_has_ended_is_free() -> None:
    """Whoever has gone is told of, with how, and accepts no connections any more; others stay."""

    async def main() -> tuple[list[int], list[tuple[int, str]], dict[int, int]]:
        ends: list[tuple[int, str]] = []
        balance = Balance(2)
        balance.tell(0, 3)
        balance.tell(1, 4)
        left: list[int] = []
        crew = Crew(2, WorkersPlan(), balance, SEEN, lambda one: left.append(one.pid), SEEN)
        crew.members += [worker(pid=pid, seat=seat, end=lambda words, pid=pid: ends.append((pid, words)))
                         for seat, pid in enumerate((7, 8))]  # fmt: skip
        crew.ended(7, "killed")
        crew.ended(9, "unknown")
        assert left == [7]
        return [one.pid for one in crew], ends, balance.fewer(100)

    assert asyncio.run(main()) == ([8], [(7, "killed")], {1: 4})


def test_what_is_known_of_a_worker() -> None:
    """What it has not told yet is null, not zero."""

    async def main() -> tuple[dict[str, Any], dict[str, Any]]:
        beat = Beat(2, "abc", 1, 3, 1000)
        return worker_shown(worker()), worker_shown(worker(beat=beat, is_serving=False))

    first, second = asyncio.run(main())
    assert first == {
        "pid": 7, "state": "serving", "generation": None, "config": None, "in_flight": 0, "connections": 0, "memory": 0,
        "started_at": "1970-01-01T00:00:00Z",
    }  # fmt: skip
    assert (second["state"], second["generation"], second["config"]) == ("stopping", 2, "abc")


ONE, TWO = cast("Any", SimpleNamespace(pid=1)), cast("Any", SimpleNamespace(pid=2))
OFF, ON = (
    {"kind": "part", "name": "a", "part": "x", "on": False},
    {"kind": "part", "name": "a", "part": "y", "on": True},
)


@pytest.mark.parametrize(
    ("path", "first", "second", "whole"),
    [
        ("/-/requests/a", {"id": "a"}, {"id": "b"}, {"id": "a"}),
        ("/-/switches", [OFF], [OFF, ON], [OFF, ON]),
        ("/-/endpoints", [1], [2], [1]),
        ("/-/other", [{"a": 1}], [{"a": 2}], [{"worker": 1, "a": 1}, {"worker": 2, "a": 2}]),
        ("/-/other", {"a": 1}, {"a": 2}, {"a": 3}),
        (
            "/-/background",
            {"queued": 1, "recent": [{"at": 1.0}]},
            {"queued": 2, "recent": [{"at": 2.0}]},
            {"queued": 3, "recent": [{"at": 2.0, "worker": 2}, {"at": 1.0, "worker": 1}]},
        ),
    ],
)
def test_what_several_workers_tell(path: str, first: Any, second: Any, whole: Any) -> None:
    """Counts are added up, lists name their workers, and what all have alike is there once."""
    assert together(path, [(ONE, first), (TWO, second)]) == whole


@pytest.mark.parametrize(
    ("action", "whole"),
    [("switch", [OFF]), ("log", [OFF]), ("cache", [{"worker": 1, **OFF}, {"worker": 2, **OFF}])],
)
def test_what_an_order_comes_to(action: str, whole: Any) -> None:
    """A switch is the same everywhere, a log is told by the first, and everything else by each."""
    assert outcome_together(action, [(ONE, [OFF]), (TWO, [OFF])]) == whole


def test_the_configuration_of_all_is_that_of_the_first_with_the_counts_of_all() -> None:
    """What only some count is theirs."""
    first = {"digest": "a", "in_flight": 1, "background": {"queued": 1}}
    second = {"digest": "b", "in_flight": 2, "background": {"queued": 2}, "limits": {"refused": 3}}
    whole = {"digest": "a", "in_flight": 3, "background": {"queued": 3}, "limits": {"refused": 3}}
    assert whole_config([(ONE, first), (TWO, second)]) == whole


def test_workers_are_replaced_one_after_the_other() -> None:
    """The next one follows once another serves in the place of the first, or it has ended; none waits twice."""

    async def main() -> list[list[bool]]:
        loop, rolling = asyncio.get_running_loop(), Rolling()
        waiting = [worker(told=loop.create_future()) for _ in range(3)]
        seen: list[list[bool]] = []

        async def look() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            seen.append([one.relieved.is_set() for one in waiting])

        rolling.replace(waiting[:2])
        rolling.replace(waiting[1:])
        await look()
        waiting[0].told.set_result(None)
        await look()
        waiting[1].ended.set_result("killed")
        await look()
        await rolling.close()
        return seen

    assert asyncio.run(main()) == [[True, False, False], [True, True, False], [True, True, True]]


def test_nobody_is_replaced_once_all_stop() -> None:
    """What waits does so for nothing, and the end of that is none of a fault."""

    async def main() -> bool:
        rolling, first, second = Rolling(), worker(told=asyncio.get_running_loop().create_future()), worker()
        rolling.replace([first, second])
        await asyncio.sleep(0)
        await rolling.close()
        return bool(second.relieved.is_set())

    assert asyncio.run(main()) is False
