"""Which fields of upstreams an answer has, and which ones the file sets on it: whole lists of them, in order."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.causes import Cause, State
from aggregator.errors import ExpressionError
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.types import CookiePlan
from aggregator.runtime.answers.answer import Answer, Tail, forbid_storing, merged_headers, problem
from aggregator.runtime.answers.assembly import (
    add_cookies,
    add_headers,
    constant_tail,
    empty,
    mark_partial,
    status_from,
)
from aggregator.runtime.answers.passing import all_fields, fields_taken, needed_fields, needed_names, varying
from aggregator.templates import compile_expression, compile_value

TYPE = (b"content-type", b"a/b")


def names(**query: Any) -> Names:
    """Return the names of a request with *query*."""
    exchange = Exchange("GET", "/", b"", [])
    exchange.query_values = query
    return Names(exchange)


def sent(*fields: tuple[bytes, bytes]) -> Result:
    """Return a result whose upstream sent *fields*."""
    return Result("x", 0.0, 0.0, headers=list(fields))


NEEDED = {
    206: ("content-range",), 300: ("location",), 301: ("location",), 302: ("location",), 303: ("location",),
    304: ("content-location", "etag", "last-modified"), 307: ("location",), 308: ("location",), 401: ("www-authenticate",),
    405: ("allow",), 412: ("etag", "last-modified"), 413: ("retry-after",),
    415: ("accept", "accept-patch", "accept-post"), 416: ("content-range",), 429: ("retry-after",), 503: ("retry-after",),
}  # fmt: skip


def test_what_each_status_needs() -> None:
    """As RFC 9110 and RFC 6585 say; other statuses need nothing."""
    assert {status: found for status in range(100, 600) if (found := needed_names(status))} == NEEDED
    fields = [(name.encode(), b"1") for name in ("x-a", "location", "retry-after", "location")]
    assert needed_fields(301, fields) == [fields[1], fields[3]]
    assert needed_fields(200, fields) == []


def test_all_fields_but_those_of_the_connection() -> None:
    """What the connection names is of it alone; what we write ourselves is not taken from anybody."""
    fields = [(b"x-a", b"1"), (b"connection", b"x-b, X-C"), (b"x-b", b"1"), (b"x-c", b"1"), (b"date", b"1"), (b"x-a", b"2"),
              (b"transfer-encoding", b"chunked"), (b"x-request-id", b"1"), (b"aggregator-parts", b"1"), (b"vary", b"a")]  # fmt: skip
    assert all_fields(fields) == [(b"x-a", b"1"), (b"x-a", b"2"), (b"vary", b"a")]
    assert all_fields(fields, (b"b",)) == [(b"x-a", b"1"), (b"x-a", b"2"), (b"vary", b"a, b")]
    assert varying([(b"x", b"1")], (b"a", b"b")) == [(b"x", b"1"), (b"vary", b"a, b")]


@pytest.mark.parametrize(
    ("rule", "values", "taken"),
    [
        ("first", (b"2", b"10", b"1"), [b"2"]), ("last", (b"2", b"10", b"1"), [b"1"]), ("min", (b"2", b"10", b"1"), [b"1"]),
        ("max", (b"2", b"10", b"1"), [b"10"]), ("append", (b"2", b"10", b"1"), [b"2", b"10", b"1"]), ("min", (b"a", b"b"), [b"a"]),
        ("max", (b"a", b"3"), [b"3"]), ("min", (b"nan", b"3"), [b"3"]), ("max", (b"nan", b"b"), [b"nan"]), ("first", (), []),
        ("append", (), []),
    ],
)  # fmt: skip
def test_one_field_of_several_replies(rule: str, values: tuple[bytes, ...], taken: list[bytes]) -> None:
    """By its rule, in the order of the replies; what is no number has no rank among numbers."""
    replies = tuple(sent((b"x-a", value), (b"x-b", b"9")) for value in values)
    assert fields_taken(((b"x-a", rule),), replies) == [(b"x-a", value) for value in taken]


def test_fields_of_a_connection_are_never_taken() -> None:
    """Whatever the file says; one that a reply names in `Connection` is taken from others alone."""
    replies = (
        sent((b"connection", b"x-a"), (b"x-a", b"1"), (b"te", b"1")),
        sent((b"x-a", b"2"), (b"x-request-id", b"3")),
    )
    rules = tuple((name, "append") for name in (b"x-a", b"te", b"connection", b"x-request-id", b"aggregator-parts"))
    assert fields_taken(rules, replies) == [(b"x-a", b"2")]


@pytest.mark.parametrize(("value", "is_status"), [(199, False), (200, True), (599, True), (600, False), (True, False),
                                                  ("200", False), (None, False), (200.0, False)])  # fmt: skip
def test_a_status_is_computed(value: Any, is_status: bool) -> None:
    """A whole number from 200 to 599."""
    expression = compile_expression("query.s")
    if is_status:
        assert status_from(expression, names(s=value)) == value
    else:
        with pytest.raises(ExpressionError) as caught:
            status_from(expression, names(s=value))
        assert str(caught.value) == "The expression for the status of the answer did not give a status."
        assert caught.value.references == {("query", "s")}


@pytest.mark.parametrize(
    ("name", "value", "values"),
    [
        (b"x-a", "1", [b"1"]), (b"x-a", 7, [b"7"]), (b"x-a", "", [b""]), (b"x-a", None, [b"old"]), (b"x-a", True, [b"true"]),
        (b"set-cookie", ["a=1", None, "b=2"], [b"a=1", b"b=2"]), (b"set-cookie", [], [b"old"]), (b"set-cookie", "a=1", [b"a=1"]),
    ],
)  # fmt: skip
def test_a_field_of_the_file_stands_in_place_of_others(name: bytes, value: Any, values: list[bytes]) -> None:
    """One that is null is left out, so that what was there stays; a list of cookies is a line for each."""
    answer = Answer(200, [(name, b"old"), TYPE], b"")
    add_headers(answer, ((name, compile_value("{{ query.v }}")),), names(v=value))
    assert [found for field, found in answer.headers if field == name] == values
    assert TYPE in answer.headers
    missing = Answer(200, [TYPE], b"")
    add_headers(missing, ((name, compile_value("{{ query.nothing }}")),), names())
    assert missing.headers == [TYPE]


@pytest.mark.parametrize("value", [None, "a"])
def test_cookies_are_lines_of_their_own(value: str | None) -> None:
    """Beside others; one without a value is left out."""
    answer = Answer(200, [(b"set-cookie", b"old=1")], b"")
    cookie = CookiePlan("c", compile_value("{{ query.v }}"), (("Path", "/"), ("Secure", True)))
    add_cookies(answer, (cookie, cookie), names(v=value))
    lines = [] if value is None else [(b"set-cookie", b"c=a; Path=/; Secure")] * 2
    assert answer.headers == [(b"set-cookie", b"old=1"), *lines]


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ([], None), ([(b"x-a", "1"), (b"x-b", "2")], [(b"x-a", b"1"), (b"x-b", b"2")]), ([(b"x-a", "1"), (b"x-b", "{{ query.b }}")], None),
        ([(b"x-a", "a\nb")], None),
    ],
)  # fmt: skip
def test_fields_that_are_always_the_same_are_made_once(headers: Any, fields: HeaderList | None) -> None:
    """They stand behind others, in place of those of their names."""
    tail = constant_tail(tuple((name, compile_value(text)) for name, text in headers))
    assert (tail is None) == (fields is None)
    if tail is not None and fields is not None:
        plain, own = Answer(200, [TYPE], b""), Answer(200, [TYPE, (b"x-b", b"old")], b"")
        tail.add(plain)
        tail.add(own)
        assert (plain.tail, plain.headers, own.headers) == (Tail.of(fields), [TYPE, *fields], [TYPE, *fields])


def test_what_nobody_may_store_says_so() -> None:
    """In place of how long it might be kept; an answer that lacks a part says what it lacks besides."""
    told = [TYPE, (b"cache-control", b"max-age=9"), (b"expires", b"1"), (b"etag", b'"1"')]
    answer = Answer(200, told, b"")
    forbid_storing(answer)
    assert answer.headers == [TYPE, (b"cache-control", b"no-store")]
    part = Result("x", 0.0, 0.0, state=State.DEFAULT, cause=Cause.DNS)
    lacking = Answer(200, told, b"")
    mark_partial(lacking, [part])
    assert lacking.headers == [TYPE, (b"cache-control", b"no-store"),
                               (b"aggregator-parts", b"x;state=default;cause=dns;ms=0;attempts=1")]  # fmt: skip


def test_an_answer_without_a_body_has_no_type() -> None:
    """Its other fields stay."""
    answer = Answer(204, [TYPE, (b"x-a", b"1")], b"body")
    empty(answer)
    assert (answer.headers, answer.body) == ([(b"x-a", b"1")], b"")
    assert merged_headers([TYPE, (b"x-a", b"1"), TYPE], {b"content-type": b"c/d"}) == [
        (b"x-a", b"1"),
        (b"content-type", b"c/d"),
    ]


def test_a_problem_as_a_whole() -> None:
    """What is known stands in one order; long texts are told as they are, and what is not known is left out."""
    long = "x" * 200
    for text in ("short", long):
        answer = problem(503, text, title=text, request_id="id-1", cause="dns", part=text, upstream="up", upstream_status=500,
                         parts=[1], debug={}, errors=[])  # fmt: skip
        assert answer.document == {
            "type": "about:blank", "title": text, "status": 503, "detail": text, "request_id": "id-1", "cause": "dns",
            "part": text, "upstream": "up", "upstream_status": 500, "parts": [1], "debug": {}, "errors": [],
        }  # fmt: skip
        assert answer.headers == [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    least = problem(404, "No.")
    assert least.body == b'{"type":"about:blank","title":"Not Found","status":404,"detail":"No."}'
