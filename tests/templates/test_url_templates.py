from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import ExpressionError
from aggregator.templates import Placeholder, TemplateProblem, canonical_segment, compile_url
from aggregator.templates.urls.percent import percent_encode

DATA: dict[str, Any] = {
    "id": 7,
    "name": "Ann",
    "big": 2**80,
    "f": 1.5,
    "yes": True,
    "nil": None,
    "list": [1],
    "o": {"a": "b"},
    "empty": "",
    "dots": "..",
    "query": {"q": "a b&c=d"},
    "headers": {"x-request-id": "r1"},
    "order": {"items": [{"sku": "s/1"}]},
}


@pytest.mark.parametrize(
    ("source", "method", "upstream", "origin", "target"),
    [
        ("users:/users/{id}", None, "users", None, b"/users/7"),
        ("POST users:/users", "POST", "users", None, b"/users"),
        ("DELETE  my-shop_2:/x/", "DELETE", "my-shop_2", None, b"/x/"),
        ("https://Example.COM/a", None, None, "https://example.com", b"/a"),
        ("https://example.com:443", None, None, "https://example.com", b"/"),
        ("http://localhost:8080?a=1", None, None, "http://localhost:8080", b"/?a=1"),
        ("PUT http://[::1]:81/x", "PUT", None, "http://[::1]:81", b"/x"),
        ("HTTPS://my_service/x", None, None, "https://my_service", b"/x"),
        ("u:/", None, "u", None, b"/"),
        ("u:/a/{name}/b/{id}?x={f}&y={yes}&z=", None, "u", None, b"/a/Ann/b/7?x=1.5&y=true&z="),
        ("u:/{big}", None, "u", None, b"/1208925819614629174706176"),
        ("u:/v{id}-{name}.json", None, "u", None, b"/v7-Ann.json"),
        ("u:/{order.items.0.sku}", None, "u", None, b"/s%2F1"),
        ("u:/s?q={query.q}&r={headers.x-request-id}", None, "u", None, b"/s?q=a%20b%26c%3Dd&r=r1"),
        ("u:/s?q={empty}", None, "u", None, b"/s?q="),
        ("u:/é/%2f%41?ä=ö&f[x]=1", None, "u", None, b"/%C3%A9/%2FA?%C3%A4=%C3%B6&f%5Bx%5D=1"),
        ("u:/a;b=c:@!$&'()*+,", None, "u", None, b"/a;b=c:@!$&'()*+,"),
    ],
)
def test_a_url_renders(
    source: str, method: str | None, upstream: str | None, origin: str | None, target: bytes
) -> None:
    """A URL is a method, where it goes, and a request target with encoded values."""
    url = compile_url(source)
    assert (url.method, url.upstream, url.origin) == (method, upstream, origin)
    assert url.renderer()(DATA) == target


