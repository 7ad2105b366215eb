"""Which effects an operator means: read from what is given, and refused with the words that name them."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.server.admin.effects.reading import Unknown, subject_in, wanted_of
from aggregator.stores.effects.contract import Filter


def test_a_subject_is_named_by_its_key() -> None:
    """A key is read as text, whatever it is."""
    assert subject_in({"key": 7}) == "7"


@pytest.mark.parametrize("given", [{}, {"key": None}, {"name": "mail"}])
def test_a_subject_without_a_key_is_refused(given: dict[str, Any]) -> None:
    """Nothing else names one."""
    with pytest.raises(Unknown, match="by `key`") as caught:
        subject_in(given)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, Filter()),
        ({"id": None, "name": None}, Filter()),
        ({"name": "mail", "state": "dead", "key": 5}, Filter(name="mail", state="dead", key="5")),
        ({"id": "a", "request": "r"}, Filter(id="a", request="r")),
        ({"since": "2h"}, Filter(since=2800.0)),
        ({"since": "1ms"}, Filter(since=9999.999)),
    ],
)
def test_what_is_given_is_wanted(given: dict[str, Any], wanted: Filter) -> None:
    """Absent and null are the same; a time is counted back from now."""
    assert wanted_of(given, 10_000.0) == wanted


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"order": "retry"}, "by no `order`"),
        ({"state": "lost"}, "`state` is one of"),
        ({"since": "0s"}, "`since` is a duration"),
        ({"since": "soon"}, "`since` is a duration"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    """A word that names nothing, a state that is none, a time that is not past."""
    with pytest.raises(Unknown, match=said) as caught:
        wanted_of(given, 10_000.0)
    assert caught.value.status == 400


def test_other_words_are_taken_where_they_are_expected() -> None:
    """An order comes beside what it is for."""
    assert wanted_of({"order": "retry", "id": "a"}, 0.0, "order") == Filter(id="a")
