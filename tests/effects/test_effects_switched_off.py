"""What is switched off and waits in the file is no work for anybody, however much it is."""

from __future__ import annotations

from pathlib import Path

from aggregator.stores.effects.claiming import claim, next_due
from aggregator.stores.effects.contract import Bounds
from aggregator.stores.effects.file import FILE
from aggregator.stores.effects.keeping import put_all
from aggregator.stores.effects.table import EffectTable
from tests.effects.conftest import record
from tests.policies.conftest import START

OFF = frozenset({("POST /x", "welcome")})
MANY = Bounds(10_000, 10**9)


def steps_of_a_turn(folder: Path, number: int) -> int:
    """Return how many steps of its machine SQLite takes for a turn that finds one behind so many that are off."""
    folder.mkdir()
    table = EffectTable(folder / "effects.db", "normal")
    try:
        told = record(number, name="told")
        put_all(table, [*([record(one)] for one in range(number)), [told]], MANY)
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        table.db.set_progress_handler(step, 1)
        found = claim(table, {"mail": 5}, 5, START, OFF)
        due = next_due(table, ["mail"], OFF)
        newest = claim(table, {"mail": 5}, 5, START, OFF, frozenset(["mail"]))
        table.db.set_progress_handler(None, 1)
        assert [one.id for one in found] == [told.id]
        assert (due, newest) == (None, [])
        return steps
    finally:
        table.close()


def test_a_turn_costs_the_same_however_much_is_off(tmp_path: Path) -> None:
    """What waits behind it goes at once, and looking for what is due, and for when more is, steps over none of it."""
    few = steps_of_a_turn(tmp_path / "few", 5)
    assert few > 0
    assert steps_of_a_turn(tmp_path / "many", 3000) == few


def test_a_turn_costs_the_same_however_much_is_due(tmp_path: Path) -> None:
    """Of each label as many are looked at as may go."""
    costs = []
    for number in (30, 1500):
        table = EffectTable(tmp_path / f"{number}.db", "normal")
        put_all(table, [[record(one, name=f"n{one % 3}")] for one in range(number)], MANY)
        costs.append(0)

        def step(place: int = len(costs) - 1) -> None:
            costs[place] += 1

        table.db.set_progress_handler(step, 1)
        assert [one.id for one in claim(table, {"mail": 5}, 5, START)] == [f"id-{one}" for one in range(5)]
        table.db.set_progress_handler(None, 1)
        table.close()
    assert costs[0] == costs[1]


def test_what_an_earlier_program_has_set_aside_is_due(tmp_path: Path) -> None:
    """It is found by a process that opens the file, which brings it into the form of today."""
    path = tmp_path / FILE
    table = EffectTable(path, "normal")
    put_all(table, [[record(0)], [record(1)]], MANY)
    table.db.execute("UPDATE effects SET due = 1e12 WHERE id = 'id-0'")
    table.db.execute("CREATE INDEX effects_aside ON effects (endpoint, name) WHERE due >= 1e12")
    table.close()
    table = EffectTable(path, "normal")
    assert [one.id for one in claim(table, {"mail": 5}, 5, START)] == ["id-0", "id-1"]
    table.close()
