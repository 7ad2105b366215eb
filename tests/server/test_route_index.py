"""The index: which endpoint a path and a method lead to, whatever else is declared beside it."""

from __future__ import annotations

import pytest

from aggregator.errors import ExpressionError
from aggregator.server.index import Methods, RouteIndex
from aggregator.templates import compile_pattern


def index(*keys: str) -> RouteIndex[str]:
    """Give an index of ``METHOD /path`` keys, each leading to itself."""
    return RouteIndex((key.split()[0], compile_pattern(key.split()[1]), key) for key in keys)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"/users/me", ("GET /users/me", ())),
        (b"/users/7", ("GET /users/{id}", (b"7",))),
        (b"/users/a%2Fb", ("GET /users/{id}", (b"a%2Fb",))),
        (b"/users/7/orders", ("GET /users/{id}/orders", (b"7",))),
        (b"/files/a/b%20c", ("GET /files/{rest:path}", (b"a/b%20c",))),
        (b"/u%73ers/me", ("GET /users/me", ())),
        (b"/", ("GET /", ())),
        (b"/users", None),
        (b"/users/", None),
        (b"/users/7/", None),
        (b"/USERS/me", None),
    ],
)
def test_a_literal_beats_a_parameter_beats_the_rest(path: bytes, found: tuple[str, tuple[bytes, ...]] | None) -> None:
    """The most specific pattern answers; a parameter is one canonical segment, never empty."""
    routes = index("GET /", "GET /users/me", "GET /users/{id}", "GET /users/{id}/orders", "GET /files/{rest:path}")
    match = routes.find(path)
    assert found == (None if match is None else (match.methods.target("GET"), match.segments))


@pytest.mark.parametrize("path", [b"/users/..", b"/users/%2e%2e/x", b"//users", b"/users/%zz", b"/users/."])
def test_a_path_that_is_not_well_formed(path: bytes) -> None:
    """Dot segments, empty segments and broken escapes lead nowhere, however they are written."""
    with pytest.raises(ExpressionError):
        index("GET /users/{id}", "GET /users/{id}/x").find(path)


def test_a_method_that_only_a_wider_pattern_declares() -> None:
    """``POST /users/me`` is answered by ``POST /users/{id}`` although ``GET /users/me`` is nearer."""
    matches = list(index("GET /users/me", "POST /users/{id}", "PUT /{rest:path}").every(b"/users/me"))
    assert [sorted(match.methods) for match in matches] == [["GET"], ["POST"], ["PUT"]]
    assert [match.segments for match in matches] == [(), (b"me",), (b"users/me",)]


def test_the_root_and_a_trailing_slash_are_found_by_both_ways() -> None:
    """What ``find`` gives is the first that ``every`` gives."""
    routes = index("GET /", "GET /a/", "GET /{name}")
    for path in (b"/", b"/a/", b"/x"):
        assert next(routes.every(path)) == routes.find(path)


def test_head_follows_from_get() -> None:
    """HEAD is answered by its own endpoint if there is one, otherwise by GET."""
    assert methods(GET="get").target("HEAD") == "get"
    assert methods(GET="get", HEAD="head").target("HEAD") == "head"
    assert methods(POST="post", GET="get").target("HEAD") == "get"
    assert methods(POST="post").target("HEAD") is None


def test_the_last_declaration_of_a_method_counts() -> None:
    """A path that several methods lead to tells them all, each once; one that none leads to tells none."""
    found = methods(GET="get", POST="post")
    found.add("GET", "new")
    assert [(method, found.target(method)) for method in found] == [("GET", "new"), ("POST", "post")]
    assert list(Methods()) == []


def methods(**targets: str) -> Methods[str]:
    """Give what answers each method with its target."""
    found: Methods[str] = Methods()
    for method, target in targets.items():
        found.add(method, target)
    return found
