"""What is switched off on one machine is off on all, and after a restart, whatever was away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sharing import Machine

from aggregator.policies.switches.table import Change, Switch, Switches, Target
from aggregator.server.generations.switching import Switching
from aggregator.server.sharing.switches import SWITCHES, SharedSwitches
from aggregator.server.workers.administering.switches import KeptSwitches
from aggregator.stores.shared.connected import ConnectedStore
from aggregator.stores.shared.plan import StorePlan

A, B = Target("endpoint", "GET /a"), Target("part", "GET /b", "b")
pytestmark = pytest.mark.anyio


class Process:
    """One process of a machine of its own, whose clock is *ahead* of that of the store."""

    def __init__(self, machine: Machine, ahead: float = 0.0) -> None:
        self.now = lambda: machine.now + ahead
        self.switching = Switching(self.now, self._changed)
        self.store = ConnectedStore(lambda broken: machine.way(StorePlan(), broken), "memory")
        self.told = 0
        self.switching.told = self._hear
        SharedSwitches(self.switching, self.store)

    async def _changed(self) -> None: ...

    def _hear(self) -> None:
        self.told += 1

    async def open(self) -> Process:
        """Open the store."""
        await self.store.open()
        return self

    async def turn(self, target: Target, *, until: float | None = None, on: bool = False) -> None:
        """Do what an operator orders here."""
        table, now = self.switching.table, self.now()
        at = table.after(target, now)
        table.merge({target: Change(at, None if on else Switch(until, at, "me", "wrong"))}, now)
        await self.store.beat()

    @property
    def off(self) -> set[Target]:
        """What is off here."""
        return set(self.switching.table.off(self.now()))


@pytest.fixture
def machine() -> Machine:
    """Return a store."""
    return Machine(1000.0)


async def until(condition: Callable[[], bool]) -> None:
    """Return when *condition* holds; the time-out of a test ends a wait for ever."""
    while not condition():  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.001)


async def test_others_switch_it_off_and_on(machine) -> None:
    """As soon as they hear of it, with its end; the one who orders it hears nothing of itself."""
    one, other = await Process(machine).open(), await Process(machine).open()
    await one.turn(A, until=1060.0)
    await until(lambda: other.off == {A})
    assert other.switching.table.off(1000.0)[A] == Switch(1060.0, 1000.0, "me", "wrong")
    await other.turn(A, on=True)
    await until(lambda: one.off == set())
    await one.turn(B)
    await until(lambda: other.off == {B})
    assert (one.told, other.told) == (1, 2)
    await one.store.aclose()
    await other.store.aclose()


async def test_who_starts_later_reads_it_before_it_serves(machine) -> None:
    """What is over, or on again, is nothing."""
    one = await Process(machine).open()
    await one.turn(A, until=1010.0)
    await one.turn(B)
    machine.now = 1020.0
    later = await Process(machine).open()
    assert later.off == {B}
    await one.store.aclose()
    await later.store.aclose()


async def test_changes_while_the_store_is_away_are_joined(machine) -> None:
    """Of two to one target the later one counts, on all machines, and in the store."""
    one, other = await Process(machine).open(), await Process(machine).open()
    await one.turn(A)
    await until(lambda: other.off == {A})
    machine.is_away = True
    await one.turn(A, on=True)
    await other.turn(B)
    machine.now += 5
    await one.turn(B)
    machine.now += 5
    await other.turn(B, on=True)
    assert (one.off, other.off) == ({B}, {A})
    machine.is_away = False
    await until(lambda: (one.off, other.off) == (set(), set()))
    await one.store.aclose()
    await other.store.aclose()
    later = await Process(machine).open()
    assert later.off == set()
    await later.store.aclose()


async def test_a_store_that_has_lost_it_is_told_again(machine) -> None:
    """By whoever knows it."""
    one = await Process(machine).open()
    await one.turn(A)
    await machine.store.delete(SWITCHES)
    await one.store.beat()
    later = await Process(machine).open()
    assert later.off == {A}
    await one.store.aclose()
    await later.store.aclose()


async def test_an_operator_counts_whatever_clocks_say(machine) -> None:
    """An order on a machine whose clock is behind comes after what it knows of the target."""
    ahead, behind = await Process(machine, ahead=100.0).open(), await Process(machine).open()
    await ahead.turn(A)
    await until(lambda: behind.off == {A})
    await behind.turn(A, on=True)
    await until(lambda: ahead.off == set())
    await ahead.store.aclose()
    await behind.store.aclose()


async def test_who_cannot_write_now_writes_later(machine) -> None:
    """Somebody else holds the lock."""
    one = await Process(machine).open()
    lock = await machine.store.lock(SWITCHES, 5.0)
    await one.turn(A)
    assert await machine.store.get(SWITCHES) is None
    await machine.store.unlock(lock)
    await one.store.beat()
    assert await machine.store.get(SWITCHES) is not None
    await one.store.aclose()


async def test_an_end_outlives_the_order_that_it_has_replaced(machine, caplog) -> None:
    """A machine that was cut off comes back with "off" of before; the store may have lost what came later."""
    one, away = await Process(machine).open(), await Process(machine).open()
    await one.turn(A)
    await until(lambda: away.off == {A})
    await away.store.aclose()
    await one.turn(A, until=1800.0)
    machine.now = 1900.0
    assert one.off == set()
    await machine.store.delete(SWITCHES)
    back = Process(machine)
    back.switching.merge(away.switching.changes())
    await back.open()
    await one.store.beat()
    await back.store.beat()
    assert (one.off, back.off) == (set(), set())
    assert [vars(record)["fields"]["targets"] for record in caplog.records] == [["endpoint GET /a"], []]
    await one.store.aclose()
    await back.store.aclose()


async def test_a_worker_that_starts_while_the_store_is_away_knows_what_was_switched_on(machine) -> None:
    """Its supervisor tells it, so that it believes no store that comes back without it, and mends it."""
    one = await Process(machine).open()
    await one.turn(A)
    machine.is_away = True
    await one.turn(A, on=True)
    kept = KeptSwitches(one.now)
    kept.merge(one.switching.changes())
    await one.store.aclose()
    late = await Process(machine).open()
    await late.switching.learn(kept.changes())
    machine.is_away = False
    await until(lambda: late.store.is_there)
    await late.store.beat()
    assert (late.off, late.told) == (set(), 0)
    assert (await Process(machine).open()).off == set()
    await late.store.aclose()


async def test_an_order_during_a_write_is_shared_too(machine, monkeypatch) -> None:
    """It is not in what is being written, so that the next look writes again."""
    one = await Process(machine).open()
    put = machine.store.put

    async def put_slowly(*given: Any) -> None:
        monkeypatch.undo()
        one.switching.merge({B: Change(1000.0, Switch(None, 1000.0, "me", "wrong"))})
        await put(*given)

    monkeypatch.setattr(machine.store, "put", put_slowly)
    await one.turn(A)
    await one.store.beat()
    later = await Process(machine).open()
    assert later.off == {A, B}
    await one.store.aclose()
    await later.store.aclose()


async def test_what_a_later_version_has_written_is_left_alone(machine, caplog) -> None:
    """It is told once, and nothing is taken or written."""
    one = await Process(machine).open()
    for kept in (b"\x92\x02\x90", b"?"):
        await machine.store.put(SWITCHES, kept, 1000.0)
        await one.turn(A)
        assert await machine.store.get(SWITCHES) == kept
    assert [record.message for record in caplog.records] == [
        "The switches in the store are those of another version; they are left alone."
    ]
    await one.store.aclose()


def test_copies_are_alike_in_whatever_order_changes_come() -> None:
    """The later change to a target counts."""
    changes = [Change(1.0, Switch(None, 1.0, "me", "")), Change(2.0, None), Change(3.0, Switch(9.0, 3.0, "me", ""))]
    one, other = Switches(), Switches()
    for change in changes:
        one.merge({A: change}, 5.0)
    for change in reversed(changes):
        other.merge({A: change}, 5.0)
    assert one.changes(5.0) == other.changes(5.0) == {A: changes[2]}
    assert (one.changes(9.0), one.off(9.0)) == ({A: changes[2]}, {})
