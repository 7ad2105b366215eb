"""The ring of changes beside the log: the newest, bounded, without secrets."""

from __future__ import annotations

import logging

from aggregator.telemetry.lately import LONGEST, MOST, Lately
from aggregator.telemetry.redaction import MASK


def test_a_change_as_it_is_shown() -> None:
    """The newest first, at its moment to a millisecond; a field that says nothing is left out, lists are texts."""
    moments = iter([1.00049, 2.5])
    lately = Lately(lambda: next(moments))
    lately.note(logging.WARNING, "One.", {"a": 0, "b": "", "c": None, "d": ["x", 1], "e": False})
    lately.note(logging.ERROR, "Other.", {})
    assert lately.shown(str.upper) == [
        {"at": 2.5, "level": "error", "text": "Other.", "fields": {}},
        {"at": 1.0, "level": "warning", "text": "One.", "fields": {"a": "0", "d": "X, 1", "e": "FALSE"}},
    ]


def test_so_many_changes_are_kept() -> None:
    """In place of the oldest, and so much of each value."""
    lately = Lately(lambda: 0.0)
    for number in range(MOST + 1):
        lately.note(logging.INFO, str(number), {"long": "x" * (LONGEST + 1)})
    shown = lately.shown(str)
    assert [one["text"] for one in shown] == [str(number) for number in range(MOST, 0, -1)]
    assert {one["fields"]["long"] for one in shown} == {"x" * LONGEST}
    assert (MOST, LONGEST) == (200, 300)


def test_secrets_are_not_kept() -> None:
    """Those that are known when a change comes, and those of URLs, also where they go beyond what is kept."""
    lately = Lately(lambda: 0.0)
    lately.learn(["hunter2"])
    lately.note(logging.INFO, "One.", {"a": "x hunter2", "b": "http://u:p@h/?token=t", "c": "y" * 297 + "hunter2"})
    (one,) = lately.shown(str)
    assert one["fields"] == {"a": f"x {MASK}", "b": f"http://{MASK}@h/?token={MASK}", "c": "y" * 297 + MASK[:3]}
