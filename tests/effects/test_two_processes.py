"""Two processes on one file of effects: each effect is leased to one, and what one leaves the other takes over."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aggregator.stores.effects.claiming import claim
from aggregator.stores.effects.contract import Bounds
from aggregator.stores.effects.holders import Holder
from aggregator.stores.effects.keeping import put_all
from aggregator.stores.effects.records import DEAD, LEASED, SENT, WAITING, Outcome
from aggregator.stores.effects.schema import INDEXES, TRIGGERS, VERSION
from aggregator.stores.effects.table import EffectTable
from aggregator.stores.sqlite.opening import add_indexes
from tests.effects.conftest import record
from tests.policies.conftest import START

MANY = Bounds(1000, 10**9)
Pair = tuple[EffectTable, EffectTable]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Yield one file, opened twice."""
    one, other = EffectTable(tmp_path / "effects.db", "normal"), EffectTable(tmp_path / "effects.db", "normal")
    yield one, other
    one.close()
    other.close()


def die(table: EffectTable) -> None:
    """End as a process does that is killed: locks go, files stay."""
    table.db.close()
    table.holder.release()


def test_each_effect_is_leased_to_one(pair: Pair) -> None:
    """What one has claimed the other does not get, and what one has put the other may claim."""
    one, other = pair
    put_all(one, [[record(number) for number in range(10)]], MANY)
    other.count()
    first = claim(one, {"mail": 6}, 6, START)
    second = claim(other, {"mail": 6}, 6, START)
    assert len(first) == 6
    assert len(second) == 4
    assert {each.id for each in first}.isdisjoint(each.id for each in second)


def test_opening_takes_nothing_from_who_lives(pair: Pair, tmp_path: Path) -> None:
    """A third process leaves the leases of the others alone."""
    one, _ = pair
    put_all(one, [[record()]], MANY)
    claim(one, {"mail": 1}, 1, START)
    third = EffectTable(tmp_path / "effects.db", "normal")
    assert third.kept.counts[LEASED] == 1
    assert third.take_back() == 0
    third.close()


def test_who_dies_gives_back_its_leases(tmp_path: Path) -> None:
    """The other finds them, at once and whatever the clock says, with the attempts that were made."""
    one, other = EffectTable(tmp_path / "effects.db", "normal"), EffectTable(tmp_path / "effects.db", "normal")
    put_all(one, [[record(order="k"), record(1, order="k")]], MANY)
    assert len(claim(one, {"mail": 5}, 5, START)) == 1
    die(one)
    assert other.take_back() == 1
    other.count()
    assert other.kept.counts[WAITING] == 2
    (again,) = claim(other, {"mail": 5}, 5, START)
    assert (again.id, again.attempts) == ("id-0", 2)
    assert len(list(tmp_path.glob("*.holder-*"))) == 1
    other.close()
    assert list(tmp_path.glob("*.holder-*")) == []


def test_order_holds_across_them(pair: Pair) -> None:
    """The second of a key is claimed by nobody before the first has ended, whoever delivers it."""
    one, other = pair
    put_all(one, [[record(number, order="k") for number in range(2)]], MANY)
    (first,) = claim(one, {"mail": 5}, 5, START)
    assert claim(other, {"mail": 5}, 5, START) == []
    one.settle([Outcome(first.id, SENT)], START)
    assert [each.id for each in claim(other, {"mail": 5}, 5, START)] == ["id-1"]


def test_what_comes_too_late_settles_nothing(pair: Pair) -> None:
    """A process whose lease has passed to another does not end the delivery of that one."""
    one, other = pair
    put_all(one, [[record()]], MANY)
    (claimed,) = claim(one, {"mail": 1}, 1, START)
    other.db.execute("UPDATE effects SET holder = ?", (other.holder.name,))
    one.settle([Outcome(claimed.id, DEAD)], START)
    one.count()
    assert one.kept.counts[LEASED] == 1


def test_the_bound_is_that_of_both(pair: Pair) -> None:
    """What one has kept counts for the other."""
    one, other = pair
    assert put_all(one, [[record(0), record(1)]], Bounds(2, 10**9)) == [True]
    other.count()
    assert put_all(other, [[record(2)]], Bounds(2, 10**9)) == [False]


def test_the_totals_are_those_of_the_rows(pair: Pair) -> None:
    """Whatever becomes of effects, their numbers by state and their bytes are right."""
    one, other = pair
    put_all(one, [[record(number) for number in range(9)]], MANY)
    claimed = claim(other, {"mail": 4}, 4, START)
    other.settle([Outcome(each.id, state) for each, state in zip(claimed, (SENT, DEAD, WAITING), strict=False)], START)
    one.forget(SENT, START + 1, START)
    rows = "SELECT state, upstream, count(*), sum(size) FROM effects GROUP BY state, upstream"
    kept = "SELECT state, upstream, count, size FROM totals WHERE count > 0"
    assert sorted(one.db.execute(rows)) == sorted(one.db.execute(kept))


