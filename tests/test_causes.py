"""The one table of causes: families, words of before, and what is reserved for policies to come."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from aggregator.causes import CAUSES, RENAMED, Cause, causes_called
from aggregator.fields import parse_status_key

ROOT = Path(__file__).parents[1]
SOURCES = [path for path in (ROOT / "aggregator").rglob("*.py") if path.name != "causes.py"]


@pytest.mark.parametrize(
    ("family", "members"),
    [
        ("connect", {"refused", "dns", "tls", "unreachable", "connect_timeout"}),
        ("reset", {"reset", "incomplete"}),
        ("overloaded", {"queue_full", "queue_timeout", "limited", "breaker_open", "degraded"}),
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


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause.refuses_requests])
def test_no_row_speaks_of_a_refused_request(cause: Cause) -> None:
    """It never came to a call, so a status map has nothing to say of it."""
    assert cause not in CAUSES
    with pytest.raises(PydanticCustomError):
        parse_status_key(cause.value)


def test_the_table_of_the_language_is_that_of_the_program() -> None:
    """Each cause stands in it once, with its family and its status."""
    text = (ROOT / "docs" / "language" / "failure.md").read_text(encoding="utf-8")
    table = text.partition("| failure | cause | status |\n|---|---|---|\n")[2].partition("\n\n")[0]
    told: dict[str, list[tuple[str, str]]] = {}
    for line in table.splitlines():
        _, _, causes, status, _ = line.split("|")
        named, _, family = causes.partition("(family")
        for cause in named.replace("`", "").replace(",", " ").split():
            told.setdefault(cause, []).append((family.strip(" `)") or cause, status.split()[0]))
    assert told.pop("status") == [("status", "404"), ("status", "502")]
    assert told == {
        cause.value: [(cause.family, str(cause.default_status))] for cause in CAUSES if cause is not Cause.STATUS
    }
