"""The terms of a reply in whole, as its fields say them: RFC 9111 in numbers, each at its bound."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from aggregator.http import HeaderList
from aggregator.policies.cache.standard.directives import age_of, directives_of, moment_of, seconds_of
from aggregator.policies.cache.standard.terms import (
    Assumed,
    Terms,
    conditions_of,
    freshened,
    is_same,
    terms_of,
)
from aggregator.transport import Reply
from aggregator.transport.replies import ReadBody

NOW = 1_800_000_000.0
ASSUMED = Assumed(7.0, 9.0)


def date(seconds: float) -> str:
    """Return the moment so many *seconds* from now as a field says it."""
    return formatdate(NOW + seconds, usegmt=True)


def fields(**said: str) -> HeaderList:
    """Return fields by their names."""
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in said.items()]


def terms(status: int = 200, method: bytes = b"GET", *, callers: bool = False, **said: str) -> Terms | None:
    """Return the terms of a reply that came now, two seconds after it was asked for."""
    return terms_of(Reply(status, fields(**said), b""), method, NOW, 2.0, ASSUMED, is_callers=callers)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"cache_control": "max-age=60"}, Terms(60.0, 2.0, 7.0, 9.0)),
        ({"cache_control": "max-age=60, s-maxage=30"}, Terms(30.0, 2.0)),
        ({"cache_control": "max-age=60, must-revalidate"}, Terms(60.0, 2.0)),
        ({"cache_control": "max-age=60, proxy-revalidate"}, Terms(60.0, 2.0)),
        ({"cache_control": "max-age=60, stale-while-revalidate=3, stale-if-error=0"}, Terms(60.0, 2.0, 3.0, 0.0)),
        ({"cache_control": "max-age=60", "age": "5"}, Terms(60.0, 7.0, 7.0, 9.0)),
        ({"cache_control": "max-age=60", "date": date(-9)}, Terms(60.0, 9.0, 7.0, 9.0)),
        ({"cache_control": "max-age=60", "date": date(9)}, Terms(60.0, 2.0, 7.0, 9.0)),
        ({"expires": date(60)}, Terms(60.0, 2.0, 7.0, 9.0)),
        ({"expires": date(60), "date": date(-1)}, Terms(61.0, 2.0, 7.0, 9.0)),
        ({"expires": date(-60)}, Terms(0.0, 2.0, 7.0, 9.0)),
        ({"expires": "0"}, Terms(0.0, 2.0, 7.0, 9.0)),
        ({"expires": date(60), "cache_control": "max-age=1"}, Terms(1.0, 2.0, 7.0, 9.0)),
        ({"cache_control": "max-age=x, public"}, Terms(0.0, 2.0, 7.0, 9.0)),
        ({"etag": '"a"'}, Terms(0.0, 2.0, 7.0, 9.0, b'if-none-match: "a"\r\n')),
        ({"etag": '"a"', "cache_control": "no-cache, max-age=60"}, Terms(0.0, 2.0, 0.0, 0.0, b'if-none-match: "a"\r\n')),
        ({"cache_control": "no-cache, max-age=60"}, None),
        ({"last_modified": date(-1000)},
         Terms(100.0, 2.0, 7.0, 9.0, f"if-modified-since: {date(-1000)}\r\n".encode())),
        ({"last_modified": date(-10_000_000)},
         Terms(86_400.0, 2.0, 7.0, 9.0, f"if-modified-since: {date(-10_000_000)}\r\n".encode())),
        ({"last_modified": date(1000)}, Terms(0.0, 2.0, 7.0, 9.0, f"if-modified-since: {date(1000)}\r\n".encode())),
        ({"last_modified": "yesterday"}, Terms(0.0, 2.0, 7.0, 9.0)),
        ({"cache_control": "must-revalidate, max-age=2"}, None),
        ({"cache_control": "must-revalidate, max-age=3"}, Terms(3.0, 2.0)),
        ({"age": "7"}, None),
        ({"age": "6"}, Terms(0.0, 8.0, 7.0, 9.0)),
    ],
)  # fmt: skip
def test_terms(said: dict[str, str], found: Terms | None) -> None:
    """How long it is fresh, how old it was, how much longer it may be given out, and by what it is asked for."""
    assert terms(**said) == found


@pytest.mark.parametrize(
    ("said", "is_kept"),
    [
        ({"status": 206}, False), ({"status": 304}, False), ({"set_cookie": "a=b"}, False),
        ({"content_range": "bytes 0-1/2"}, False), ({"vary": "a, *"}, False), ({"vary": "a, b"}, True),
        ({"cache_control": "private"}, False), ({"cache_control": "no-store"}, False),
        ({"cache_control": "no-store, must-understand"}, True),
        ({"cache_control": "no-store, must-understand", "status": 299}, False),
        ({"cache_control": "max-age=9, must-understand", "status": 418}, False),
        ({"callers": True}, False), ({"cache_control": "max-age=9", "callers": True}, False),
        ({"cache_control": "public", "callers": True}, True), ({"cache_control": "s-maxage=9", "callers": True}, True),
        ({"cache_control": "must-revalidate, max-age=9", "callers": True}, True),
        ({"method": b"POST"}, False), ({"method": b"POST", "cache_control": "public"}, False),
        ({"method": b"POST", "cache_control": "max-age=9"}, True), ({"method": b"HEAD"}, True),
        ({"status": 418}, False), ({"status": 418, "cache_control": "public"}, True),
        ({"status": 418, "cache_control": "max-age=9"}, True), ({"status": 418, "expires": date(60)}, True),
    ],
)  # fmt: skip
def test_whether_a_reply_may_be_kept(said: dict[str, object], is_kept: bool) -> None:
    """By its status, its method, who asked, and what it says."""
    assert (terms(**said) is not None) is is_kept  # type: ignore[arg-type]


def test_the_age_beyond_which_a_reply_is_asked_for() -> None:
    """By the longer of both allowances."""
    assert [Terms(60.0, 0.0, *allowed).longest for allowed in ((5.0, 3.0), (3.0, 5.0), (0.0, 0.0))] == [
        65.0,
        65.0,
        60.0,
    ]


def test_the_time_of_what_was_changed_is_for_statuses_that_need_no_word() -> None:
    """Or for a reply that is public."""
    said = {"last_modified": date(-1000), "cache_control": "public"}
    public, timed = terms(418, **said), terms(418, **(said | {"cache_control": "max-age=5"}))
    assert public is not None
    assert timed is not None
    assert (public.lifetime, timed.lifetime) == (100.0, 5.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max-age=60", {"max-age": "60"}),
        ('Max-Age="6\\"0" , PUBLIC', {"max-age": '6"0', "public": None}),
        ("a=1,a=2", {"a": "1"}),
        ("a=1,,b", {"a": "1", "b": None}),
        ("(x),b", {"b": None}),
        ("a b, c", {"c": None}),
        ("a=, b", {"a": "", "b": None}),
        ("(", {}),
        ("", {}),
    ],
)
def test_directives(text: str, found: dict[str, str | None]) -> None:
    """By name, the first of each; what is none is passed over to the next comma."""
    assert directives_of([(b"cache-control", text.encode()), (b"x", b"no-store")]) == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("60", 60.0), ("2147483648", 2.0**31), ("2147483649", 2.0**31), ("9" * 99, 2.0**31), ("9" * 100, 0.0),
     ("-1", 0.0), ("1.5", 0.0), ("²", 0.0), (None, 0.0)],
)  # fmt: skip
def test_seconds_of_a_directive(text: str | None, seconds: float) -> None:
    """Up to as many as are told apart; what cannot be read is none."""
    assert (seconds_of({"a": text}, "a"), seconds_of({"a": text}, "b")) == (seconds, None)


@pytest.mark.parametrize(
    ("values", "age"),
    [(["5"], 5.0), ([" 5 , 9"], 5.0), (["5", "9"], 5.0), (["x", "9"], 0.0), (["9" * 99], 2.0**31), (["9" * 100], 0.0), ([], 0.0)],
)  # fmt: skip
def test_ages(values: list[str], age: float) -> None:
    """The first that is said."""
    assert age_of([(b"x", b"1"), *((b"age", value.encode()) for value in values)]) == age


@pytest.mark.parametrize(
    ("values", "moment"),
    [
        (["Fri, 15 Jan 2027 08:00:00 GMT"], NOW),
        (["Fri, 15 Jan 2027 08:00:00"], NOW),
        (["Fri, 15 Jan 2027 08:00:00 -0000"], NOW),
        (["15 Jan 2027 08:00:00 GMT"], None),
        (["Fri, 15 Jan 2027 08:00:00 GMT"] * 2, None),
        (["Fri, 99 Jan 2027 08:00:00 GMT"], None),
        ([""], None),
        ([], None),
    ],
)
def test_dates(values: list[str], moment: float | None) -> None:
    """In UTC where no zone is said; one that is said twice is none."""
    assert moment_of([(b"date", value.encode()) for value in values], b"date") == moment


@pytest.mark.parametrize(
    ("kept", "told", "same"),
    [('"a"', None, True), ('"a"', '"a"', True), ('"a"', 'W/"a"', True), ('W/"a"', '"a"', True), ('"a"', '"b"', False),
     (None, '"b"', False), (None, None, True)],
)  # fmt: skip
def test_of_which_reply_a_304_speaks(kept: str | None, told: str | None, same: bool) -> None:
    """Of the one whose entity tag it names, however weak it is; of any where it names none."""
    one, other = (Reply(200, [] if tag is None else fields(etag=tag), b"") for tag in (kept, told))
    assert is_same(one, other) is same


def test_what_a_304_makes_of_a_reply() -> None:
    """Its fields take the place of those of before, but for those of its framing; an age of before is over."""
    kept = Reply(200, fields(etag='"a"', age="9", content_type="a/b", x="1"), b"body")
    kept.read = ReadBody("a/b", b"1")
    verdict = Reply(304, fields(x="2", content_type="c/d", date="now"), b"", True, 1.0, 2.0, 3.0, 4.0, attempts=2)
    verdict.met = ("reset",)
    found = freshened(kept, verdict)
    assert (found.status, found.body, found.read) == (200, b"body", kept.read)
    assert found.headers == fields(etag='"a"', content_type="a/b", x="2", date="now")
    assert (found.reused, found.started, found.sent, found.first_byte, found.finished) == (True, 1.0, 2.0, 3.0, 4.0)
    assert (found.attempts, found.met) == (2, ("reset",))


def test_by_what_a_reply_is_asked_for() -> None:
    """By its tag and its date, if that is one."""
    said = {"etag": '"a"', "last_modified": date(0)}
    both = f'if-none-match: "a"\r\nif-modified-since: {date(0)}\r\n'.encode()
    assert conditions_of(fields(**said)) == both
    assert conditions_of(fields(etag='"a"', last_modified="x")) == b'if-none-match: "a"\r\n'
    assert conditions_of(fields(x="1")) == b""
