"""What a client gets of a whole answer: all of it, nothing new, or one range (RFC 9110 §13, §14)."""

from __future__ import annotations

import pytest

from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.keeping.conditions import apply_conditions

BODY = b"0123456789"
TYPE, TAG = (b"content-type", b"a/b"), (b"etag", b'"t"')


def got(
    *fields: tuple[bytes, bytes], method: str = "GET", status: int = 200, tag: bytes = b'"t"', body: bytes = BODY
) -> tuple[int, HeaderList, bytes]:
    """Return status, fields and body of an answer with *tag* for a request with *fields*."""
    answer = Answer(status, [TYPE, *([(b"etag", tag)] if tag else [])], body)
    apply_conditions(answer, Exchange(method, "/", b"", list(fields)))
    return answer.status, answer.headers, answer.body


def ranged(wanted: str, **said: bytes) -> tuple[int, HeaderList, bytes]:
    """Return what a client gets who wants *wanted*."""
    return got((b"range", wanted.encode()), **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0), ("bytes=0-9", 0, 9), ("bytes=0-10", 0, 9), ("bytes=9-9", 9, 9), ("bytes=9-", 9, 9),
        ("bytes=3-5", 3, 5), ("bytes=4-4", 4, 4), ("bytes=0-", 0, 9), ("bytes=-1", 9, 9), ("bytes=-10", 0, 9),
        ("bytes=-11", 0, 9), (" bytes=1-2 ", 1, 2),
    ],
)  # fmt: skip
def test_one_range_is_cut_out(wanted: str, first: int, last: int) -> None:
    """Its first and last byte are counted from 0; one that ends behind the body ends with it."""
    told = (b"content-range", b"bytes %d-%d/10" % (first, last))
    assert ranged(wanted) == (206, [TYPE, TAG, told], BODY[first : last + 1])


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99-"])
def test_a_range_with_nothing_in_it_cannot_be_met(wanted: str) -> None:
    """The client learns how long the body is."""
    assert ranged(wanted) == (416, [TAG, (b"content-range", b"bytes */10")], b"")


@pytest.mark.parametrize(
    "wanted", ["bytes=-", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes", "bytes=a-b", "bytes=11-10"]
)
def test_what_is_no_single_range_is_ignored(wanted: str) -> None:
    """The answer is whole."""
    assert ranged(wanted) == (200, [TYPE, TAG], BODY)


def test_nothing_is_cut_out_of_nothing() -> None:
    """No byte of an empty body is there."""
    for wanted in ("bytes=0-", "bytes=-1"):
        assert ranged(wanted, body=b"") == (416, [TAG, (b"content-range", b"bytes */0")], b"")


@pytest.mark.parametrize(
    ("named", "is_cut"), [(b'"t"', True), (b'"u"', False), (b'W/"t"', False), (b"Sun, 06 Nov 1994 08:49:37 GMT", False)]
)
def test_a_range_of_another_body_is_none(named: bytes, is_cut: bool) -> None:
    """`If-Range` names the body that the client has begun, by a tag that says that every byte is the same."""
    status, _, body = got((b"if-range", named), (b"range", b"bytes=0-1"))
    assert (status, body) == ((206, b"01") if is_cut else (200, BODY))
    assert got((b"if-range", b'W/"t"'), (b"range", b"bytes=0-1"), tag=b'W/"t"')[0] == 200


@pytest.mark.parametrize(("method", "statuses"), [("GET", (304, 206)), ("HEAD", (304, 200)), ("POST", (200, 200))])
def test_what_is_asked_on_a_condition(method: str, statuses: tuple[int, int]) -> None:
    """By a method that fetches; a range is one of a body, which HEAD has not."""
    asked = ((b"if-none-match", b'"t"'), (b"range", b"bytes=0-1"))
    assert tuple(got(field, method=method)[0] for field in asked) == statuses


def test_what_a_client_has_is_not_sent_again() -> None:
    """Without a body there are no fields about one; a range does not count beside that."""
    known = (b"if-none-match", b'"s", W/"t"')
    assert got(known) == got(known, (b"range", b"bytes=0-1")) == (304, [TAG], b"")
    assert got((b"if-none-match", b'"s"')) == got() == (200, [TYPE, TAG], BODY)
    assert got((b"if-none-match", b"*"), tag=b"") == (200, [TYPE], BODY)


@pytest.mark.parametrize("status", [201, 206, 404])
def test_another_status_is_no_whole_answer(status: int) -> None:
    """Conditions and ranges are those of 200."""
    asked = ((b"if-none-match", b'"t"'), (b"range", b"bytes=0-1"))
    assert got(*asked, status=status) == (status, [TYPE, TAG], BODY)
