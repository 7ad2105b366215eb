"""Log lines about answers: which are told, and what they tell."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange, State
from aggregator.parts.result import Result
from aggregator.plan.telemetry import LogPlan
from aggregator.runtime.reporting import Report
from aggregator.runtime.request_log import RequestLog


def _told(run, caplog, which: str, status: int, state: State = State.OK) -> list[logging.LogRecord]:
    caplog.set_level(logging.INFO, "aggregator.request")
    exchange = Exchange("GET", "/x", b"", [])
    exchange.id, exchange.peer = "id-1", "10.0.0.1"

    async def main():
        Report(RequestLog(LogPlan(which)).listeners).answered(
            "GET /x", exchange, status, (Result("a", 0.0, 0.0, state=state),)
        )

    run(main())
    return caplog.records


@pytest.mark.parametrize(
    ("which", "status", "state", "sentence"),
    [
        ("errors", 200, State.OK, None),
        ("errors", 404, State.OK, None),
        ("errors", 503, State.OK, "Answered with a failure."),
        ("errors", 200, State.DEFAULT, "Answered in part."),
        ("all", 200, State.OK, "Answered."),
        ("none", 503, State.OK, None),
    ],
)
def test_what_is_told(run, caplog, which, status, state, sentence):
    """`errors` tells 5xx and partial answers, `all` every one, `none` none."""
    assert [record.getMessage() for record in _told(run, caplog, which, status, state)] == (
        [sentence] if sentence else []
    )


def test_what_a_line_tells(run, caplog):
    """Endpoint, status, path, ids, time and what became of each part."""
    (record,) = _told(run, caplog, "all", 200)
    fields = record.fields
    assert fields.pop("ms") >= 0
    assert fields.pop("parts").startswith("a;state=ok")
    assert fields == {
        "endpoint": "GET /x",
        "status": 200,
        "size": 0,
        "path": "/x",
        "request_id": "id-1",
        "client": "10.0.0.1",
    }


def test_hang_ups_and_broken_answers(run, caplog):
    """A hang-up is told at info with 499, a broken answer at warning with its reason; `none` tells neither."""
    caplog.set_level(logging.INFO, "aggregator.request")
    exchange = Exchange("GET", "/x", b"", [])

    async def main():
        for which in ("errors", "none"):
            report = Report(RequestLog(LogPlan(which)).listeners)
            report.gone("GET /x", exchange)
            report.broken("GET /x", exchange, 200, CallError(Cause.INCOMPLETE, "The upstream stopped."))

    run(main())
    assert [(r.levelname, r.fields["status"]) for r in caplog.records] == [("INFO", 499), ("WARNING", 200)]
    assert caplog.records[1].fields["reason"] == "The upstream stopped."


def test_repeated_failures_are_counted(run, caplog, monkeypatch):
    """Ten lines a second for one endpoint and status; then one line says how many more there were, and all begins anew."""
    caplog.set_level(logging.INFO, "aggregator.request")
    exchange = Exchange("GET", "/x", b"", [])

    async def main(which):
        turns: list[Callable[[], None]] = []
        monkeypatch.setattr(
            asyncio.get_running_loop(), "call_later", lambda seconds, end, key: turns.append(partial(end, key))
        )
        report = Report(RequestLog(LogPlan(which)).listeners)
        for status in [503] * 25 + [500] * 3 + [503] * 2:
            report.answered("GET /x", exchange, status, ())
        for end in turns:
            end()
        report.answered("GET /x", exchange, 503, ())

    run(main("errors"))
    told = Counter(
        (record.getMessage(), record.fields["status"], record.fields.get("count")) for record in caplog.records
    )
    assert told == {
        ("Answered with a failure.", 503, None): 11,
        ("Answered with a failure.", 500, None): 3,
        ("More answers like the last ones.", 503, 17): 1,
    }
    caplog.clear()
    run(main("all"))
    assert len(caplog.records) == 31


@pytest.mark.parametrize(("which", "lines", "count"), [("errors", 10, 20), ("all", 30, None), ("none", 0, None)])
def test_answers_that_nobody_takes_are_counted_too(run, caplog, monkeypatch, which, lines, count):
    """Clients that read nothing may come by the thousand; whose answers they were is not known any more."""
    caplog.set_level(logging.INFO, "aggregator.request")

    async def main():
        turns: list[Callable[[], None]] = []
        monkeypatch.setattr(
            asyncio.get_running_loop(), "call_later", lambda _, end, key: turns.append(partial(end, key))
        )
        log = RequestLog(LogPlan(which))
        for _ in range(30):
            log.not_taken("The client took nothing of it for 30 s.", "10.0.0.1")
        for end in turns:
            end()

    run(main())
    cut = [record for record in caplog.records if record.getMessage() == "An answer was cut off."]
    more = [record.fields for record in caplog.records if record not in cut]
    assert (len(cut), more) == (lines, [] if count is None else [{"status": 499, "count": count}])
    assert {record.fields["cause"] for record in cut} <= {"client_slow"}
