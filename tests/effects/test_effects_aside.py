"""What is switched off and waits in the file is no work for anybody, however much it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aggregator.plan.serving import BackgroundPlan
from aggregator.runtime.background.durable.outbox import Outbox
from aggregator.stores.effects.claiming import claim, next_due
from aggregator.stores.effects.contract import Bounds, Turn
from aggregator.stores.effects.file import FILE, EffectsInFile
from aggregator.stores.effects.keeping import put_all
from aggregator.stores.effects.table import EffectTable
from tests.effects.conftest import record
from tests.policies.conftest import START

OFF = frozenset({("POST /x", "welcome")})
MANY = Bounds(10_000, 10**9)


def steps_of_a_turn(folder: Path, number: int) -> int:
    """Return how many steps of its machine SQLite takes for a turn while so many are aside."""
    folder.mkdir()
    table = EffectTable(folder / "effects.db", "normal")
    try:
        put_all(table, [[record(one) for one in range(number)]], MANY)
        while claim(table, {"mail": 5}, 5, START, OFF) or next_due(table, ["mail"]) is not None:
            pass
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        table.db.set_progress_handler(step, 1)
        table.look_aside()
        table.bring_back(OFF)
        claim(table, {"mail": 5}, 5, START, OFF)
        next_due(table, ["mail"])
        table.db.set_progress_handler(None, 1)
        return steps
    finally:
        table.close()


def test_a_turn_costs_the_same_however_much_is_aside(tmp_path: Path) -> None:
    """Looking for what is due, and for what has come back, steps over none of it."""
    few = steps_of_a_turn(tmp_path / "few", 5)
    assert few > 0
    assert steps_of_a_turn(tmp_path / "many", 1500) == few


def test_what_others_have_left_aside_is_found(tmp_path: Path) -> None:
    """Of several endpoints and names, by a process that opens the file."""
    table = EffectTable(tmp_path / "effects.db", "normal")
    labels = [(endpoint, name) for endpoint in ("POST /a", "POST /b") for name in ("one", "two")]
    put_all(table, [[record(at, endpoint=one, name=name)] for at, (one, name) in enumerate(labels * 2)], MANY)
    assert claim(table, {"mail": 20}, 20, START, frozenset(labels)) == []
    other = EffectTable(tmp_path / "effects.db", "normal")
    assert other.aside == set(labels)
    other.bring_back(frozenset(labels[:3]))
    assert [one.name for one in claim(other, {"mail": 20}, 20, START)] == ["two", "two"]
    assert other.aside == set(labels[:3])
    table.close()
    other.close()


def test_a_process_that_stops_brings_nothing_back(tmp_path: Path) -> None:
    """Its last turn, and those before it has targets, know of nothing that is off, and leave all of it aside."""

    async def run() -> None:
        store, outbox = EffectsInFile(tmp_path, "normal"), Outbox(lambda: START)
        await store.put_all([[record(0)]], MANY)
        await store.turn(Turn(START, room={"mail": 5}, most=5, off=OFF))
        outbox.open(store, BackgroundPlan())
        await asyncio.sleep(0)
        await outbox.close(1.0)

    asyncio.run(run())
    table = EffectTable(tmp_path / FILE, "normal")
    assert table.aside == OFF
    table.close()
