"""What all callers know of hosts: who fails is left out, for longer each time, and never too many at once."""

from __future__ import annotations

import pytest

from aggregator.policies.hosts.plan import EjectPlan, HealthPlan, HostPlan, HostsPlan
from aggregator.policies.hosts.table import HostTable
from aggregator.policies.values import Span
from aggregator.transport import Origin, PoolSettings

EJECT = EjectPlan(failures=3, pause=Span(10.0, 60.0), at_most=0.5, panic=0.5)
HEALTH = HealthPlan(b"/health", every=10.0, timeout=1.0, unhealthy=3, healthy=2)


def host(name: str, priority: int = 0, weight: int = 1) -> HostPlan:
    """Return the plan of a host."""
    return HostPlan(name, PoolSettings(Origin("http", name, 80)), name.encode(), weight, priority)


def plan(names: str = "ab", **said) -> HostsPlan:
    """Return the plan of hosts that take turns."""
    return HostsPlan(tuple(map(host, names)), **({"balance": "round_robin", "eject": EJECT} | said))


def table(names: str = "ab", hosts: tuple[HostPlan, ...] = (), **said) -> HostTable:
    """Return the table of hosts whose pauses are not shortened."""
    made = plan(names, **said)
    return HostTable(("users", HostsPlan(hosts, "round_robin", eject=EJECT) if hosts else made), draw=lambda: 0.0)


def fail(one: HostTable, name: str, now: float, times: int = 3) -> None:
    """Let so many calls to a host fail, one after the other."""
    for _ in range(times):
        found = next(host for host in one.hosts if host.name == name)
        one.choose(now)
        one.ended(found, found.era, now, failed=True)


def called(one: HostTable, now: float, times: int = 30) -> str:
    """Return the hosts of so many calls, each once, in the order of their names."""
    return "".join(sorted({one.choose(now).name for _ in range(times)}))  # type: ignore[union-attr]


def test_who_fails_is_left_out_and_comes_back():
    """After as many failures in a row as declared, for the pause."""
    one = table()
    fail(one, "a", 1.0, times=2)
    assert called(one, 1.0) == "ab"
    fail(one, "a", 1.0, times=1)
    assert called(one, 1.0) == called(one, 10.9) == "b"
    assert called(one, 11.0) == "ab"


def test_a_success_begins_the_count_anew():
    """Failures are counted one after the other."""
    one = table()
    fail(one, "a", 1.0, times=2)
    one.ended(one.hosts[0], 0, 1.0, failed=False)
    fail(one, "a", 1.0, times=2)
    assert called(one, 1.0) == "ab"


def test_pauses_grow_while_the_first_call_fails():
    """One failure is enough then: 10, 20, 40, 60 and 60 seconds; a success lets it begin at the beginning."""
    one, now, pauses = table(), 1.0, []
    fail(one, "a", now)
    for _ in range(5):
        pauses.append(one.hosts[0].paused)
        now += pauses[-1]
        called(one, now)
        fail(one, "a", now, times=1)
    assert pauses == [10.0, 20.0, 40.0, 60.0, 60.0]
    now += 60.0
    called(one, now)
    one.ended(one.hosts[0], one.hosts[0].era, now, failed=False)
    fail(one, "a", now + 61.0)
    assert one.hosts[0].paused == 10.0


def test_who_stays_well_for_a_pause_begins_at_the_beginning():
    """One that fails within as long a time as it was left out is left out for twice as long, later ones for as long."""
    for later, paused in ((9.9, 20.0), (10.0, 10.0)):
        one = table()
        fail(one, "a", 1.0)
        called(one, 11.0)
        fail(one, "a", 11.0 + later, times=1)
        assert one.hosts[0].paused == paused


def test_no_more_at_once_than_declared():
    """The second of two stays, though it fails, and so does the only one."""
    one = table()
    fail(one, "a", 1.0)
    fail(one, "b", 1.0, times=9)
    assert called(one, 1.0) == "b"
    alone = table("a")
    fail(alone, "a", 1.0, times=9)
    assert called(alone, 1.0) == "a"