def test_parts_are_public_and_merged() -> None:
    """A plan sees literal bytes and placeholders; a constant is one piece of bytes."""
    url = compile_url("u:/a/{order.items.0.sku}?x={id}&y=1")
    sku, number = Placeholder(("order", "items", 0, "sku")), Placeholder(("id",), in_path=False)
    assert url.segments == (b"/a/", sku, b"?x=", number, b"&y=1")
    assert url.placeholders == (sku, number)
    assert url.references == {("order", "items", "0", "sku"), ("id",)}
    assert not url.is_constant
    constant = compile_url("u:/a/b?c=d")
    assert constant.segments == (b"/a/b?c=d",)
    assert constant.is_constant
    assert constant == compile_url("u:/a/b?c=d")
    assert constant != compile_url("u:/a/b?c=e")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("u:/{nope}", "`{nope}` in a URL is missing"),
        ("u:/{order.buyer.id}", "`{order.buyer.id}` in a URL is missing"),
        ("u:/x?a={nil}", "`{nil}` in a URL is null"),
        ("u:/{list}", "`{list}` in a URL is an array, not text or a number"),
        ("u:/x?a={list}", "`{list}` in a URL is an array, not text or a number"),
        ("u:/{o}", "`{o}` in a URL is an object, not text or a number"),
        ("u:/{empty}", "`{empty}` in a path is empty, `.` or `..`"),
        ("u:/{empty}/b", "`{empty}` in a path is empty, `.` or `..`"),
        ("u:/a/{dots}/b", "`{dots}` in a path is empty, `.` or `..`"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error(source: str, message: str) -> None:
    """The error names the placeholder and nothing else."""
    with pytest.raises(ExpressionError) as caught:
        compile_url(source).renderer()(DATA)
    assert str(caught.value) == message


@pytest.mark.parametrize("dots", [".", "..", ""])
@pytest.mark.parametrize("source", ["u:/{a}", "u:/{a}/x", "u:/x/{a}{a}", "u:/x/.{a}", "u:/x/{a}.", "u:/x/{a}?y=1"])
def test_no_value_makes_a_dot_segment(source: str, dots: str) -> None:
    """However a segment is put together, it cannot climb or vanish."""
    url = compile_url(source)
    with pytest.raises(ExpressionError):
        url.renderer()({"a": dots})
    fast = url.splice(["a"])
    assert fast is not None
    with pytest.raises(ExpressionError):
        fast[1].render(fast[0], [dots.encode()], fast[2])


@pytest.mark.parametrize(
    ("source", "value"),
    [("u:/x/..{a}", "/y"), ("u:/x/.{a}", "/y"), ("u:/x/{a}..", "y/"), ("u:/x/{a}.", "y/"), ("u:/x/..{a}?q=1", "\\y"),
     ("u:/x/..{a}/z", "%2Fy"), ("u:/x/..{a}", ";/y")],
)  # fmt: skip
def test_no_value_makes_a_dot_segment_of_literal_dots(source: str, value: str) -> None:
    """A server behind that decodes slashes would climb by dots that the file itself wrote."""
    url = compile_url(source)
    with pytest.raises(ExpressionError):
        url.renderer()({"a": value})
    assert url.renderer(raw=True)({"a": value})
    fast = url.splice(["a"])
    assert fast is not None
    with pytest.raises(ExpressionError):
        fast[1].render(fast[0], [percent_encode(value)], fast[2])


@pytest.mark.parametrize("source", ["u:/x/.{a}", "u:/x/{a}..", "u:/x/v1..{a}", "u:/x/..{a}"])
def test_literal_dots_beside_a_plain_value_stand(source: str) -> None:
    """Hidden files and names with dots are names like others."""
    assert compile_url(source).renderer()({"a": "é"})


ATTACKS = [
    "1?admin=true", "1&role=root", "1#", "a/b", "a%2Fb", "a%252Fb", "..%2f", "..\\", "a;x=1", "\r\nX-Evil: 1", "\0",
    "%00", "%0d%0a", "{{7*7}}", "${7*7}", "{id}", "@evil.example", "//evil.example", "／", "\u2028", "é", "a b", "\x7f",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("source", ["u:/users/{a}/orders", "u:/users/x?a={a}&b=1", "https://host/{a}"])
def test_a_value_stays_one_piece(source: str, attack: str) -> None:
    """Nothing in a value ends its segment or its parameter, and nothing is expanded a second time."""
    target = compile_url(source).renderer(raw=True)({"a": attack, "id": "never"})
    plain = compile_url(source).renderer()({"a": "plain"})
    assert unquote(target.decode("ascii")) == unquote(plain.decode()).replace("plain", attack)
    for delimiter in b"/?&#;=@\\ \r\n\0":
        assert target.count(delimiter) == plain.count(delimiter)


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_round_trips(text: str) -> None:
    """Any text arrives as it was in one value, or is refused."""
    target = compile_url("u:/x?a={a}").renderer()({"a": text})
    assert unquote(target.removeprefix(b"/x?a=").decode("ascii"), errors="strict") == text
    if text not in ("", ".", ".."):
        assert canonical_segment(compile_url("u:/{a}").renderer()({"a": text})[1:]) == target.removeprefix(b"/x?a=")


def test_half_a_surrogate_is_refused() -> None:
    """Text that UTF-8 cannot carry is an error of the call."""
    with pytest.raises(ExpressionError, match="not valid Unicode"):
        compile_url("u:/{a}").renderer()({"a": "\ud800"})
    with pytest.raises(ExpressionError):
        compile_url("u:/{a}").renderer()({"a": float("nan")})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("u:/a/b", b"/a/b"),
        ("u:/a/{x}", b"/a/X%2F"),
        ("u:/a/{x}/b", b"/a/X%2F/b"),
        ("u:/{y}/{x}?q={y}", b"/Y/X%2F?q=Y"),
        ("u:/a?q={x}", b"/a?q=X%2F"),
    ],
)
def test_parameters_are_spliced(source: str, expected: bytes) -> None:
    """Canonical segments of the request go into the target without decoding; the result is the same."""
    url = compile_url(source)
    fast = url.splice(["y", "x", "unused"])
    assert fast is not None
    assert fast[1].render(fast[0], [b"Y", b"X%2F", b""], fast[2]) == expected == url.renderer()({"y": "Y", "x": "X/"})


