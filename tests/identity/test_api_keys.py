"""API keys: found by their hash, good for a time, rotated by name; a wrong file says where."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml

from aggregator.identity.caller import Reason, Refused
from aggregator.identity.keys import KeyFileError, KeyRing, new_key, read_entries

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC).timestamp()


def digest(text: str) -> str:
    """Return what stands in the file for the key *text*."""
    return hashlib.sha256(text.encode()).hexdigest()


def ring(**members: Any) -> KeyRing:
    """Return a ring of one key, ``good``."""
    return KeyRing(read_entries([{"name": "acme", "sha256": digest("good"), **members}]))


def test_a_key_that_is_known() -> None:
    """The caller is named as the entry, with its scopes, and never by the text of its key."""
    caller = ring(scopes=["orders.read"]).caller(b"good", "partners", NOW)
    assert (caller.subject, caller.key, caller.scopes) == ("acme", "acme", ("orders.read",))
    assert "good" not in repr(caller)


@pytest.mark.parametrize("text", ["", "Good", "good ", "bad", "g" * 100_000, "\udcff", "gööd"])
def test_a_key_that_is_unknown(text: str) -> None:
    """Everything but the very key is unknown."""
    with pytest.raises(Refused) as refused:
        ring().find(text.encode("utf-8", "surrogateescape"), NOW)
    assert refused.value.reason is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"not_after": "2026-06-15"}, None),
        ({"not_after": date(2026, 6, 14)}, Reason.EXPIRED),
        ({"not_after": "2026-06-15T12:00:00Z"}, Reason.EXPIRED),
        ({"not_after": "2026-06-15T14:00:01+02:00"}, None),
        ({"not_before": "2026-06-15"}, None),
        ({"not_before": "2026-06-16"}, Reason.NOT_YET_VALID),
        ({"not_before": datetime(2026, 6, 15, 12, 0, 1)}, Reason.NOT_YET_VALID),
    ],
)
def test_the_time_of_a_key(members: dict[str, Any], reason: Reason | None) -> None:
    """A bare date begins, or ends, with its day in UTC; both bounds are those of the file."""
    found: Reason | None = None
    try:
        ring(**members).find(b"good", NOW)
    except Refused as refused:
        found = refused.reason
    assert found is reason


def test_two_keys_of_one_name() -> None:
    """While a key is replaced the old and the new one are good."""
    entries = read_entries([{"name": "acme", "sha256": digest("old")}, {"name": "acme", "sha256": digest("new")}])
    assert {KeyRing(entries).find(raw, NOW).name for raw in (b"old", b"new")} == {"acme"}


@pytest.mark.parametrize(
    ("value", "steps", "said"),
    [
        ({}, (), "is a list"),
        (["x"], (0,), "is a mapping"),
        ([{"sha256": digest("a")}], (0,), "has a name"),
        ([{"name": "a", "sha256": "abc"}], (0, "sha256"), "64 hexadecimal digits"),
        ([{"name": "a", "sha256": digest("a"), "scope": "x"}], (0, "scope"), "no key of an entry"),
        ([{"name": "a", "sha256": digest("a"), "scopes": "x"}], (0, "scopes"), "not a list"),
        ([{"name": "a", "sha256": digest("a"), "not_after": "soon"}], (0, "not_after"), "not a moment"),
        ([{"name": "a", "sha256": digest("a"), "rate_limit": 5}], (0, "rate_limit"), "not a rate"),
        ([{"name": "a\ud800", "sha256": digest("a")}], (0,), "half of a surrogate pair"),
        ([{"name": "a", "sha256": digest("a"), "scopes": ["\udfff"]}], (0,), "half of a surrogate pair"),
        ([{"name": "a", "sha256": digest("a")}, {"name": "b", "sha256": digest("a").upper()}], (1, "sha256"), "twice"),
    ],
)
def test_a_wrong_file(value: Any, steps: tuple[int | str, ...], said: str) -> None:
    """What is wrong with a file is said with the way to it."""
    with pytest.raises(KeyFileError, match=said) as problem:
        read_entries(value)
    assert problem.value.steps == steps
    assert problem.value.hint


@pytest.mark.parametrize("name", ["acme", "on", "a: b", 'say "hi"', "日本"])
def test_a_new_key_is_one_that_the_file_takes(name: str) -> None:
    """The entry that is printed is YAML that means the key that is printed."""
    text, line = new_key(name, ["a.read", "yes"], datetime(2026, 9, 1, tzinfo=UTC))
    (entry,) = read_entries(yaml.safe_load(line))
    assert (entry.name, entry.scopes) == (name, ("a.read", "yes"))
    assert KeyRing([entry]).find(text.encode(), NOW) is entry
    assert len(text) > 40
    assert text not in line


def test_new_keys_differ() -> None:
    """No two keys are the same."""
    assert len({new_key("a")[0] for _ in range(100)}) == 100


def test_a_key_is_hashed_once_whichever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known key, one that differs in its end alone and any other cost one hash of their bytes, and one look-up."""
    text, line = new_key("acme")
    ring = KeyRing(read_entries(yaml.safe_load(line)))
    hashed: list[int] = []
    sha256 = hashlib.sha256

    def counted(data: bytes) -> Any:
        hashed.append(len(data))
        return sha256(data)

    monkeypatch.setattr("aggregator.identity.keys._sha256", counted)
    assert ring.find(text.encode(), 0.0).name == "acme"
    for other in (text[:-1] + "~", "~" + text[1:], "~" * len(text)):
        with pytest.raises(Refused):
            ring.find(other.encode(), 0.0)
    assert hashed == [len(text)] * 4