def test_a_holder_that_is_taken_for_dead_while_it_begins_takes_another_name(tmp_path: Path) -> None:
    """Its file was removed before it could lock it."""
    holder = Holder(tmp_path / "effects.db")
    assert holder.is_alive(holder.name)
    other = Holder(tmp_path / "effects.db")
    assert other.is_alive(holder.name)
    holder.close()
    assert not other.is_alive(holder.name)
    other.close()


def test_a_file_of_the_version_before_is_read(tmp_path: Path) -> None:
    """Its rows get what they lack, and what was leased waits again."""
    path = tmp_path / "effects.db"
    table = EffectTable(path, "normal")
    put_all(table, [[record(0), record(1)]], MANY)
    claim(table, {"mail": 1}, 1, START)
    for statement in (
        "DROP TRIGGER total_more", "DROP TRIGGER total_less", "DROP TRIGGER total_moved", "DROP TABLE totals",
        "ALTER TABLE effects DROP COLUMN holder", "PRAGMA user_version=1",
    ):  # fmt: skip
        table.db.execute(statement)
    die(table)
    table = EffectTable(path, "normal")
    assert table.kept.counts[WAITING] == 2
    assert table.db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert len(claim(table, {"mail": 5}, 5, START)) == 2
    table.close()


def test_an_earlier_program_beside_this_one_counts_right(tmp_path: Path) -> None:
    """What it inserts is counted by its trigger, what this one inserts is not counted by that."""
    path = tmp_path / "effects.db"
    EffectTable(path, "normal").close()
    with closing(sqlite3.connect(path)) as earlier:
        earlier.execute("DROP TRIGGER total_more")
        earlier.execute(TRIGGERS[0].replace("WHEN new.holder IS NULL", ""))
        table = EffectTable(path, "normal")
        put_all(table, [[record(0), record(1)]], MANY)
        earlier.execute(
            "INSERT INTO effects (id, name, endpoint, upstream, request_id, state, created, not_before, attempts, size,"
            " request) VALUES ('id-2', 'welcome', 'POST /x', 'mail', 'r', 'waiting', 1, 1, 0, 300, x'')"
        )
        earlier.commit()
    table.count()
    assert table.kept.counts[WAITING] == 3
    assert table.kept.size == 2 * record(0).size + 300
    table.close()


def test_others_write_between_two_new_indexes(tmp_path: Path) -> None:
    """A file with rows gets each index in a transaction of its own, and an empty one all in one."""
    path, told = tmp_path / "effects.db", list[str]()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE effects (a, b, c)")

        def write(_: float) -> None:
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
                other.execute("INSERT INTO effects VALUES (1, 2, 3)")

        add_indexes(
            db, "effects", {"of_a": "effects (a)", "of_b": "effects (b)"}, told.append, lambda _: told.append("pause")
        )
        assert told == []
        write(0.0)
        more = {"of_a": "effects (a)", "of_c": "effects (c)", "of_all": "effects (a, b, c)", "of_ca": "effects (c, a)"}
        add_indexes(db, "effects", more, told.append, write)
        assert told == ["of_c", "of_all", "of_ca"]
        assert db.execute("SELECT count(*) FROM effects").fetchone() == (3,)
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'index'").fetchone() == (5,)


def test_a_file_that_gets_an_index_says_so_and_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens a file while another one does waits for a minute; an index in place of which one stands goes last."""
    path, patience = tmp_path / "effects.db", list[int]()
    table = EffectTable(path, "normal")
    put_all(table, [[record(0)]], MANY)
    table.db.execute("DROP INDEX effects_request")
    table.db.execute("CREATE INDEX effects_order ON effects (order_key)")
    table.close()

    def added(db: sqlite3.Connection, *given: Any) -> None:
        patience.extend(db.execute("PRAGMA busy_timeout").fetchone())
        assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'effects_order'").fetchone()
        add_indexes(db, *given)

    monkeypatch.setattr("aggregator.stores.effects.table.add_indexes", added)
    caplog.set_level(logging.INFO)
    caplog.clear()
    table = EffectTable(path, "normal")
    patience.extend(table.db.execute("PRAGMA busy_timeout").fetchone())
    assert patience == [60_000, 5_000]
    assert [one.fields["index"] for one in caplog.records] == ["effects_request"]  # type: ignore[attr-defined]
    found = table.db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL").fetchall()
    assert {name for (name,) in found} == {*INDEXES}
    table.close()


def test_a_file_of_a_version_to_come_is_not(tmp_path: Path) -> None:
    """It is told, and not written."""
    table = EffectTable(tmp_path / "effects.db", "normal")
    table.db.execute(f"PRAGMA user_version={VERSION + 1}")
    table.close()
    with pytest.raises(sqlite3.DatabaseError, match=f"of version {VERSION + 1}"):
        EffectTable(tmp_path / "effects.db", "normal")
