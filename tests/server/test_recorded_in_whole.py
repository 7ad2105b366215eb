"""A record as data and as an archive, whole: one with everything that can be remembered, and one with nothing."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from msgspec.structs import replace

from aggregator.causes import Cause, State
from aggregator.runtime.bars import Bar
from aggregator.server.recorder.record import Body, Record, Said
from aggregator.server.recorder.showing import archive, is_wanted, record_shown

JSON = (("content-type", "application/json"),)
WHOLE = Record(
    "r1", "GET /x", "slow", "POST", "http://a.test/x?a=1&b=", "/x?a=1&b=", "192.0.2.1", "answered", 502, "refused", True,
    1_764_000_000.0004, 1.23456, "why", "t1", JSON, ("headers.authorization",), Body(9, "asked", "cut to 5 bytes"), JSON,
    Body(8, "answer"), (Said("ads", "up", 500, (("x-a", "1"),), Body(3, "say")),),
    (Bar("ads", 0, 0.0, 0.00114, 0.12344, 0.12864, State.FAILED, 500, Cause.STATUS, 2),
     Bar("main?", 1, cause=Cause.REFUSED), Bar("lines[]")),
)  # fmt: skip
SPARE = Record(
    "r2", "GET /y", "failed", "GET", "http://a.test/y", "/y", "", "gone", 499, "", False, 0.0, 0.0, "", "", (), (), Body(0),
    (), Body(0), (), (),
)  # fmt: skip

SHOWN = {
    "id": "r1",
    "endpoint": "GET /x",
    "why": "slow",
    "method": "POST",
    "target": "/x?a=1&b=",
    "status": 502,
    "how": "answered",
    "cause": "refused",
    "partial": True,
    "at": 1764000000.0,
    "ms": 1234.6,
    "client": "192.0.2.1",
    "url": "http://a.test/x?a=1&b=",
    "reason": "why",
    "trace": "t1",
    "headers": [{"name": "content-type", "value": "application/json"}],
    "masked": ["headers.authorization"],
    "body": {"size": 9, "text": "asked", "left_out": "cut to 5 bytes"},
    "answer": {
        "headers": [{"name": "content-type", "value": "application/json"}],
        "body": {"size": 8, "text": "answer", "left_out": None},
    },
    "parts": [
        {
            "name": "ads",
            "depth": 0,
            "state": "failed",
            "status": 500,
            "cause": "status",
            "start_ms": 0.0,
            "ms": 128.6,
            "calls": 2,
            "reused": None,
            "kept": 0,
            "age_s": None,
            "joined": False,
            "connect_ms": None,
            "sent_ms": 1.1,
            "byte_ms": 123.4,
            "note": "2 calls body 5.2 ms",
        },
        {"name": "main?", "state": "cancelled", "note": "cancelled"},
        {"name": "lines[]", "state": "cancelled", "note": "cancelled"},
    ],
    "said": [
        {
            "part": "ads",
            "upstream": "up",
            "status": 500,
            "headers": [{"name": "x-a", "value": "1"}],
            "body": {"size": 3, "text": "say", "left_out": None},
        }
    ],
}
ENTRY = {
    "startedDateTime": "2025-11-24T16:00:00.000Z",
    "time": 1234.6,
    "request": {
        "method": "POST",
        "url": "http://a.test/x?a=1&b=",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "content-type", "value": "application/json"}],
        "queryString": [{"name": "a", "value": "1"}, {"name": "b", "value": ""}],
        "headersSize": -1,
        "bodySize": 9,
        "postData": {"mimeType": "application/json", "text": "asked"},
    },
    "response": {
        "status": 502,
        "statusText": "Bad Gateway",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "content-type", "value": "application/json"}],
        "content": {"size": 8, "mimeType": "application/json", "text": "answer"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": 8,
    },
    "cache": {},
    "timings": {"send": 0, "wait": 1234.6, "receive": 0},
    "_aggregator": "…",
}
SPARE_ENTRY = {
    "startedDateTime": "1970-01-01T00:00:00.000Z",
    "time": 0.0,
    "request": {
        "method": "GET",
        "url": "http://a.test/y",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "queryString": [],
        "headersSize": -1,
        "bodySize": 0,
    },
    "response": {
        "status": 499,
        "statusText": "Client Error",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": "application/octet-stream"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": 0,
    },
    "cache": {},
    "timings": {"send": 0, "wait": 0.0, "receive": 0},
    "_aggregator": {
        "id": "r2",
        "endpoint": "GET /y",
        "why": "failed",
        "method": "GET",
        "target": "/y",
        "status": 499,
        "how": "gone",
        "cause": None,
        "partial": False,
        "at": 0.0,
        "ms": 0.0,
        "client": None,
        "url": "http://a.test/y",
        "reason": None,
        "trace": None,
        "headers": [],
        "masked": [],
        "body": {"size": 0, "text": None, "left_out": None},
        "answer": {"headers": [], "body": {"size": 0, "text": None, "left_out": None}},
        "parts": [],
        "said": [],
    },
}


def test_all_that_is_remembered_is_shown() -> None:
    """Times in milliseconds; what is not there is null."""
    assert record_shown(WHOLE) == SHOWN


def test_a_record_is_an_archive() -> None:
    """In the words of HAR, and beside them in those of this program."""
    assert archive(WHOLE) == {
        "log": {
            "version": "1.2",
            "creator": {"name": "aggregator", "version": version("aggregator-server")},
            "entries": [{**ENTRY, "_aggregator": SHOWN}],
        }
    }
    assert archive(SPARE)["log"]["entries"] == [SPARE_ENTRY]


def test_a_record_weighs_its_texts_its_calls_and_itself() -> None:
    """A character counts as four bytes, a call or a reply as three hundred, the rest of it as a thousand."""
    one = Record("r", "e", "asked", "GET", "12345", "123", "c", "answered", 200, "", False, 0.0, 0.0, "12", "", (), (),
                 Body(0, "1"), (), Body(0, "1234"), (), ())  # fmt: skip
    assert (SPARE.weight, one.weight) == (1000 + 4 * len("http://a.test/y" + "/y"), 1000 + 4 * 15)
    texts = ["http://a.test/x?a=1&b=", "/x?a=1&b=", "why", *JSON[0], "asked", *JSON[0], "answer", "x-a", "1", "say"]
    assert WHOLE.weight == 1000 + 4 * sum(map(len, texts)) + 300 * (3 + 1)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, True),
        ({"endpoint": "GET /x"}, True),
        ({"endpoint": "GET /y"}, False),
        ({"part": "main"}, True),
        ({"part": "lines"}, True),
        ({"part": "main?"}, False),
        ({"part": "none"}, False),
        ({"cause": "refused"}, True),
        ({"cause": "connect"}, True),
        ({"cause": "status"}, True),
        ({"cause": "fault"}, False),
        ({"part": "ads", "cause": "status"}, True),
        ({"part": "ads", "cause": "refused"}, False),
        ({"part": "lines", "cause": "refused"}, False),
        ({"endpoint": "GET /y", "part": "ads"}, False),
    ],
)
def test_which_records_are_wanted(asked: dict[str, str], wanted: bool) -> None:
    """All that is said has to hold; a cause is that of the named part where one is named."""
    assert is_wanted(WHOLE, asked) is wanted


def test_the_cause_of_a_request_is_one_to_look_for() -> None:
    """Though none of its calls has it; a request without one is found by none."""
    assert is_wanted(replace(SPARE, cause="fault"), {"cause": "fault"})
    assert not is_wanted(replace(SPARE, cause="fault"), {"part": "ads", "cause": "fault"})
    assert not is_wanted(SPARE, {"cause": "fault"})
