"""What is remembered of credentials: bounded, until its time is over, and never the credential."""

from __future__ import annotations

from aggregator.identity.remembered import Remembered


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_until_its_time_is_over() -> None:
    """A value is there until the moment that was named, and not at it."""
    clock = Clock()
    kept: Remembered[str] = Remembered(10, clock)
    kept.keep(b"token", "ada", until=5.0)
    assert (kept.get(b"token"), kept.get(b"other")) == ("ada", None)
    clock.now = 5.0
    assert kept.get(b"token") is None
    assert len(kept) == 0


def test_a_flood_of_others_is_bounded() -> None:
    """However many are kept, no more than the capacity stay; what is asked for now and then is among them."""
    kept: Remembered[int] = Remembered(100, Clock())
    kept.keep(b"used", 1, until=9.0)
    for number in range(10_000):
        kept.keep(b"%d" % number, 0, until=9.0)
        if number % 20 == 0:
            assert kept.get(b"used") == 1
        assert len(kept) <= 100


def test_the_credential_is_not_kept() -> None:
    """Nothing that is kept shows the credential."""
    kept: Remembered[int] = Remembered(10, Clock())
    kept.keep(b"s3cr3t", 1, until=9.0)
    assert b"s3cr3t" not in repr((kept._young, kept._old)).encode()


def test_forgetting() -> None:
    """What was judged by other settings is forgotten."""
    kept: Remembered[int] = Remembered(10, Clock())
    kept.keep(b"a", 1, until=9.0)
    kept.forget()
    assert kept.get(b"a") is None


def test_what_is_asked_for_stays_when_others_go() -> None:
    """Half of the capacity is young: what fills it up makes it old, and what is old and not asked for goes next."""
    clock = Clock()
    kept: Remembered[int] = Remembered(4, clock)
    for number in range(4):
        kept.keep(b"%d" % number, number, until=9.0)
    assert (len(kept), kept.get(b"0")) == (4, 0)
    assert [kept.get(b"%d" % number) for number in range(4)] == [0, None, 2, 3]


def test_the_same_credential_takes_no_more_room() -> None:
    """Its last value holds, whether the first was young or old."""
    kept: Remembered[int] = Remembered(2, Clock())
    kept.keep(b"a", 1, until=9.0)
    kept.keep(b"a", 2, until=9.0)
    assert (len(kept), kept.get(b"a")) == (1, 2)
    kept.keep(b"b", 3, until=9.0)
    kept.keep(b"a", 4, until=9.0)
    assert (len(kept), kept.get(b"a"), kept.get(b"b")) == (2, 4, 3)


def test_the_smallest_capacity_holds_something() -> None:
    """One value is young."""
    kept: Remembered[int] = Remembered(1, Clock())
    kept.keep(b"a", 1, until=9.0)
    assert kept.get(b"a") == 1


def test_what_is_old_is_over_at_its_moment_too() -> None:
    """It is not kept any longer then."""
    clock = Clock()
    kept: Remembered[int] = Remembered(2, clock)
    kept.keep(b"a", 1, until=5.0)
    kept.keep(b"b", 2, until=9.0)
    clock.now = 5.0
    assert (kept.get(b"a"), len(kept)) == (None, 1)
