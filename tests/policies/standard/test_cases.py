"""What the public conformance suite for HTTP caches asks of a shared cache, as cases of our own.

Source of the questions: https://github.com/http-tests/cache-tests (its folder ``tests``); the cases are written anew. Each
is one reply, a time after it, and what the next equal request comes to. What is left out, and why, stands in
``docs/limits-and-caches.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from tests.policies.conftest import START, Served

Serve = Callable[..., Served]
FILE = """
upstreams: {up: {url: "http://up.test", cache: rfc}}
endpoints:
  GET /a: {call: {url: up:/a, forward: {headers: [authorization, x-lang]}}}
  POST /a: {call: {url: up:/a, json: {}, cache: {rfc: true, methods: [POST]}}}
"""
HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
_DATES = ("date", "expires", "last-modified")


def dated(headers: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """Return *headers*, a number in a field of a date being so many seconds after *now*; lists are repeated fields."""
    found = []
    for name, values in headers.items():
        for value in values if isinstance(values, list) else [values]:
            is_moment = name in _DATES and isinstance(value, int)
            found.append((name, formatdate(now + value, usegmt=True) if is_moment else str(value)))
    return found


def second(
    serve: Serve, headers: dict[str, Any], *, after: float = 10, status: int = 200, method: str = "GET",
    sent: dict[str, str] | None = None,
) -> str:  # fmt: skip
    """Return what a second request comes to: it is ``kept`` from the first, ``asked`` for, or ``asked`` whether changed."""
    served = serve(FILE, lambda request: httpx.Response(status, json=1, headers=dated(headers, START)))
    served.run(served.ask(method, "/a", headers=sent))
    served.now += after
    served.run(served.ask(method, "/a", headers=sent))
    if len(served.requests) == 1:
        return "kept"
    asks = {"if-none-match", "if-modified-since"} & set(served.requests[1].headers)
    return "asked whether changed" if asks else "asked"


CC = "cache-control"
KEPT: dict[str, tuple[dict[str, Any], float]] = {
    "max-age": ({CC: "max-age=3600"}, 10),
    "max-age, up to its end": ({CC: "max-age=3600"}, 3599),
    "max-age before Expires": ({CC: "max-age=3600", "expires": -100}, 10),
    "max-age before an Expires that is none": ({CC: "max-age=3600", "expires": "0"}, 10),
    "s-maxage": ({CC: "s-maxage=3600"}, 10),
    "s-maxage before max-age": ({CC: "s-maxage=3600, max-age=1"}, 10),
    "the first of two times": ({CC: "max-age=1800, max-age=1"}, 10),
    "public, a status that says nothing": ({CC: "public", "last-modified": -10 * HOUR, "date": 0}, 10),
    "the largest number of 31 bits": ({CC: "max-age=2147483647"}, YEAR),
    "Expires with a Date that is none": ({"expires": HOUR, "date": "foo"}, 10),
    "s-maxage before an Expires that is over": ({CC: "s-maxage=3600", "expires": -100}, 10),
    "a number beyond 32 bits": ({CC: "max-age=99999999999"}, YEAR),
    "a name in capitals": ({CC: "MaX-AgE=3600"}, 10),
    "a quoted number": ({CC: 'max-age="3600"'}, 10),
    "zeros before a number": ({CC: "max-age=003600"}, 10),
    "a directive among unknown ones": ({CC: "foobar, max-age=3600, a=b"}, 10),
    "an unknown one with a quoted comma": ({CC: 'foo="bar, max-age=0", max-age=3600'}, 10),
    "one in a quoted argument does not count": ({CC: 'foo="no-store", max-age=3600'}, 10),
    "spaces around commas": ({CC: "  max-age=3600 ,  foo  "}, 10),
    "several fields": ({CC: ["foo", "max-age=3600"]}, 10),
    "Expires": ({"expires": HOUR, "date": 0}, 10),
    "Expires without Date": ({"expires": HOUR}, 10),
    "Expires by RFC 850": ({"expires": "Thursday, 18-Aug-50 02:01:18 GMT"}, 10),
    "Expires by asctime": ({"expires": "Thu Aug  8 02:01:18 2050"}, 10),
    "Age below the time": ({CC: "max-age=3600", "age": 1800}, 10),
    "Age that is no number": ({CC: "max-age=3600", "age": "abc"}, 10),
    "Age that is negative": ({CC: "max-age=3600", "age": "-7200"}, 10),
    "an older Date, counted": ({CC: "max-age=3600", "date": -1800}, 10),
    "must-revalidate while fresh": ({CC: "max-age=3600, must-revalidate"}, 10),
    "must-understand takes no-store away": ({CC: "max-age=3600, no-store, must-understand"}, 10),
    "a tenth of the time since the last change": ({"last-modified": -10 * HOUR, "date": 0}, HOUR - 1),
    "public, whatever the status": ({CC: "public, max-age=3600"}, 10),
    "immutable changes nothing": ({CC: "max-age=3600, immutable"}, 10),
    "Pragma of a reply says nothing": ({CC: "max-age=3600", "pragma": "no-cache"}, 10),
    "Vary by what was sent alike": ({CC: "max-age=3600", "vary": "x-lang"}, 10),
}
ASKED: dict[str, tuple[dict[str, Any], float]] = {
    "nothing is said": ({}, 10),
    "max-age is over": ({CC: "max-age=3600"}, 3600),
    "max-age=0": ({CC: "max-age=0"}, 0),
    "max-age that is negative": ({CC: "max-age=-3600"}, 10),
    "max-age that is no number": ({CC: "max-age=abc"}, 10),
    "max-age with a fraction": ({CC: "max-age=3600.5"}, 10),
    "max-age without a number": ({CC: "max-age"}, 10),
    "max-age with spaces around the sign": ({CC: "max-age = 3600"}, 10),
    "s-maxage is over, max-age is not": ({CC: "s-maxage=1, max-age=3600"}, 10),
    "max-age=0 before Expires": ({CC: "max-age=0", "expires": HOUR}, 10),
    "Expires is over": ({"expires": 5, "date": 0}, 10),
    "Expires of before": ({"expires": -HOUR, "date": 0}, 0),
    "Expires that is none": ({"expires": "0"}, 0),
    "Expires without a day of the week": ({"expires": "19 Aug 2050 02:01:18 GMT"}, 0),
    "Expires counts from Date": ({"expires": HOUR, "date": HOUR}, 10),
    "Age above the time": ({CC: "max-age=3600", "age": 7200}, 10),
    "Age above what Expires says, with a Date that is slow": ({"expires": 10, "date": -10, "age": 25}, 0),
    "Age above what Expires says, with a Date that is fast": ({"expires": 20, "date": 10, "age": 15}, 0),
    "Expires that is now": ({"expires": 0, "date": 0}, 0),
    "Expires before Date": ({"expires": 300, "date": 400}, 0),
    "max-age in a quoted argument before it": ({CC: 'extension="max-age=3600", max-age=1'}, 10),
    "max-age in a quoted argument behind it": ({CC: 'max-age=1, extension="max-age=3600"'}, 10),
    "max-age in single quotes": ({CC: "max-age='3600'"}, 10),
    "max-age with a letter before it": ({CC: "max-age=a3600"}, 10),
    "max-age with a letter behind it": ({CC: "max-age=3600a"}, 10),
    "max-age is over, behind s-maxage that is too": ({CC: "max-age=3600, s-maxage=1"}, 10),
    "s-maxage in a field of its own": ({CC: ["max-age=3600", "s-maxage=1"]}, 10),
    "no-store before Expires": ({CC: "max-age=10000, no-store", "expires": HOUR, "date": 0}, 10),
    "no-cache before Expires": ({CC: "max-age=10000, No-CaChE", "expires": HOUR, "date": 0}, 10),
    "Age beyond 32 bits": ({CC: "max-age=3600", "age": 99999999999}, 10),
    "the first of two ages": ({CC: "max-age=3600", "age": "7200, 0"}, 10),
    "Age counts with what has passed": ({CC: "max-age=3600", "age": 3595}, 10),
    "a Date that is too old": ({CC: "max-age=3600", "date": -2 * HOUR}, 10),
    "no-store": ({CC: "max-age=3600, no-store"}, 10),
    "no-store in capitals": ({CC: "max-age=3600, NO-STORE"}, 10),
    "no-store in a field of its own": ({CC: ["max-age=3600", "no-store"]}, 10),
    "no-cache": ({CC: "max-age=3600, no-cache"}, 10),
    "no-cache of a field": ({CC: 'max-age=3600, no-cache="a"'}, 10),
    "private": ({CC: "max-age=3600, private"}, 10),
    "private of a field": ({CC: 'max-age=3600, private="a"'}, 10),
    "a cookie": ({CC: "max-age=3600", "set-cookie": "a=b"}, 10),
    "Vary by everything": ({CC: "max-age=3600", "vary": "*"}, 10),
    "Vary by everything, among others": ({CC: "max-age=3600", "vary": "x-lang, *"}, 10),
    "Vary by everything, twice": ({CC: "max-age=3600", "vary": "*, *"}, 10),
    "Vary by everything, twice, in fields": ({CC: "max-age=3600", "vary": ["*", "*"]}, 10),
    "Vary by everything, behind nothing": ({CC: "max-age=3600", "vary": ", *"}, 10),
    "Vary by everything, behind an empty field": ({CC: "max-age=3600", "vary": ["", "*"]}, 10),
    "Vary by everything, before others": ({CC: "max-age=3600", "vary": "*, x-lang"}, 10),
    "Vary by everything, in a field of its own": ({CC: "max-age=3600", "vary": ["x-lang", "*"]}, 10),
}
WHETHER: dict[str, tuple[dict[str, Any], float]] = {
    "an entity tag, when it is over": ({CC: "max-age=1", "etag": '"a"'}, 10),
    "a weak one": ({CC: "max-age=1", "etag": 'W/"a"'}, 10),
    "a time of the last change": ({CC: "max-age=1", "last-modified": -DAY}, 10),
    "no-cache with an entity tag": ({CC: "no-cache", "etag": '"a"'}, 0),
    "max-age=0 with an entity tag": ({CC: "max-age=0", "etag": '"a"'}, 0),
    "a tenth of the time is over": ({"last-modified": -10 * HOUR, "date": 0}, HOUR + 1),
    "a change long ago counts for a day": ({"last-modified": -10 * YEAR, "date": 0}, DAY + 1),
    "must-revalidate, when it is over": ({CC: "max-age=1, must-revalidate", "etag": '"a"'}, 10),
    "must-revalidate, whatever else is said": (
        {CC: "max-age=1, must-revalidate, stale-while-revalidate=100", "etag": '"a"'}, 10,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_kept(serve: Serve, case: str) -> None:
    """Nobody is asked again."""
    headers, after = KEPT[case]
    assert second(serve, headers, after=after) == "kept"


@pytest.mark.parametrize("case", ASKED)
def test_asked(serve: Serve, case: str) -> None:
    """The upstream is asked again, without a condition."""
    headers, after = ASKED[case]
    assert second(serve, headers, after=after) == "asked"


@pytest.mark.parametrize("case", WHETHER)
def test_asked_whether_changed(serve: Serve, case: str) -> None:
    """The upstream is asked whether it has changed."""
    headers, after = WHETHER[case]
    assert second(serve, headers, after=after) == "asked whether changed"


@pytest.mark.parametrize("status", [200, 203, 204, 301, 308, 404, 405, 410, 414, 501])
def test_statuses_that_are_kept_without_a_word(serve: Serve, status: int) -> None:
    """These may be kept by the time since the last change; any status may with a time that is said."""
    told = {"last-modified": -10 * HOUR, "date": 0}
    assert second(serve, told, status=status) == "kept"


@pytest.mark.parametrize(
    "status", [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599]
)
def test_statuses_whose_time_is_over(serve: Serve, status: int) -> None:
    """Whatever the status, a reply is given out for its time and no longer."""
    assert second(serve, {CC: "max-age=5"}, status=status, after=4) == "kept"
    assert second(serve, {CC: "max-age=5"}, status=status, after=5) == "asked"


@pytest.mark.parametrize("status", [201, 202, 302, 307, 400, 403, 429, 500, 502, 503, 504, 599])
def test_statuses_that_are_kept_with_a_time_alone(serve: Serve, status: int) -> None:
    """Others are kept where a time is said."""
    assert second(serve, {"last-modified": -10 * HOUR, "date": 0}, status=status) != "kept"
    assert second(serve, {CC: "max-age=3600"}, status=status) == "kept"


def test_statuses_that_are_never_kept(serve: Serve) -> None:
    """A part of a body; and what nobody understands where `must-understand` is said."""
    assert second(serve, {CC: "max-age=3600", "content-range": "bytes 0-0/1"}, status=206) == "asked"
    assert second(serve, {CC: "max-age=3600, must-understand"}, status=499) == "asked"


@pytest.mark.parametrize("said", ["public", "s-maxage=3600", "must-revalidate"])
def test_replies_to_callers_by_a_word_alone(serve: Serve, said: str) -> None:
    """What a caller's credential was shown for is kept where the reply allows it (RFC 9111 §3.5)."""
    sent = {"authorization": "Bearer a"}
    assert second(serve, {CC: "max-age=3600"}, sent=sent) == "asked"
    assert second(serve, {CC: f"max-age=3600, {said}"}, sent=sent) == "kept"


def test_posts_by_a_time_alone(serve: Serve) -> None:
    """Replies to a POST that only reads are kept where a time is said (RFC 9110 §9.3.3)."""
    assert second(serve, {"last-modified": -DAY, "date": 0}, method="POST") == "asked"
    assert second(serve, {CC: "max-age=3600"}, method="POST") == "kept"
