"""What a body is read with, beside its format: its charset, the delimiter of its cells, the lists in it."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.codecs.bounds import exceeds
from aggregator.codecs.charset import charset_of, utf8_of
from aggregator.codecs.formats.csv import decode_csv
from aggregator.codecs.reading import PLAIN, ReadOptions, read_body
from aggregator.codecs.registry import require
from aggregator.errors import CallError, Cause

JSON = b"application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), None, "é"),
        ("é".encode(), JSON, "é"),
        (b"\xef\xbb\xbf" + "é".encode(), JSON, "é"),
        (b"\xef\xbb\xbf" + "é".encode(), b"text/json; charset=latin-1", "é"),
        (b"\xef\xbb\xbf", JSON, ""),
        ("é".encode("latin-1"), b"text/json; charset=latin-1", "é"),
        ("é".encode("utf-16"), JSON, "é"),
        (b"\xfe\xff" + "é".encode("utf-16-be"), JSON, "é"),
        ("é".encode("utf-16-be"), b"text/json; charset=utf-16-be", "é"),
        ("é".encode(), b"text/json; charset=nonsense", "é"),
        (b"a", b"text/json; charset=us-ascii", "a"),
    ],
)
def test_json_is_utf8_whatever_it_is_sent_as(body: bytes, content_type: bytes | None, text: str) -> None:
    """A byte order mark tells before the header does; a charset that nobody knows is none."""
    assert utf8_of(body, content_type) == text.encode()


def test_json_that_its_charset_does_not_fit_is_malformed() -> None:
    """Half of a character is no text."""
    with pytest.raises(CallError) as refused:
        utf8_of(b"\xff\xfea", JSON)
    assert (refused.value.cause, refused.value.message) == (Cause.MALFORMED, "The body is not text in utf-16.")


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [(None, None), (b"text/plain", None), (b"nonsense", None), (b"text/plain; charset=Latin1", "iso8859-1")],
)
def test_the_charset_that_is_declared(content_type: bytes | None, charset: str | None) -> None:
    """By the name that Python has for it; where none is declared there is none."""
    assert charset_of(content_type) == charset


@pytest.mark.parametrize(
    ("header", "delimiter", "message"),
    [
        (b"a;b", ",", "the header has no `,`, but `;`, which `csv` would name as its `delimiter`"),
        (b"a\tb", ",", "the header has no `,`, but tab, which `csv` would name as its `delimiter`"),
        (b"a,b", ";", "the header has no `;`, but `,`, which `csv` would name as its `delimiter`"),
        (b"a|b", "\t", "the header has no tab, but `|`, which `csv` would name as its `delimiter`"),
        (b"a,b", "#", "the header has no `#`, but `,`, which `csv` would name as its `delimiter`"),
    ],
)
def test_another_delimiter_is_named(header: bytes, delimiter: str, message: str) -> None:
    """A header of one name that has a delimiter in it was written with that."""
    with pytest.raises(CallError) as refused:
        decode_csv(header + b"\n1\n", None, delimiter)
    assert refused.value.message == f"The body is not valid CSV: {message}."


@pytest.mark.parametrize(
    ("body", "delimiter", "rows"),
    [
        (b"a;b,c\n1,2\n", ",", [{"a;b": "1", "c": "2"}]),
        (b"a;b\n1;2\n", ";", [{"a": "1", "b": "2"}]),
        (b"a\n1\n", ",", [{"a": "1"}]),
    ],
)
def test_a_delimiter_in_a_name_of_several_is_no_mistake(body: bytes, delimiter: str, rows: list[Any]) -> None:
    """Nor is the one that counts, nor a header of one name without any."""
    assert decode_csv(body, None, delimiter) == rows


@pytest.mark.parametrize(
    ("name", "body", "plain", "with_options"),
    [
        ("xml", b"<a><b>1</b></a>", {"a": {"b": "1"}}, {"a": {"b": ["1"]}}),
        ("csv", b'"a;b"\n"1;2"\n', None, [{"a;b": "1;2"}]),
        ("csv", b"a;b,c\n1;2,3\n", [{"a;b": "1;2", "c": "3"}], [{"a": "1", "b,c": "2,3"}]),
        ("json", b"[1]", [1], [1]),
        ("raw", b"x", b"x", b"x"),
    ],
)
def test_options_count_for_the_format_that_they_are_of(name: str, body: bytes, plain: Any, with_options: Any) -> None:
    """Lists of XML and the delimiter of CSV; other formats are read as without them."""
    options = ReadOptions(frozenset({"a.b"}), ";")
    assert read_body(require(name), body, None, options) == with_options
    if plain is not None:
        assert read_body(require(name), body, None) == read_body(require(name), body, None, PLAIN) == plain


@pytest.mark.parametrize(
    ("value", "most", "is_more"),
    [
        (1, 0, False),
        ("text", 0, False),
        ([], 0, False),
        ([1], 0, True),
        ([1, [2, 3]], 4, False),
        ([1, [2, 3]], 3, True),
        ({"a": {"b": (1, 2)}}, 4, False),
        ({"a": {"b": (1, 2)}}, 3, True),
    ],
)
def test_members_are_counted_at_every_depth(value: Any, most: int, is_more: bool) -> None:
    """A list or object is one member of what it is in, and texts have none."""
    assert exceeds(value, most) is is_more
