"""What the level of a cache does in every store: values by key, which a purge of one of their tags ends."""

from __future__ import annotations

import pytest

from aggregator.stores.level.contract import LARGEST, Lease, tag_digest

ONE, OTHER = tag_digest("one"), tag_digest("other")
HOUR = 3600.0


@pytest.fixture
def number(store, now) -> int:
    """Return the number at which something begins that the test keeps."""
    return now(store.look(b"s", b"k")).number


def keep(store, now, number: int, *tags: bytes, value: bytes = b"v", lifetime: float = HOUR) -> bool:
    """Return whether a value is kept as *k* in the space *s*."""
    kept: bool = now(store.keep(b"s", b"k", value, tags, lifetime, number))
    return kept


def value(store, now) -> bytes | None:
    """Return the value of *k* in the space *s*."""
    found: bytes | None = now(store.look(b"s", b"k")).value
    return found


def test_a_value_is_found_with_its_age(store, clock, now, number):
    """Whoever asks later knows what is left of its life."""
    assert keep(store, now, number, ONE, value=b"\0\xff")
    clock.now += 600
    found = now(store.look(b"s", b"k"))
    assert found.value == b"\0\xff"
    assert found.age == pytest.approx(600, abs=100)


def test_a_value_ends(store, clock, now, number):
    """Every key expires."""
    keep(store, now, number)
    clock.now += HOUR + 1
    assert value(store, now) is None


def test_spaces_and_keys_are_apart(store, now, number):
    """One value is not found under another name."""
    keep(store, now, number)
    assert [now(store.look(*at)).value for at in ((b"s", b"l"), (b"t", b"k"))] == [None, None]


def test_a_purge_ends_what_has_one_of_its_tags(store, now, number):
    """The rest of the space stays."""
    keep(store, now, number, ONE, OTHER)
    now(store.keep(b"s", b"l", b"w", [OTHER], HOUR, number))
    now(store.purge(b"s", [ONE, tag_digest("third")]))
    assert value(store, now) is None
    assert now(store.look(b"s", b"l")).value == b"w"


def test_a_purge_of_everything_ends_one_space(store, now, number):
    """Others stay."""
    keep(store, now, number)
    other = now(store.look(b"t", b"k")).number
    now(store.keep(b"t", b"k", b"w", [], HOUR, other))
    now(store.purge(b"s", []))
    assert value(store, now) is None
    assert now(store.look(b"t", b"k")).value == b"w"


@pytest.mark.parametrize("tags", [[ONE], []])
def test_what_was_purged_while_it_was_made_is_not_kept(store, now, number, tags):
    """What began afterwards is."""
    now(store.purge(b"s", tags))
    assert not keep(store, now, number, ONE)
    assert value(store, now) is None
    assert keep(store, now, now(store.look(b"s", b"k")).number, ONE)
    assert value(store, now) == b"v"


def test_what_began_earlier_does_not_replace_what_began_later(store, now, number):
    """A call that took long brings something old."""
    now(store.purge(b"s", [OTHER]))
    assert keep(store, now, now(store.look(b"s", b"k")).number, ONE, value=b"new")
    assert not keep(store, now, number, ONE, value=b"old")
    assert value(store, now) == b"new"


def test_a_number_that_was_not_given_keeps_nothing(store, now, number):
    """It is that of a store which has lost its last purges."""
    assert not keep(store, now, number + 10**15)


def test_a_value_can_be_forgotten(store, now, number):
    """That is no purge: what is being made is kept."""
    keep(store, now, number)
    assert not keep(store, now, number, lifetime=0.0)
    assert value(store, now) is None
    assert keep(store, now, number)


def test_what_is_too_large_is_not_kept(store, now, number):
    """It would hold up what else asks the store."""
    assert keep(store, now, number, value=bytes(LARGEST))
    assert not keep(store, now, number, value=bytes(LARGEST + 1))


FIRST, SECOND = b"\0first", b"second"


def holder(store, now, token: bytes, life: float = 10.0, *, anyway: bool = False) -> bytes:
    """Return who holds the lease of *k* after it was asked for by *token*."""
    found: bytes = now(store.look(b"s", b"k", Lease(token, life, anyway))).holder
    return found


def test_one_holds_the_lease_of_what_is_not_there(store, clock, now):
    """Others are told who; it is over with its life."""
    assert [holder(store, now, token) for token in (FIRST, SECOND, FIRST)] == [FIRST] * 3
    clock.now += 11
    assert holder(store, now, SECOND, 0.0) == b""
    assert holder(store, now, SECOND) == SECOND


def test_nobody_holds_the_lease_of_what_is_there(store, now, number):
    """Unless it is asked for anyway, since what is there is too old."""
    keep(store, now, number)
    assert holder(store, now, FIRST) == b""
    assert holder(store, now, FIRST, anyway=True) == FIRST
    assert holder(store, now, SECOND) == FIRST
    assert value(store, now) == b"v"


def test_a_lease_ends_with_the_value(store, now, number):
    """Be it kept, or refused since it was purged; that of another stays."""
    holder(store, now, FIRST)
    now(store.keep(b"s", b"k", b"v", [ONE], HOUR, number, SECOND))
    assert holder(store, now, SECOND, anyway=True) == FIRST
    now(store.purge(b"s", [ONE]))
    now(store.keep(b"s", b"k", b"v", [ONE], HOUR, number, FIRST))
    assert holder(store, now, SECOND) == SECOND


def test_a_lease_is_given_up_by_who_holds_it(store, now):
    """The next one has it then."""
    holder(store, now, FIRST)
    now(store.end_lease(b"s", b"k", SECOND, 0.0))
    assert holder(store, now, SECOND) == FIRST
    now(store.end_lease(b"s", b"k", FIRST, 0.0))
    assert holder(store, now, SECOND) == SECOND


def test_for_a_while_nobody_has_the_lease_of_what_left_nothing(store, clock, now):
    """Whoever lacks it makes it, and waits for nobody."""
    holder(store, now, FIRST)
    now(store.end_lease(b"s", b"k", FIRST, 5.0))
    assert holder(store, now, SECOND) == b""
    clock.now += 6
    assert holder(store, now, SECOND) == SECOND
