"""Leases of keys in the memory of a process: when each is over, and how many there are at most."""

from __future__ import annotations

import pytest

from aggregator.stores.level.contract import Lease
from aggregator.stores.level.holders import Holders

A, B = Lease(b"a", 10.0), Lease(b"b", 10.0)


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return the clock of a test."""
    return Clock()


@pytest.mark.parametrize(("seconds", "holder"), [(9.75, b"a"), (10.0, b"b"), (10.25, b"b")])
def test_a_lease_is_over_when_its_life_is(clock: Clock, seconds: float, holder: bytes) -> None:
    """At that moment, and not before."""
    holders = Holders(clock, 5)
    holders.ask(b"k", A, is_lacked=True)
    clock.now += seconds
    assert holders.ask(b"k", B, is_lacked=True) == holder


@pytest.mark.parametrize(
    ("lease", "is_lacked", "holder"),
    [(A, True, b"a"), (A, False, b""), (Lease(b"a", 10.0, anyway=True), False, b"a"), (Lease(b"a", 0.0), True, b"")],
)
def test_who_may_take_a_lease(clock: Clock, lease: Lease, is_lacked: bool, holder: bytes) -> None:
    """Who lacks the value, or wants it anyway; a lease without a life only asks who has it."""
    assert Holders(clock, 5).ask(b"k", lease, is_lacked=is_lacked) == holder


@pytest.mark.parametrize(
    ("pause", "after", "holder"), [(0.0, 0.0, b"b"), (0.5, 0.25, b""), (2.0, 1.75, b""), (2.0, 2.0, b"b")]
)
def test_nobody_has_it_during_a_pause(clock: Clock, pause: float, after: float, holder: bytes) -> None:
    """Without a pause the next who asks has it at once."""
    holders = Holders(clock, 5)
    holders.ask(b"k", A, is_lacked=True)
    holders.end(b"k", b"a", pause)
    clock.now += after
    assert holders.ask(b"k", B, is_lacked=True) == holder


@pytest.mark.parametrize("token", [b"", b"b"])
def test_nobody_else_ends_it(clock: Clock, token: bytes) -> None:
    """Least of all who has no token."""
    holders = Holders(clock, 5)
    holders.ask(b"k", A, is_lacked=True)
    holders.end(b"k", token)
    assert holders.ask(b"k", B, is_lacked=True) == b"a"


def test_the_oldest_is_forgotten_beyond_the_bound(clock: Clock) -> None:
    """As many as the bound are held; of one more, the first is nobody's."""
    holders = Holders(clock, 2)
    for key in (b"1", b"2"):
        holders.ask(key, A, is_lacked=True)
    assert [holders.ask(key, Lease(b"c", 0.0), is_lacked=True) for key in (b"1", b"2")] == [b"a", b"a"]
    holders.ask(b"3", A, is_lacked=True)
    assert [holders.ask(key, Lease(b"c", 0.0), is_lacked=True) for key in (b"1", b"2", b"3")] == [b"", b"a", b"a"]


def test_what_is_over_makes_room_first(clock: Clock) -> None:
    """A lease that holds still is not forgotten while others are over."""
    holders = Holders(clock, 2)
    holders.ask(b"1", Lease(b"a", 20.0), is_lacked=True)
    holders.ask(b"2", A, is_lacked=True)
    clock.now += 10.0
    holders.ask(b"3", B, is_lacked=True)
    assert [holders.ask(key, Lease(b"c", 0.0), is_lacked=True) for key in (b"1", b"2", b"3")] == [b"a", b"", b"b"]
