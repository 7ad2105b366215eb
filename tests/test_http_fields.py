"""Fields of HTTP as data: repeated ones, cookies that are set, and times to wait."""

from __future__ import annotations

import pytest

from aggregator.http import (
    Repeated,
    cookie_map,
    first,
    has_body,
    header_map,
    joined,
    phrase,
    replaced,
    seconds_until,
    without,
)

DATE = b"Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("fields", "cookies"),
    [
        ([], {}),
        (["a=1"], {"a": "1"}),
        (["a=1; Path=/; HttpOnly"], {"a": "1"}),
        (["a="], {"a": ""}),
        ([" a = 1 ;Path=/"], {"a": "1"}),
        (["a=b=c"], {"a": "b=c"}),
        (["a"], {}),
        (["=1"], {}),
        (["=1", "b=2"], {"b": "2"}),
        (["a=1", "b=2", "a=3"], {"b": "2", "a": "3"}),
        (["a=1; Max-Age=0"], {}),
        (["a=1; max-age = -5 "], {}),
        (["a=1; Max-Age=10"], {"a": "1"}),
        (["a=1", "a=; Max-Age=0"], {}),
    ],
)
def test_cookies_that_are_set(fields: list[str], cookies: dict[str, str]) -> None:
    """One needs a name and an equals sign; the last one of a name counts, also where it takes the cookie away."""
    headers = [(b"x-other", b"b=2"), *((b"set-cookie", field.encode()) for field in fields), (b"cookie", b"c=3")]
    found = cookie_map(headers)
    assert (found, list(found)) == (cookies, list(cookies))


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        (b"0", None, 0.0),
        (b"120", None, 120.0),
        (b"999999", None, 999_999.0),
        (b"1000000", None, None),
        (b"-1", DATE, None),
        (b"soon", DATE, None),
        (b"", DATE, None),
        (b"Wed, 21 Oct 2026 07:28:30 GMT", DATE, 30.0),
        (b"Wed, 21 Oct 2026 07:27:30 GMT", DATE, 0.0),
        (b"Wed, 21 Oct 2026 07:28:30 GMT", None, None),
        (b"Wed, 21 Oct 2026 07:28:30 GMT", b"today", None),
        (b"Sun, 01 Nov 2026 21:14:39 GMT", DATE, 999_999.0),
        (b"Sun, 01 Nov 2026 21:14:40 GMT", DATE, None),
    ],
)
def test_times_to_wait(retry_after: bytes, date: bytes | None, seconds: float | None) -> None:
    """Seconds, or a date by the clock of who sends it; eleven days and a half are no answer."""
    headers = [(b"server", b"x")] if date is None else [(b"date", date)]
    assert seconds_until(retry_after, headers) == seconds


def test_a_field_that_comes_again() -> None:
    """Its values are one text, and each of them is known."""
    found = header_map([(b"a", b"1"), (b"b", b"x"), (b"a", b"2"), (b"a", b"3, 4")])
    assert found == {"a": "1, 2, 3, 4", "b": "x"}
    assert isinstance(found["a"], Repeated)
    assert found["a"].each == ("1", "2", "3, 4")
    assert not isinstance(found["b"], Repeated)


def test_fields_are_found_by_name() -> None:
    """The first of a name, all of them joined, the list without them, and with one in their place at the end."""
    headers = [(b"a", b"1"), (b"b", b"x"), (b"a", b"2")]
    assert (first(headers, b"a"), first(headers, b"c")) == (b"1", None)
    assert (joined(headers, b"a"), joined(headers, b"c")) == (b"1, 2", None)
    assert without(headers, b"a", b"c") == [(b"b", b"x")]
    assert replaced(headers, b"a", b"3") == [(b"b", b"x"), (b"a", b"3")]
    assert header_map([(b"a", "é".encode()), (b"b", b"\xe9")]) == {"a": "é", "b": "é"}


@pytest.mark.parametrize(
    ("status", "words", "has_one"),
    [
        (100, "Continue", False),
        (199, "Status", False),
        (200, "OK", True),
        (204, "No Content", False),
        (205, "Reset Content", False),
        (299, "Status", True),
        (304, "Not Modified", False),
        (404, "Not Found", True),
        (499, "Client Error", True),
        (599, "Server Error", True),
        (600, "Status", True),
    ],
)
def test_statuses_in_words_and_whether_they_have_a_body(status: int, words: str, has_one: bool) -> None:
    """An unknown status is told by its class."""
    assert (phrase(status), has_body(status)) == (words, has_one)
