"""CORS: what is allowed is said, what is not allowed is not said, and nothing is reflected."""

from __future__ import annotations

import pytest

from aggregator.edge.cors import Cors, CorsRules, origin_problem

SHOP = Cors(
    origins=("https://shop.example.com", "https://*.preview.example.com", "http://localhost:3000"),
    headers=("authorization", "content-type"),
    expose=("x-request-id",),
    credentials=True,
    max_age=600,
)


def fields(found: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return header fields as text."""
    return {name.decode(): value.decode() for name, value in found}


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example.com",
        "https://a.preview.example.com",
        "https://a.b.preview.example.com",
        "http://localhost:3000",
    ],
)
def test_an_allowed_origin(origin: str) -> None:
    """An allowed origin is named, with credentials, and caches are told that the answer depends on it."""
    assert fields(CorsRules(SHOP).answer(origin.encode())) == {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-request-id",
        "vary": "Origin",
    }


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "null",
        "https://shop.example.com.evil.test",
        "https://evilshop.example.com",
        "https://preview.example.com",
        "https://a.preview.example.com.evil.test",
        "https://evil.test/.preview.example.com",
        "https://a/.preview.example.com",
        "https://.preview.example.com",
        "http://shop.example.com",
        "https://shop.example.com:8443",
        "https://shopXexample.com",
        "HTTPS://SHOP.EXAMPLE.COM",
        "https://shop.example.com\n",
        "",
    ],
)
def test_any_other_origin_gets_nothing(origin: str) -> None:
    """An origin that is not allowed is not named anywhere in the fields; caches are still told."""
    rules = CorsRules(SHOP)
    assert fields(rules.answer(origin.encode())) == {"vary": "Origin"}
    asked = rules.preflight(origin.encode(), b"GET", b"", ["GET"])
    assert fields(asked).keys() == {"vary"}


def test_without_an_origin() -> None:
    """A request without an origin gets no CORS header, and its answer may not be reused for one with it."""
    assert fields(CorsRules(SHOP).answer(None)) == {"vary": "Origin"}


def test_any_origin_is_a_star() -> None:
    """An open answer is the same for all, so no cache has to know the origin."""
    rules = CorsRules(Cors(origins=("*",)))
    assert fields(rules.answer(b"https://a.test")) == {"access-control-allow-origin": "*"}
    assert fields(rules.answer(None)) == {"access-control-allow-origin": "*"}


def test_a_preflight() -> None:
    """A preflight is told methods, headers and how long to remember it."""
    found = CorsRules(SHOP).preflight(b"https://shop.example.com", b"PUT", b"Authorization, Range", ["GET", "PUT"])
    assert fields(found) == {
        "access-control-allow-origin": "https://shop.example.com",
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-credentials": "true",
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "600",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


@pytest.mark.parametrize(
    ("method", "headers"),
    [(b"DELETE", b""), (b"GET", b"x-secret"), (b"get", b""), (b"GET", b"a\xff"), (b"GET", b"x y: z"), (b"", b"")],
)
def test_a_preflight_for_what_is_not_allowed(method: bytes, headers: bytes) -> None:
    """A method that the path does not declare, and a header that nobody allowed, are not permitted."""
    assert fields(CorsRules(SHOP).preflight(b"https://shop.example.com", method, headers, ["GET"])).keys() == {"vary"}


def test_declared_methods_narrow() -> None:
    """`methods` allows no more than what the path declares."""
    rules = CorsRules(Cors(origins=("https://a.test",), methods=("GET", "DELETE")))
    assert (
        fields(rules.preflight(b"https://a.test", b"GET", b"", ["GET", "POST"]))["access-control-allow-methods"]
        == "GET"
    )
    assert "access-control-allow-methods" not in fields(rules.preflight(b"https://a.test", b"DELETE", b"", ["GET"]))


def test_any_header_repeats_names_alone() -> None:
    """With `headers: any` the names that were asked for are allowed, in lower case, if they are names."""
    rules = CorsRules(Cors(origins=("https://a.test",), headers=("*",)))
    found = fields(rules.preflight(b"https://a.test", b"GET", b"X-One,x-two", ["GET"]))
    assert found["access-control-allow-headers"] == "x-one, x-two"
    assert fields(rules.preflight(b"https://a.test", b"GET", b"a\r\nset-cookie: b", ["GET"])).keys() == {"vary"}


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ("https://shop.example.com", None),
        ("https://*.example.com:8443", None),
        ("null", None),
        ("capacitor://localhost", None),
        ("*", "origins: any"),
        ("https://shop.example.com/", "write https://shop.example.com"),
        ("https://shop.example.com/app", "write https://shop.example.com"),
        ("shop.example.com", "write https://shop.example.com"),
        ("https://shop.*.com", "write scheme and host"),
        ("https://*", "write scheme and host"),
    ],
)
def test_what_is_an_origin(origin: str, hint: str | None) -> None:
    """An origin is a scheme and a host, at most with a star in front; anything else has a hint."""
    problem = origin_problem(origin)
    assert problem is None if hint is None else problem is not None and hint in problem[1]
