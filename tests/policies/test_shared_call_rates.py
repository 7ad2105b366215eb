"""How often all processes together call an upstream, and what each does while their store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from sharing import Machine

from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.policies.rate_limit.pacing import Pace, Paced
from aggregator.policies.rate_limit.plan import CallRatePlan
from aggregator.policies.rate_limit.shared_pacing import build_pace
from aggregator.policies.registry import Registry
from aggregator.stores.rate import Rate
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.stores.shared.plan import StorePlan
from tests.policies.conftest import START, Served

TEXT = """
upstreams:
  fx: {url: "http://fx.test", rate_limit: {rate: 4/h, burst: 4}}
  slow: {url: "http://slow.test", rate_limit: {rate: 50/s, burst: 1, wait: 10s}}
endpoints:
  GET /fx: {call: "fx:/a"}
  GET /stream: {stream: true, call: "fx:/a"}
  GET /slow: {call: {url: "slow:/a", timeout: 9s}}
"""


class Process(Served):
    """One of several processes."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self._machine = machine
        super().__init__(folder, TEXT)

    def before(self) -> None:
        """Lead to the store of the machine."""
        self.app.running.stores.memory = self._machine.way


@pytest.fixture
def machine() -> Machine:
    """Return the store of a machine."""
    return Machine(START)


@pytest.fixture
def processes(tmp_path: Path, machine: Machine) -> Iterator[list[Process]]:
    """Return two processes of one file, which know of each other."""
    with ExitStack() as stack:
        made = [Process(tmp_path, machine) for _ in range(2)]
        for process in made:
            stack.callback(process.close)
            process.run(process.app.running.stores.found(process.app.running.plan.store).beat())
        yield made


def test_a_rate_is_one_for_all(processes, machine) -> None:
    """Together they call as often as the file says, streams included; what is refused says when to come again."""
    one, other = processes
    assert [one.get("/fx").status_code, other.get("/fx").status_code, one.get("/stream").status_code] == [200] * 3
    assert sorted([*one.statuses("/fx", 2), *other.statuses("/fx", 2)]) == [200, 503, 503, 503]
    refused = other.get("/fx")
    assert (refused.json()["cause"], refused.headers["retry-after"]) == ("limited", "900")
    assert len(one.lines) + len(other.lines) == 4
    machine.now += 900
    assert [other.get("/fx").status_code, one.get("/fx").status_code] == [200, 503]


def test_calls_wait_for_their_turn_among_all(processes) -> None:
    """Each gets one within `wait`."""
    one, _ = processes

    async def flood() -> list[int]:
        return [answer.status_code for answer in await asyncio.gather(*(one.ask("GET", "/slow") for _ in range(5)))]

    assert one.run(flood()) == [200] * 5


def test_while_the_store_is_away_each_takes_its_share(processes, machine) -> None:
    """Of four an hour each of two processes calls twice, and asks nobody."""
    machine.is_away = True
    assert [process.statuses("/fx", 4).count(200) for process in processes] == [2, 2]


class One:
    """The pace of one process that shares *machine*, with a *wait*."""

    def __init__(self, machine: Machine, wait: float) -> None:
        self.machine = machine
        self.store = ConnectedStore(lambda broken: machine.way(StorePlan(), broken), "memory")
        plan = CallRatePlan(Rate(1, 60.0, 1), wait)
        self.pace: Pace = build_pace("fx", plan, "fx", Registry().draft(), lambda: machine.now, self.store)

    async def late(self, left: float) -> float:
        """Return how long to wait by the refusal of a turn."""
        with pytest.raises(CallError) as refused:
            await self.pace.turn(left)
        return round(refused.value.retry_after or 0.0, 1)


def test_who_waits_too_long_or_leaves_gives_the_turn_back(machine) -> None:
    """By its own time, and by `wait`, which may be no whole number of units; others find the turn again."""

    async def main() -> None:
        one = One(machine, wait=90.0)
        await one.store.open()
        await one.pace.turn(1.0)
        assert await one.late(59.0) == 60.0
        assert await one.late(10.0) == 60.0
        waiting = asyncio.create_task(one.pace.turn(100.0))
        while machine.asked < 4:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await one.late(100.0) == 120.0
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        machine.now += 60.0
        await one.pace.turn(1.0)
        await one.store.aclose()

    asyncio.run(main())


def test_a_turn_that_is_granted_to_nobody_goes_back(machine) -> None:
    """A call that is given up while the store is asked costs the others nothing."""

    async def main() -> None:
        one = One(machine, wait=0.0)
        await one.store.open()
        take_all, may_answer = one.store.store.take_all, asyncio.Event()

        async def slowly(asks):
            taken = await take_all(asks)
            await may_answer.wait()
            return taken

        one.store.store.take_all = slowly
        waiting = asyncio.create_task(one.pace.turn(100.0))
        while not machine.asked:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        may_answer.set()
        for _ in range(9):
            await asyncio.sleep(0)
        await one.pace.turn(1.0)
        await one.store.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_call_that_cannot_be_begun_when_its_turn_has_come_is_told(machine, caplog, is_shared) -> None:
    """Nobody is above a later turn of the loop, so a fault of the program becomes a failure, and no request hangs."""

    def broken(_frame, _done) -> None:
        raise ZeroDivisionError

    async def main() -> Result:
        one, loop, exchange = One(machine, wait=0.0), asyncio.get_running_loop(), Exchange("GET", "/", b"", [])
        await one.store.open()
        pace = one.pace
        if not is_shared:
            pace = build_pace("fx", CallRatePlan(Rate(1000, 1.0, 1), 9.0), "fx", Registry().draft(), lambda: 0.0)
            pace.reserve(9.0)
        ended: asyncio.Future[Result] = loop.create_future()
        frame = Frame(exchange, Names(exchange), loop.time() + 60.0, loop)
        Paced(SimpleNamespace(name="x", start=broken), pace, "fx", (), 60.0).start(frame, ended.set_result)
        async with asyncio.timeout(30.0):
            result = await ended
        await one.store.aclose()
        return result

    result = asyncio.run(main())
    assert (result.cause, result.attempts) == (Cause.FAULT, 0)
    assert "A call could not be begun by a fault of the program." in caplog.text
