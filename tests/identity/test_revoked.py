"""Tokens that are taken back: by their id, or all of a subject up to a moment."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from aggregator.identity import revoked
from aggregator.identity.keys import KeyFileError
from aggregator.identity.revoked import Revocations, read_revoked

LISTED = [{"jti": "a"}, {"sub": "ada", "before": "2027-01-31T12:00:00Z"}, {"sub": "bob", "before": date(2027, 1, 31)}]
NOON = 1_801_396_800


@pytest.mark.parametrize(
    ("claims", "is_revoked"),
    [
        ({"jti": "a", "sub": "x"}, True),
        ({"jti": "b", "sub": "x", "iat": 0}, False),
        ({"sub": "ada", "iat": NOON - 1}, True),
        ({"sub": "ada", "iat": NOON}, False),
        ({"sub": "ada"}, True),
        ({"sub": "ada", "iat": "soon"}, True),
        ({"sub": "bob", "iat": NOON - 43_200}, False),
        ({"jti": ["a"], "sub": ["ada"]}, False),
        ({}, False),
    ],
)
def test_what_is_revoked(claims: dict[str, Any], is_revoked: bool) -> None:
    """A token by its id; those of a subject that were made before the moment, or do not say when."""
    assert read_revoked(LISTED).holds(claims) is is_revoked


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "is a list"),
        ([1], "names a `jti`"),
        ([{"jti": 7}], "names a `jti`"),
        ([{"sub": "ada"}], "names a `jti`"),
        ([{"sub": "ada", "before": "soon"}], "not a moment"),
        ([{"jti": "a", "sub": "ada", "before": "2027-01-31"}], "names a `jti`"),
    ],
)
def test_what_is_no_list_of_them(value: Any, said: str) -> None:
    """What is wrong is said, with the number of the entry."""
    with pytest.raises(KeyFileError, match=said):
        read_revoked(value)


def test_an_empty_file() -> None:
    """Nobody is revoked yet."""
    assert read_revoked(None).is_empty


def test_what_has_an_entry_is_not_empty() -> None:
    """Of either kind: who finds it empty does not look."""
    first, second = Revocations(), Revocations()
    assert (first.is_empty, second.is_empty) == (True, True)
    first.add_id("a")
    second.add_subject("ada", 1)
    assert (first.is_empty, second.is_empty) == (False, False)


def test_the_latest_moment_of_a_subject_holds() -> None:
    """What is revoked stays revoked, whichever entry comes first."""
    kept = Revocations()
    kept.add_subject("ada", 5)
    kept.add_subject("ada", 3)
    assert (kept.holds({"sub": "ada", "iat": 4}), kept.holds({"sub": "ada", "iat": True})) == (True, True)


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound nothing is added, and whoever asks for it is told."""
    monkeypatch.setattr(revoked, "MOST", 1)
    kept = Revocations()
    assert (kept.add_id("a"), kept.add_id("b"), kept.add_id("a")) == (True, False, True)
    assert (kept.add_subject("ada", 1), kept.add_subject("bob", 1), kept.add_subject("ada", 5)) == (True, False, True)
    assert kept.holds({"sub": "ada", "iat": 4})


def test_the_latest_moment_in_a_file_holds() -> None:
    """Whichever entry of a subject comes first; equal revocations are equal."""
    dates = ("2027-01-31T12:00:00Z", "2027-01-30T12:00:00Z")
    one, other = ([{"sub": "ada", "before": date} for date in order] for order in (dates, dates[::-1]))
    assert read_revoked(one) == read_revoked(other) == read_revoked(LISTED[1:2])
    assert read_revoked(one) != read_revoked(LISTED)
    assert read_revoked(one).holds({"sub": "ada", "iat": NOON - 1})


@pytest.mark.parametrize(
    ("value", "steps"),
    [({}, ()), ([{"jti": "a"}, 1], (1,)), ([{"jti": "a"}, {"sub": "ada", "before": "soon"}], (1, "before"))],
)
def test_where_a_file_is_wrong(value: Any, steps: tuple[int | str, ...]) -> None:
    """By the number of the entry, from nought, and its member."""
    with pytest.raises(KeyFileError) as problem:
        read_revoked(value)
    assert problem.value.steps == steps


@pytest.mark.parametrize("listed", [LISTED[:1], LISTED[1:2]])
def test_a_file_of_one_kind_is_not_empty(listed: list[Any]) -> None:
    """Ids alone, or subjects alone."""
    assert read_revoked(listed).is_empty is False
