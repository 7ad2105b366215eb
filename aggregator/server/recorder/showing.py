"""Records as data, and as HAR: a format of archives that browsers and other tools read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl

from aggregator.causes import Cause
from aggregator.http import phrase
from aggregator.runtime.bars import Bar, bar_member
from aggregator.server.recorder.record import Body, Record

_Pairs = Iterable[tuple[str, str]]


def record_shown(record: Record) -> dict[str, Any]:
    """Return all that is remembered; times in milliseconds."""
    return record.summary() | {
        "client": record.client or None,
        "url": record.url,
        "reason": record.reason or None,
        "trace": record.trace or None,
        "headers": _pairs(record.headers),
        "masked": list(record.masked),
        "body": body_shown(record.body),
        "answer": {"headers": _pairs(record.answer_headers), "body": body_shown(record.answer)},
        "parts": [_bar(bar) for bar in record.bars],
        "said": [
            {"part": one.part, "upstream": one.upstream, "status": one.status, "headers": _pairs(one.headers),
             "body": body_shown(one.body)}
            for one in record.said
        ],
    }  # fmt: skip


def body_shown(body: Body) -> dict[str, Any]:
    """Return what is kept of *body*, its size, and why there is no more of it."""
    return {"size": body.size, "text": body.text or None, "left_out": body.left_out or None}


def archive(record: Record) -> dict[str, Any]:
    """Return *record* as HAR 1.2; what that has no word for is under ``_aggregator``."""
    moment = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds")
    took = round(record.seconds * 1000, 1)
    entry = {
        "startedDateTime": moment.replace("+00:00", "Z"),
        "time": took,
        "request": _request(record),
        "response": _response(record),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "_aggregator": record_shown(record),
    }
    creator = {"name": "aggregator", "version": version("aggregator-server")}
    return {"log": {"version": "1.2", "creator": creator, "entries": [entry]}}


def _request(record: Record) -> dict[str, Any]:
    query = record.target.partition("?")[2]
    asked = {
        "method": record.method,
        "url": record.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(record.headers),
        "queryString": _pairs(parse_qsl(query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": record.body.size,
    }
    if record.body.text:
        asked["postData"] = {"mimeType": _type_of(record.headers), "text": record.body.text}
    return asked


def _response(record: Record) -> dict[str, Any]:
    content = {"size": record.answer.size, "mimeType": _type_of(record.answer_headers)}
    return {
        "status": record.status,
        "statusText": phrase(record.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(record.answer_headers),
        "content": content | ({"text": record.answer.text} if record.answer.text else {}),
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": record.answer.size,
    }


def _bar(bar: Bar) -> dict[str, Any]:
    moments = {} if bar.state is None else {"sent_ms": bar.sent, "byte_ms": bar.first_byte}
    return bar_member(bar) | {name: round(at * 1000, 1) for name, at in moments.items()} | {"note": bar.note}


def _pairs(pairs: _Pairs) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _type_of(pairs: _Pairs) -> str:
    return dict(pairs).get("content-type", "application/octet-stream")


def is_wanted(record: Record, asked: Mapping[str, str]) -> bool:
    """Return whether *record* is among what is *asked* for: by ``endpoint``, ``part``, and ``cause``.

    The cause, or a family of causes, is that of the request or of one of its parts, as of events.
    """
    endpoint, part, cause = (asked.get(name, "") for name in ("endpoint", "part", "cause"))
    if endpoint and endpoint != record.endpoint:
        return False
    bars = [bar for bar in record.bars if not part or bar.name.removesuffix("?").removesuffix("[]") == part]
    if cause:
        causes = [bar.cause for bar in bars if bar.cause is not None]
        causes += [Cause(record.cause)] if record.cause and not part else []
        return any(cause in one.names for one in causes)
    return not part or bool(bars)
