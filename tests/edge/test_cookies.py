"""Cookies: what a client sends, what we set, what an upstream sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.edge.cookies import cookie_value, read_cookies, read_set_cookies, set_cookie, values_of_cookie


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["a=1; b=2"], {"a": "1", "b": "2"}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),
        (["a=1; a=2"], {"a": "1"}),
        (['a="x y"'], {"a": "x y"}),
        (["a=b=c"], {"a": "b=c"}),
        (["a; =x; ; b=2"], {"b": "2"}),
        (["a="], {"a": ""}),
        (['a="'], {"a": '"'}),
        (['a=""'], {"a": ""}),
        (['a="x'], {"a": '"x'}),
        (["a=1;\tb = 2 ;c=3"], {"a": "1", "b": "2", "c": "3"}),
        ([], {}),
    ],
)
def test_a_cookie_header(lines: list[str], found: dict[str, str]) -> None:
    """Pairs by name; the first of a name counts, and what is no pair is left out."""
    assert read_cookies(lines) == found


def test_all_values_of_a_cookie() -> None:
    """In their order, over all lines: who takes a credential from one has to know of the second."""
    assert values_of_cookie(["a=1; b=2; a=3", 'a="4"'], "a") == ["1", "3", "4"]


@pytest.mark.parametrize("blank", ["\u2000", "\u00a0", "\u0085", "\u3000", "\x1f", "\x0b"])
def test_a_name_is_that_of_the_browser(blank: str) -> None:
    """What browsers take for a part of a name makes another name: nobody stands in for a ``__Host-`` cookie so."""
    line = f"{blank}__Host-a=forged; __Host-a{blank}=forged; __Host-b=x{blank}"
    assert values_of_cookie([line], "__Host-a") == []
    assert read_cookies([line])["__Host-b"] == f"x{blank}"


def test_as_many_cookies_as_have_room() -> None:
    """A client that sends thousands of cookies costs no more than some hundred."""
    many = "; ".join(f"c{number}=1" for number in range(5000))
    assert (
        list(read_cookies([many])) == list(read_cookies([many, "other=1"])) == [f"c{number}" for number in range(300)]
    )


@pytest.mark.parametrize(
    ("value", "attributes", "line"),
    [
        ("1", {}, b"seen=1"),
        ("1", {"Path": "/", "Max-Age": "60", "Secure": True, "HttpOnly": True, "SameSite": "Lax"},
         b"seen=1; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"),
        ("a b;c", {"Secure": False, "Domain": None}, b"seen=a%20b%3Bc"),
        ("ü", {}, b"seen=%C3%BC"),
        ("50%", {}, b"seen=50%"),
        ("50% off", {}, b"seen=50%25%20off"),
        ("a\r\nset-cookie: x=1", {}, b"seen=a%0D%0Aset-cookie:%20x=1"),
    ],
)  # fmt: skip
def test_a_cookie_that_is_set(value: str, attributes: dict[str, str | bool | None], line: bytes) -> None:
    """Attributes in order; a value can never end the cookie or the line."""
    assert set_cookie("seen", value, attributes) == line


@given(st.text(max_size=50))
def test_no_value_leaves_the_cookie(value: str) -> None:
    """Whatever the value is, the line is printable ASCII and the value has no separator."""
    written = cookie_value(value)
    assert written.isascii()
    assert written.isprintable()
    assert not set(written) & set(' ",;\\')


def test_cookies_of_an_upstream() -> None:
    """`Set-Cookie` lines are read for their names and values; the last of a name counts."""
    assert read_set_cookies(["sid=1; Path=/", "lang=de", "sid=2; HttpOnly", "broken"]) == {"sid": "2", "lang": "de"}