def test_a_call_of_the_time_before_tells_nothing():
    """What was sent before a host was left out, and fails when it is back, is no reason to leave it out again."""
    one = table()
    era = one.hosts[0].era
    fail(one, "a", 1.0)
    assert called(one, 11.0) == "ab"
    one.ended(one.hosts[0], era, 11.0, failed=True)
    assert called(one, 11.0) == "ab"


def test_when_too_few_are_left_all_are_called():
    """Below the share of `panic`; what says that nearly all fail may be wrong."""
    one = table("abcd", eject=EjectPlan(1, Span(10.0, 10.0), at_most=1.0, panic=0.5))
    for name, left in (("a", "bcd"), ("b", "cd"), ("c", "abcd")):
        fail(one, name, 1.0, times=1)
        assert called(one, 1.0) == left


def test_hosts_of_a_higher_number_stand_by():
    """They are called when too few of the first are usable, and no longer than that."""
    one = table(hosts=(host("a"), host("b"), host("c", 1), host("d", 1)), eject=EJECT)
    assert called(one, 1.0) == "ab"
    fail(one, "a", 1.0)
    assert called(one, 1.0) == "b"
    fail(one, "b", 1.0)
    assert called(one, 1.0) == "cd"
    assert called(one, 11.0) == "ab"


def test_another_try_falls_back_to_those_that_stand_by():
    """When all of the first were tried; and then to any."""
    one = table(hosts=(host("a"), host("b", 1)))
    first = one.choose(1.0)
    second = one.choose(1.0, None, (first,))
    assert (first.name, second.name) == ("a", "b")
    assert one.choose(1.0, None, (first, second)) is first


def test_who_comes_back_starts_slowly():
    """Its share grows from a tenth to the whole."""
    one = table(balance="random", slow_start=20.0)
    assert [host.share for host in one.hosts] == [1, 1]
    fail(one, "a", 1.0)
    shares = []
    for now in (11.0, 16.0, 21.0, 26.0, 31.0):
        one.choose(now)
        shares.append(one.hosts[0].share)
    assert shares == [0.1, 0.25, 0.5, 0.75, 1]


def test_who_stays_over_a_reload_goes_on():
    """What is known of it stays, its weight changes; who is new starts slowly, and who is gone is called no more."""
    one = table(slow_start=20.0)
    fail(one, "a", 1.0)
    stays = one.hosts[0]
    one.adopt(("users", HostsPlan((host("a", weight=5), host("c")), "round_robin", eject=EJECT, slow_start=20.0)))
    assert [host.name for host in one.hosts] == ["a", "c"]
    assert one.hosts[0] is stays
    assert (stays.state, stays.plan.weight) == ("ejected", 5)
    assert called(one, 2.0) == "c"
    assert one.hosts[1].share == 0.1


def test_what_is_declared_no_more_leaves_nobody_out():
    """Without `health` nobody would find an unhealthy host well again, and without `eject` nobody is ejected."""
    one = table("ab", health=HEALTH)
    one.checked(one.hosts[0], 1.0, is_well=False)
    fail(one, "b", 1.0)
    assert [host.state for host in one.hosts] == ["unhealthy", "ejected"]
    one.adopt(("users", plan("ab", eject=None)))
    assert [host.state for host in one.hosts] == ["usable", "usable"]
    assert called(one, 2.0) == "ab"


def test_a_clock_that_jumps_leaves_nothing_wrong():
    """Ahead, everything ends; back, an ejection lasts until its time comes, and the shares are those of the moment."""
    one = table(slow_start=20.0)
    fail(one, "a", 100.0)
    assert called(one, 1e9) == "ab"
    fail(one, "a", 1e9, times=1)
    assert called(one, 100.0) == "b"
    assert called(one, 1e9 + 20.0) == "ab"
    assert called(one, 50.0) == "ab"
    assert all(0.1 <= host.share <= 1 for host in one.hosts)