def test_splicing_is_for_parameters_only() -> None:
    """A template that reads anything else has no fast form."""
    assert compile_url("u:/{x}/{order.id}").splice(["x", "order"]) is None
    assert compile_url("u:/{x}/{z}").splice(["x"]) is None


@pytest.mark.parametrize(
    ("source", "spot", "message"),
    [
        ("", "", "the URL is empty"),
        ("/users", "/users", "the URL names no upstream"),
        ("users", "users", "this is not a URL of a call"),
        ("users:7", "7", "the path must start with `/`"),
        ("users:", "", "the path must start with `/`"),
        ("users://x", "users", "`users` URLs cannot be called"),
        ("file:///etc/passwd", "file", "`file` URLs cannot be called"),
        ("post users:/x", "post", "`post` is not a method of a call"),
        ("FETCH users:/x", "FETCH", "`FETCH` is not a method of a call"),
        ("TRACE users:/x", "TRACE", "`TRACE` is not a method of a call"),
        ("http:/x", "http:/", "a full URL has two slashes"),
        ("https://{host}/x", "{host}", "a placeholder cannot choose the host"),
        ("https://a.{tld}/x", "a.{tld}", "a placeholder cannot choose the host"),
        ("https://a:{port}/x", "a:{port}", "a placeholder cannot choose the host"),
        ("{scheme}://a/x", "{scheme}://a/x", "a placeholder cannot choose the upstream"),
        ("{up}:/x", "{up}:/x", "a placeholder cannot choose the upstream"),
        ("POST {up}:/x", "{up}:/x", "a placeholder cannot choose the upstream"),
        ("https://u:p@host/", "u:p@host", "credentials do not belong in a URL"),
        ("https://host:99999/", "99999", "a port is between 1 and 65535"),
        ("https://exämple.org/", "exämple.org", "this is not a host"),
        ("https://a..b/", "a..b", "this is not a host"),
        ("https://[::zz]/", "[::zz]", "this is not a host"),
        ("https://[1.2.3.4]/", "[1.2.3.4]", "this is not a host"),
        ("https:///x", "/", "this is not a host"),
        ("u:/a/../b", "..", "a path cannot hold `..`"),
        ("u:/a/./b", ".", "a path cannot hold `.`"),
        ("u:/%2E%2e/b", "%2E%2e", "a path cannot hold `%2E%2e`"),
        ("u:/a//b", "//", "a path cannot hold an empty segment"),
        ("u://", "u", "`u` URLs cannot be called"),
        ("u:/a b", " ", "a URL cannot hold a space"),
        ("u:/a\\b", "\\", "a URL cannot hold a backslash"),
        ("u:/a\nb", "\n", "a URL cannot hold a control character"),
        ("u:/a#b", "#", "a fragment is never sent to a server"),
        ("u:/a?b#c", "#", "a fragment is never sent to a server"),
        ("u:/%zz", "%", "`%` is not followed by two hexadecimal digits"),
        ("u:/%0d", "%0d", "`%0d` is a control character"),
        ("u:/\ud800", "\ud800", "this character is not valid Unicode"),
        ("u:/{{ a }}", "{{ a }}", "a URL takes no expression"),
        ("u:/{{ a", "{{ a", "a URL takes no expression"),
        ("u:/{a", "{", "this brace has no partner"),
        ("u:/a}", "}", "this brace has no partner"),
        ("u:/{}", "{}", "`` is not a dotted path"),
        ("u:/{a b}", "{a b}", "`a b` is not a dotted path"),
        ("u:/{a['b']}", "{a['b']}", "`a['b']` is not a dotted path"),
        ("u:/{rest:int}", "{rest:int}", "`rest:int` is not a dotted path"),
        ("u:/x?a=1&{k}=2", "{k}=2", "only the value of a query parameter can be a placeholder"),
        ("u:/x?{k}", "{k}", "only the value of a query parameter can be a placeholder"),
    ],
)
def test_a_wrong_url_is_a_problem(source: str, spot: str, message: str) -> None:
    """Each mistake in a URL is found at load, at its place."""
    with pytest.raises(TemplateProblem) as caught:
        compile_url(source)
    problem = caught.value
    assert problem.message == message
    assert source[problem.offset : problem.offset + problem.length] == spot


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ stock }}/private/{{ sku }}", "write `stock:/private/{sku}`, where `stock` is an upstream"),
        ("{stock}/{a}/{{ b.c }}", "write `stock:/{a}/{b.c}`, where `stock` is an upstream"),
        ("{up}:/x", "write `up:/x`, where `up` is an upstream"),
        ("{scheme}://a/x", "write `upstream:/path` or `https://host/path`"),
        ("{{ a.url }}/x", "write `upstream:/path` or `https://host/path`"),
    ],
)
def test_a_name_in_braces_is_that_of_an_upstream(text: str, hint: str) -> None:
    """Who writes the service as a variable, as templates of others do, reads the URL to write."""
    with pytest.raises(TemplateProblem) as problem:
        compile_url(text)
    assert problem.value.hint == hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("users:8080/health", "write `users:/8080/health`, or `http://users:8080/health` when `users` is a host"),
        ("users:health", "write `users:/health`"),
    ],
)
def test_a_name_and_a_number_may_be_a_host_and_its_port(text: str, hint: str) -> None:
    """Both ways on are shown where both may be meant."""
    with pytest.raises(TemplateProblem, match="the path must start with `/`") as problem:
        compile_url(text)
    assert problem.value.hint == hint


