"""The one table of causes: families, words of before, and what is reserved for policies to come."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from aggregator.causes import CAUSES, RENAMED, Cause, causes_called
from aggregator.fields import parse_status_key

SOURCES = [path for path in (Path(__file__).parents[1] / "aggregator").rglob("*.py") if path.name != "causes.py"]


@pytest.mark.parametrize(
    ("family", "members"),
    [
        ("connect", {"refused", "dns", "tls", "unreachable", "connect_timeout"}),
        ("reset", {"reset", "incomplete"}),
        ("overloaded", {"queue_full", "queue_timeout"}),
    ],
)
def test_families_hold_their_causes(family: str, members: set[str]) -> None:
    """A row that names a family speaks of all of its causes and of no other."""
    assert {cause.value for cause in causes_called(family)} == members
    assert parse_status_key(family) == family


@pytest.mark.parametrize("word", RENAMED)
def test_a_former_word_is_told_that_of_today(word: str) -> None:
    """`check` names the new word for an old one, and that word is taken."""
    with pytest.raises(PydanticCustomError) as caught:
        parse_status_key(word)
    assert caught.value.context == {"hint": f"write `{RENAMED[word].value}`"}
    assert parse_status_key(RENAMED[word].value) == RENAMED[word].value


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause.is_reserved])
def test_a_reserved_cause_is_neither_said_nor_raised(cause: Cause) -> None:
    """No row may speak of a failure that cannot happen; the code that first raises it ends the reservation."""
    assert cause not in CAUSES
    with pytest.raises(PydanticCustomError):
        parse_status_key(cause.value)
    using = [str(path) for path in SOURCES if f"Cause.{cause.name}" in path.read_text(encoding="utf-8")]
    assert using == []