def test_a_thousand_failures_at_once_are_one_ejection():
    """Calls that were under way together tell the same."""
    one = table()
    found = one.hosts[0]
    for _ in range(1000):
        one.ended(found, 0, 1.0, failed=True)
    assert (found.ejections, one.ejections, called(one, 1.0)) == (1, 1, "b")


def test_what_there_is_to_know_of_hosts():
    """Each with its state, what is in flight there, and when it returns; and how many are in each state."""
    one = table(hosts=(host("a", weight=3), host("b"), host("c", 1)))
    fail(one, "a", 1.0)
    fail(one, "b", 1.0, times=2)
    one.hosts[1].in_flight = 4
    usual = {"state": "usable", "weight": 1, "priority": 0, "in_flight": 0, "failures": 0, "ejections": 0}
    assert one.as_list(8.5) == [
        usual | {"host": "a", "state": "ejected", "weight": 3, "failures": 3, "ejections": 1, "returns_in": 2.5},
        usual | {"host": "b", "in_flight": 4, "failures": 2},
        usual | {"host": "c", "priority": 1},
    ]
    assert one.counts(8.5) == {"usable": 2, "ejected": 1, "unhealthy": 0}
    assert one.counts(11.0) == {"usable": 3, "ejected": 0, "unhealthy": 0}


def test_changes_of_hosts_are_logged(caplog):
    """What is left out is a warning, with its failures and for how long; what is called again is none."""
    one = table("ab", health=HEALTH)
    with caplog.at_level("INFO", "aggregator.policies"):
        fail(one, "a", 1.0)
        called(one, 11.0)
        one.checked(one.hosts[1], 12.0, is_well=False)
        for _ in range(2):
            one.checked(one.hosts[1], 13.0, is_well=True)
    of = {"upstream": "users"}
    assert [(record.levelname, record.message, record.fields) for record in caplog.records] == [
        ("WARNING", "A host was ejected.", of | {"host": "a", "failures": 3, "pause": 10.0}),
        ("INFO", "A host is called again.", of | {"host": "a"}),
        ("WARNING", "A host is not well.", of | {"host": "b"}),
        ("INFO", "A host is well again.", of | {"host": "b"}),
    ]


def test_pauses_are_shortened_by_chance(caplog):
    """By up to a fifth, so that gateways do not come back at the same time; the log rounds them to milliseconds."""
    for drawn, paused in ((0.0, 10.0), (0.5, 9.0), (1.0, 8.0), (0.123456, 9.753088)):
        one = HostTable(("users", plan()), draw=lambda drawn=drawn: drawn)
        fail(one, "a", 1.0)
        assert one.hosts[0].paused == pytest.approx(paused)
        assert caplog.records[-1].fields["pause"] == round(paused, 3)
    assert one.as_list(1.00006)[0]["returns_in"] == 9.753


def test_who_is_unhealthy_at_the_exact_share_of_panic_is_left_out():
    """Half of four are usable, and half is enough."""
    one = table("abcd", health=HEALTH)
    for number in (0, 1):
        one.checked(one.hosts[number], 1.0, is_well=False)
    assert called(one, 1.0) == "cd"
    one.checked(one.hosts[2], 1.0, is_well=False)
    assert called(one, 1.0) == "abcd"


def test_with_nobody_usable_the_priority_with_the_most_is_called():
    """And the first one of those with equally many."""
    one = table(hosts=(host("a"), host("b"), host("c", 1), host("d", 1), host("e", 1)), eject=EJECT)
    one.adopt(("users", HostsPlan(tuple(each.plan for each in one.hosts), "round_robin", health=HEALTH,
                                  eject=EjectPlan(3, Span(10.0, 60.0), 0.5, 0.9))))  # fmt: skip
    for number, left in ((0, "cde"), (2, "cde"), (3, "ab"), (4, "ab"), (1, "ab")):
        one.checked(one.hosts[number], 1.0, is_well=False)
        assert called(one, 1.0) == left