@pytest.mark.parametrize("host", ["256.256.256.256", "1.2.3", "10.0.0.0.1", "999", "a.1"])
def test_what_ends_in_a_number_is_an_address(host: str) -> None:
    """A host whose last label is a number is an IPv4 address of four parts, or none at all."""
    with pytest.raises(TemplateProblem, match="this is not a host"):
        compile_url(f"http://{host}/x")
    assert compile_url("http://10.0.0.1:81/x").origin == "http://10.0.0.1:81"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://api.test./x", "http://api.test."),
        ("https://API.test.:8443/x", "https://api.test.:8443"),
        ("http://[FE80::1%25Eth0]:8080/x", "http://[fe80::1%25Eth0]:8080"),
        ("http://10.0.0.1./x", "http://10.0.0.1."),
    ],
)
def test_a_complete_name_and_a_zone_are_hosts(url: str, origin: str) -> None:
    """A dot ends a name that is searched nowhere else, a zone says which link an address is on (RFC 6874)."""
    assert compile_url(url).origin == origin


@pytest.mark.parametrize("host", ["a..", ".", "a..b", "[fe80::1%25]", "[fe80::1%eth0]", "[::1]."])
def test_what_only_looks_like_one_is_refused(host: str) -> None:
    """Two dots, a zone without a name and a percent sign that is not encoded are no host."""
    with pytest.raises(TemplateProblem, match="this is not a host"):
        compile_url(f"http://{host}/x")
