"""The head of a streamed answer, made of that of the reply before anything of its body is there: all its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.types import Plan
from aggregator.runtime.streams.heads import compile_head

PlanOf = Callable[[str], Plan]
Head = Callable[..., tuple[int, HeaderList]]
TYPE, LENGTH, ETAG = (b"content-type", b"a/b"), (b"content-length", b"7"), (b"etag", b'"t"')
SECRET, RANGE = (b"x-secret", b"1"), (b"content-range", b"bytes 0-6/9")


@pytest.fixture
def head(plan_of: PlanOf) -> Head:
    """Return a function (`response`, status, fields of the reply) → status and fields of the answer."""

    def make(response: str, status: int, *fields: tuple[bytes, bytes], **query: Any) -> tuple[int, HeaderList]:
        said = f", response: {{{response}}}" if response else ""
        plan = plan_of(f"endpoints: {{GET /x: {{stream: true, call: a:/x{said}}}}}").endpoints[0]
        exchange = Exchange("GET", "/x", b"", [])
        exchange.query_values = query
        names = Names(exchange)
        result = Result("call", 0.0, 0.0, status=status, headers=list(fields))
        names.see({"call": 0}, (result,))
        answer = compile_head(plan)(result, names)
        assert answer.body == b""
        return answer.status, answer.headers

    return make


def test_what_describes_the_body_passes_and_nothing_else(head: Head) -> None:
    """The first of several types; a word that is no coding tells nobody anything."""
    describing = [LENGTH, ETAG, (b"content-encoding", b"gzip"), (b"content-disposition", b"inline"), (b"accept-ranges", b"bytes"),
                  (b"last-modified", b"then"), (b"cache-control", b"private"), (b"vary", b"accept"), RANGE]  # fmt: skip
    unfit = [(b"content-encoding", b"identity"), (b"content-type", b"c/d"), SECRET, (b"location", b"/")]
    assert head("", 200, TYPE, *unfit, *describing) == (200, [TYPE, *describing])
    assert head("", 200) == (200, [])


@pytest.mark.parametrize(
    ("response", "status", "answered"),
    [
        ("", 201, 201), ("status: 202", 201, 202), ("status: '{{ query.s }}'", 201, 203), ("status: 202", 206, 206),
        ("status: '{{ query.s }}'", 206, 206),
    ],
)  # fmt: skip
def test_a_part_of_a_body_keeps_its_status(head: Head, response: str, status: int, answered: int) -> None:
    """Any other is that of the file, or else of the reply."""
    assert head(response, status, TYPE, RANGE, s=203) == (answered, [TYPE, RANGE])


def test_what_the_status_needs_comes_with_it(head: Head) -> None:
    """Once: what describes the body is there already."""
    fields = [(b"retry-after", b"7"), ETAG, (b"content-location", b"/a"), (b"location", b"/b")]
    assert head("status: 413", 200, *fields) == (413, [ETAG, (b"retry-after", b"7")])
    assert head("status: 412", 200, *fields) == (412, [ETAG])
    assert head("status: 308", 200, *fields) == (308, [ETAG, (b"location", b"/b")])


def test_all_fields_pass_where_the_file_says_so(head: Head) -> None:
    """Each once, and none of the connection."""
    fields = [SECRET, (b"connection", b"x-hop"), (b"x-hop", b"1"), (b"vary", b"accept"), (b"date", b"1")]
    assert head("pass: all", 200, TYPE, *fields) == (200, [TYPE, (b"vary", b"accept"), SECRET])


def test_fields_by_their_rules(head: Head) -> None:
    """What is there already is not added; the file's own stand in place of them, and cookies beside."""
    rules = "pass_headers: {etag: last, x-secret: append}"
    fields = [TYPE, ETAG, SECRET, SECRET]
    assert head(rules, 200, *fields) == (200, [TYPE, ETAG, SECRET, SECRET])
    own = f"{rules}, headers: {{x-secret: '{{{{ query.q }}}}'}}, set_cookies: [{{name: c, value: '{{{{ query.q }}}}'}}]"
    status, made = head(own, 200, *fields, q="mine")
    assert (status, made[:3], made[3][0]) == (200, [TYPE, ETAG, (b"x-secret", b"mine")], b"set-cookie")
    assert made[3][1].startswith(b"c=mine")


@pytest.mark.parametrize(
    ("response", "status", "fields"),
    [
        ("", 200, [TYPE, LENGTH, (b"content-encoding", b"gzip"), ETAG]), ("status: '{{ 204 }}'", 200, [ETAG]), ("", 204, [TYPE, (b"content-encoding", b"gzip"), ETAG]),
        ("status: 200", 204, [TYPE, (b"content-encoding", b"gzip"), ETAG, (b"content-length", b"0")]),
    ],
)  # fmt: skip
def test_fields_fit_whether_there_is_a_body(head: Head, response: str, status: int, fields: HeaderList) -> None:
    """Without one there are none about it; one that is none is of no length, and says so."""
    assert head(response, status, TYPE, LENGTH, (b"content-encoding", b"gzip"), ETAG)[1] == fields
