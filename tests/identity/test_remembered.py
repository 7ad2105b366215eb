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
