"""What has become of a target is remembered when it is in service again, so that no older order counts any more."""

from __future__ import annotations

import pytest

from aggregator.policies.switches import table as table_module
from aggregator.policies.switches.table import REMEMBERED, Change, Switch, Switches, Target

A = Target("endpoint", "GET /a")
OLD = {A: Change(100.0, Switch(None, 100.0, "me", ""))}
ENDS = {A: Change(200.0, Switch(800.0, 200.0, "me", ""))}
ON = {A: Change(200.0, None)}
LATER = {A: Change(300.0, Switch(None, 300.0, "me", ""))}


def restarted(table: Switches) -> Switches:
    """Return a table of what *table* has written down."""
    found = Switches()
    found.restore(table.kept())
    return found


@pytest.mark.parametrize("newer", [ENDS, ON])
def test_an_older_order_does_not_come_back(newer: dict[Target, Change]) -> None:
    """By another copy, whether the switch has ended by itself or was switched on, and after a restart."""
    table = Switches()
    table.merge(newer, 250.0)
    for one in (table, restarted(table)):
        one.off(900.0)
        for copy in (one, restarted(one)):
            copy.merge(OLD, 900.0)
            assert copy.off(900.0) == {}


def test_what_is_over_already_is_learned() -> None:
    """By a copy that has the older order."""
    table = Switches()
    table.merge(OLD, 100.0)
    assert table.merge(ENDS, 900.0)
    assert table.off(900.0) == {}


def test_an_order_during_a_switch_outlives_its_end() -> None:
    """Who was away while it was ordered has seen only the end."""
    table = Switches()
    table.merge(ENDS, 250.0)
    assert table.off(900.0) == {}
    table.merge(LATER, 900.0)
    assert set(table.off(900.0)) == {A}


def test_it_is_remembered_for_a_time_from_its_end() -> None:
    """However long it was off."""
    table = Switches()
    table.merge(ENDS, 250.0)
    assert table.changes(800.0 + REMEMBERED - 1) == ENDS
    assert table.changes(800.0 + REMEMBERED) == {}
    assert table.kept() == []
    assert not table.merge(ENDS, 800.0 + REMEMBERED)


def test_what_was_switched_on_by_a_clock_ahead_is_on_after_a_restart() -> None:
    """Its time is behind that of an order from a machine whose clock is ahead of this one."""
    table = Switches()
    table.merge(LATER, 100.0)
    on = {A: Change(table.after(A, 100.0), None)}
    table.merge(on, 100.0)
    assert (restarted(table).off(110.0), restarted(table).changes(110.0)) == ({}, on)


def test_no_more_than_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is forgotten; what is off never is."""
    monkeypatch.setattr(table_module, "_MOST_ON", 2)
    table = Switches()
    table.merge(LATER, 300.0)
    over = {Target("endpoint", name): Change(200.0, Switch(400.0, 200.0, "", "")) for name in "bcd"}
    table.merge(over, 350.0)
    table.off(500.0)
    assert [target.name for target in table.changes(500.0)] == ["GET /a", "c", "d"]
