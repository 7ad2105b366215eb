"""Log lines about answers: which are told, and what they tell."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange, State
from aggregator.parts.events import RequestEnded
from aggregator.parts.result import Result, failed
from aggregator.plan.telemetry import LogPlan
from aggregator.runtime.answers.answer import problem
from aggregator.runtime.reporting import Report
from aggregator.runtime.request_log import RequestLog, refusal_cause


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


def _ended(**said: Any) -> RequestEnded:
    exchange = Exchange("POST", "/x/1", b"", [])
    exchange.id, exchange.peer = "id-1", "10.0.0.1"
    usual = {
        "endpoint": "POST /x/{id}", "request": "id-1", "method": "POST", "how": "answered", "status": 200, "cause": None,
        "is_partial": False, "started": 5.0, "ended": 5.0125, "size": 7, "exchange": exchange,
    }  # fmt: skip
    return RequestEnded(**(usual | said))


_LATE = failed("b", CallError(Cause.DEADLINE, "it was late"), 0.0, 0.25, upstream="up")
_ODD = failed(
    "c", CallError(Cause.PROTOCOL, "It is no HTTP.", fault="a line ends in the middle"), 0.0, 0.0, upstream="up"
)
_OF_ALL = {"endpoint": "POST /x/{id}", "path": "/x/1", "request_id": "id-1", "client": "10.0.0.1"}
_WHOLE = {"ms": 12.5, "size": 7}
_OF_LATE = "b;state=failed;cause=deadline;ms=250;attempts=1"


@pytest.mark.parametrize(
    ("said", "level", "message", "fields"),
    [
        ({}, "INFO", "Answered.", {"status": 200, "parts": ""} | _WHOLE),
        ({"method": "HEAD"}, "INFO", "Answered.", {"status": 200, "parts": "", "method": "HEAD"} | _WHOLE),
        ({"status": 399}, "INFO", "Answered.", {"status": 399, "parts": ""} | _WHOLE),
        ({"status": 400}, "INFO", "Answered.", {"status": 400, "parts": "", "cause": "bad_request"} | _WHOLE),
        ({"status": 422, "answer": problem(422, "No.", cause="invalid")}, "INFO", "Answered.",
         {"status": 422, "parts": "", "cause": "invalid"} | _WHOLE),
        ({"status": 404, "parts": (_LATE,), "failure": _LATE}, "INFO", "Answered.",
         {"status": 404, "parts": _OF_LATE, "cause": "deadline", "reason": "It was late."} | _WHOLE),
        ({"status": 200, "parts": (_LATE,)}, "INFO", "Answered.", {"status": 200, "parts": _OF_LATE} | _WHOLE),
        ({"is_partial": True, "parts": (_LATE,)}, "WARNING", "Answered in part.",
         {"status": 200, "parts": _OF_LATE, "cause": "deadline", "reason": "It was late."} | _WHOLE),
        ({"status": 499, "is_partial": True}, "WARNING", "Answered in part.",
         {"status": 499, "parts": "", "cause": refusal_cause(499)} | _WHOLE),
        ({"status": 500}, "WARNING", "Answered with a failure.",
         {"status": 500, "parts": "", "cause": "internal_server_error"} | _WHOLE),
        ({"status": 502, "parts": (_ODD, _LATE)}, "WARNING", "Answered with a failure.",
         {"status": 502, "parts": f"c;state=failed;cause=protocol;ms=0;attempts=1, {_OF_LATE}", "cause": "protocol",
          "reason": "It is no HTTP.", "fault": "a line ends in the middle"} | _WHOLE),
        ({"how": "gone", "status": 499}, "INFO", "The client hung up.", {"status": 499, "cause": "client_gone"}),
        ({"how": "broke", "reason": "It stopped."}, "WARNING", "An answer was cut off.",
         {"status": 200, "size": 7, "cause": "client_slow", "reason": "It stopped."}),
        ({"how": "broke", "reason": "It stopped.", "cause": Cause.RESET}, "WARNING", "An answer was cut off.",
         {"status": 200, "size": 7, "cause": "reset", "reason": "It stopped."}),
    ],
)  # fmt: skip
def test_a_line_as_a_whole(caplog, said: dict[str, Any], level: str, message: str, fields: dict[str, Any]) -> None:
    """By what became of a request; the reason is that of what failed it, or of the first part that failed."""
    caplog.set_level(logging.INFO, "aggregator.request")
    RequestLog(LogPlan("all"))(_ended(**said))
    assert [(record.levelname, record.message, record.fields) for record in caplog.records] == [
        (level, message, _OF_ALL | fields)
    ]


@pytest.mark.parametrize(
    ("method", "named"), [("PUT", {"method": "PUT", "path": "/x/1", "request_id": "id-1"}), ("", {})]
)
def test_what_met_no_endpoint_as_a_whole(caplog, method: str, named: dict[str, str]) -> None:
    """With what was asked for, where that could be read."""
    caplog.set_level(logging.INFO, "aggregator.request")
    event = _ended(endpoint="", status=405, reason="It is not served so.")
    event.exchange.method = method
    RequestLog(LogPlan("all"))(event)
    told = {"status": 405, "cause": "method_not_allowed", "client": "10.0.0.1", "reason": "It is not served so."}
    assert [(record.levelname, record.message, record.fields) for record in caplog.records] == [
        ("INFO", "Refused.", told | named)
    ]


@pytest.mark.parametrize(
    ("which", "lines"), [("all", ["handshake", "client_slow"]), ("errors", ["client_slow"]), ("none", [])]
)
def test_what_ends_beside_a_request(caplog, which: str, lines: list[str]) -> None:
    """A connection that never spoke is told with all requests, an answer that was not taken with what failed."""
    caplog.set_level(logging.INFO, "aggregator.request")
    log = RequestLog(LogPlan(which))

    async def main() -> None:
        log.unshaken("no certificate", "10.0.0.1")
        log.not_taken("too slow", "10.0.0.1")

    asyncio.run(main())
    assert [record.fields["cause"] for record in caplog.records] == lines
    whole = [
        ("INFO", "A TLS handshake failed.", {"cause": "handshake", "client": "10.0.0.1", "reason": "no certificate"}),
        ("WARNING", "An answer was cut off.",
         {"status": 499, "cause": "client_slow", "client": "10.0.0.1", "reason": "too slow"}),
    ]  # fmt: skip
    if which == "all":
        assert [(record.levelname, record.message, record.fields) for record in caplog.records] == whole
