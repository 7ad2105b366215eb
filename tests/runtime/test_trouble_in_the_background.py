"""What is written of background calls that went wrong, line by line, and what a success makes old."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.causes import Cause
from aggregator.exchange import Exchange
from aggregator.parts.events import EffectEnded
from aggregator.parts.names import Names
from aggregator.policies.cache.shared.purge import Purge
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.background.tally import Tally
from aggregator.runtime.finish.purging import Purging
from aggregator.templates import compile_value

WARNING, ERROR = logging.WARNING, logging.ERROR
FAILED = EffectEnded("a", "id-1", "failed", Cause.DNS, "No.")
ENDS: list[tuple[EffectEnded, int, str, dict[str, Any]]] = [
    (FAILED, WARNING, "A background call failed.", {"call": "a", "cause": "dns", "reason": "No.", "request_id": "id-1"}),
    (EffectEnded("a", "id-1", "failed", reason="No."), WARNING, "The condition of a background call failed.",
     {"call": "a", "reason": "No.", "request_id": "id-1"}),
    (EffectEnded("a", "id-1", "failed", fault="KeyError: 1"), ERROR, "A background call failed by a fault of the program.",
     {"call": "a", "error": "KeyError: 1"}),
    (EffectEnded("a", "id-1", "dropped"), WARNING, "A background call was dropped: the queue is full.", {"call": "a"}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "level", "sentence", "fields"), ENDS)
def test_each_trouble_has_a_line(
    event: EffectEnded, level: int, sentence: str, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """With its level and all its fields; a second of the same kind is not told before a second is over."""
    now = [0.0]
    tally = Tally(lambda: now[0], lambda *_: None)
    for moment in (0.0, 0.999, 1.0):
        now[0] = moment
        tally(event)
    told = [(record.levelno, record.message, record.fields) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [(level, sentence, fields), (level, sentence, {**fields, "not_told": 1})]
    assert tally.ends == {("a", event.how): 3}


def test_what_went_well_is_counted_without_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Each end in its own count, of which nothing else has one."""
    tally = Tally(lambda: 0.0, lambda *_: None)
    ends = ("done", "done", "skipped", "lost", "lost", "lost")
    for how in ends:
        tally(EffectEnded("a", "id-1", how))  # type: ignore[arg-type]
    known = {"queued": 0, "done": 2, "failed": 0, "skipped": 1, "dropped": 0, "lost": 3, "failures": {}}
    assert (tally.counts.as_dict(), [*tally.recent], caplog.records) == (known, [], [])
    assert tally.ends == {("a", "done"): 2, ("a", "skipped"): 1, ("a", "lost"): 3}


def test_the_last_failures_are_kept() -> None:
    """Fifty of them, each with five hundred characters of why; a fault is told by its own."""
    tally = Tally(lambda: 0.0, lambda *_: None)
    for number in range(51):
        tally(EffectEnded("a", f"id-{number}", "failed", Cause.DNS, "x" * 501))
    tally(EffectEnded("b", "id-51", "failed", fault="KeyError: 1"))
    told = [{key: value for key, value in one.items() if key != "at"} for one in tally.recent]
    assert told[0] == {"name": "a", "request": "id-2", "cause": "dns", "reason": "x" * 500}
    assert told[-1] == {"name": "b", "request": "id-51", "cause": None, "reason": "KeyError: 1"}
    assert (len(told), tally.counts.failed, tally.counts.failures) == (50, 52, {"a": 51, "b": 1})


@pytest.mark.parametrize(
    ("status", "is_failed", "tags"),
    [
        (200, False, [("user-1", "all")]),
        (399, False, [("user-1", "all")]),
        (400, False, []),
        (200, True, []),
        (500, True, []),
    ],
)
def test_a_success_makes_old_what_has_its_tags(
    status: int, is_failed: bool, tags: list[tuple[str, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    """One that cannot be made is told, and the others are purged all the same."""
    done: list[Any] = []
    exchange = Exchange("POST", "/x", b"", [])
    exchange.id, exchange.query_values = "id-1", {"id": 1}
    purging = Purging(
        tuple(map(compile_value, ("user-{{ query.id }}", "{{ query.id + 'a' }}", "all"))),
        SimpleNamespace(do=done.append),  # type: ignore[arg-type]
    )
    run: Any = SimpleNamespace(
        failure=object() if is_failed else None, frame=SimpleNamespace(exchange=exchange, names=Names(exchange))
    )
    purging(Answer(status, [], b""), run)
    assert done == [Purge("tag", each) for each in tags]
    assert caplog.messages == ["A tag to be purged could not be made."] * len(tags)
    purging(Answer(200, [], b""), None)
    assert len(done) == len(tags)
