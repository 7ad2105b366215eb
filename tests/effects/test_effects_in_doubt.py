"""Effects that a shared store was handed, and of which nothing was heard: each is kept once, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.runtime.background.durable.intake import Intake
from aggregator.stores.effects.contract import Bounds, DoubtError, Filter, Turn
from aggregator.stores.effects.records import SENT, Outcome
from aggregator.stores.redis.effects import putting
from aggregator.stores.redis.effects.link import Link, UnheardError
from aggregator.stores.redis.effects.put_scripts import PUT, SETTLE
from aggregator.stores.redis.effects.scripts import PARK
from aggregator.stores.redis.effects.store import EffectsInRedis
from tests.effects.conftest import record
from tests.policies.conftest import START
from tests.valkey import Valkey

MANY = Bounds(1000, 10**9)


@pytest.fixture
def loses(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return what has the next script that keeps effects be run, or not, and its reply lost."""
    run = Link.run

    def lose(is_run: bool) -> None:
        async def lost(self: Link, script: bytes, *given: Any, raw: tuple[bytes, ...] = ()) -> Any:
            if script != PUT:
                return await run(self, script, *given, raw=raw)
            monkeypatch.setattr(Link, "run", run)
            if is_run:
                await run(self, script, *given, raw=raw)
            self.lose("No reply came.")
            raise UnheardError("No reply came.")

        monkeypatch.setattr(Link, "run", lost)

    return lose


async def reconnected(store: EffectsInRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have *store* connect anew, by a turn."""
    with monkeypatch.context() as patch:
        patch.setattr(Link, "is_open", False)
        await store.turn(Turn(START))


@pytest.mark.parametrize("is_run", [True, False])
def test_what_nobody_has_heard_of_is_known_once_the_store_is_back(
    store: EffectsInRedis, runner: asyncio.Runner, loses: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch,
    is_run: bool,
) -> None:  # fmt: skip
    """What was kept is not told as lost, and what was not is told once, with its bytes held until then."""
    unkept: list[str] = []

    async def run() -> tuple[int, int, int]:
        intake = Intake(store, lambda: MANY, lambda: None)
        loses(is_run)
        intake.accept([record(0)], lambda: unkept.append("0"))
        await intake.drain()
        held = intake.pending
        assert unkept == []
        await reconnected(store, monkeypatch)
        await asyncio.sleep(0)
        return held, intake.pending, len(await store.find(Filter()))

    held, pending, kept = runner.run(run())
    assert held == record(0).size
    assert pending == 0
    assert (kept, unkept) == ((1, []) if is_run else (0, ["0"]))


@pytest.mark.parametrize("script", [SETTLE, PARK])
def test_what_a_store_refuses_that_is_back_is_tried_again(
    store: EffectsInRedis, runner: asyncio.Runner, loses: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch,
    valkey: Valkey, script: bytes,
) -> None:  # fmt: skip
    """By the next turn, over the connection that is open: what is in doubt, and which upstreams are known."""
    unkept: list[str] = []
    asked: list[bytes] = []
    run = Link.run

    async def busy_once(self: Link, wanted: bytes, *given: Any, raw: tuple[bytes, ...] = ()) -> Any:
        asked.append(wanted)
        if wanted == script and asked.count(script) == 1:
            raise StoreError("BUSY")
        return await run(self, wanted, *given, raw=raw)

    async def turns() -> int:
        await store.park(frozenset({"mail"}), START)
        intake = Intake(store, lambda: MANY, lambda: None)
        loses(False)
        intake.accept([record(0)], lambda: unkept.append("0"))
        await intake.drain()
        valkey.ask("FLUSHALL")
        monkeypatch.setattr(Link, "run", busy_once)
        with suppress(StoreError):
            await reconnected(store, monkeypatch)
        for _ in range(2):
            await store.turn(Turn(START))
        await asyncio.sleep(0)
        return intake.pending

    assert runner.run(turns()) == 0
    assert unkept == ["0"]
    assert asked.count(script) == 2


def test_a_script_that_was_given_up_keeps_nothing_any_more(
    store: EffectsInRedis, runner: asyncio.Runner, loses: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was slow has it in its buffer, and runs it when it has been told that nobody waits for it."""
    late: list[Callable[[], Awaitable[Any]]] = []
    lost_run = Link.run

    async def run() -> int:
        loses(False)
        lose = Link.run

        async def remembered(self: Link, script: bytes, *given: Any, raw: tuple[bytes, ...] = ()) -> Any:
            if script == PUT:
                late.append(lambda: lost_run(self, script, *given, raw=raw))
            return await lose(self, script, *given, raw=raw)

        monkeypatch.setattr(Link, "run", remembered)
        (doubt,) = await store.put_all([[record(0)]], MANY)
        monkeypatch.setattr(Link, "run", lost_run)
        assert isinstance(doubt, DoubtError)
        await reconnected(store, monkeypatch)
        assert await doubt.settled is False
        await late[0]()
        return len(await store.find(Filter()))

    assert runner.run(run()) == 0


def test_one_of_several_scripts_that_fails_costs_no_other(
    store: EffectsInRedis, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one script has kept is kept, though the next one was refused; neither is in doubt."""
    run, numbers = Link.run, iter(range(9))

    async def refused(self: Link, script: bytes, *given: Any, raw: tuple[bytes, ...] = ()) -> Any:
        if script == PUT and next(numbers) == 1:
            raise StoreError("Too large.")
        return await run(self, script, *given, raw=raw)

    monkeypatch.setattr(Link, "run", refused)
    monkeypatch.setattr("aggregator.stores.redis.effects.packing.AT_ONCE", 1)

    async def put() -> list[object]:
        return [*await store.put_all([[record(0)], [record(1)], [record(2)]], MANY)]

    first, second, third = runner.run(put())
    assert (first, third) == (True, True)
    assert type(second) is StoreError


def test_what_is_in_doubt_to_the_end_is_told(
    store: EffectsInRedis, runner: asyncio.Runner, loses: Callable[[bool], None], caplog: pytest.LogCaptureFixture
) -> None:
    """A process that ends before its store is back says so, and counts it as neither."""
    unkept: list[str] = []

    async def run() -> None:
        intake = Intake(store, lambda: MANY, lambda: None)
        loses(False)
        intake.accept([record(0)], lambda: unkept.append("0"))
        await intake.drain()
        await store.aclose()

    runner.run(run())
    assert unkept == []
    assert "Nobody knows whether durable effects are kept: their store has not come back." in caplog.messages


def test_much_that_has_to_go_goes_in_steps(
    store: EffectsInRedis, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounds that a reload has lowered cost no script more than its share; what finds no room then is refused."""
    monkeypatch.setattr(putting, "_SCRIPTS", 2)

    async def run() -> list[object]:
        records = [record(number) for number in range(1200)]
        await store.put_all([records], Bounds(10_000, 10**9))
        await store.order("retry", Filter(), START)
        for _ in range(2):
            turned = await store.turn(Turn(START, room={"mail": 600}, most=600))
            ended = tuple(Outcome(one.id, SENT, {"status": 200}) for one in turned.claimed)
            await store.turn(Turn(START, ended))
        few = Bounds(10, 10**9)
        found = [(await store.put_all([[record(2000 + number)]], few))[0] for number in range(2)]
        await store.look()
        return [*found, store.kept.number]

    assert runner.run(run()) == [False, True, 10]
