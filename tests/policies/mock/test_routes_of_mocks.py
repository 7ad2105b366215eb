"""Which route of a mock answers a request, with which parameters; and what a plan of a mock says in words."""

from __future__ import annotations

import pytest

from aggregator.plan.compiling.expressions import one_expression
from aggregator.policies.mock.matching import find_route, in_order
from aggregator.policies.mock.plan import MockPlan, MockRoutePlan
from aggregator.templates import compile_pattern


def route(key: str, *query: bytes) -> MockRoutePlan:
    """Return a route."""
    method, _, path = key.partition(" ")
    return MockRoutePlan(method, compile_pattern(path), 200, None, False, (), None, None, frozenset(query))


ROUTES = {
    "root": route("GET /"),
    "fixed": route("GET /a/b"),
    "one": route("GET /a/{x}"),
    "two": route("POST /{x}/{y}"),
    "asked": route("GET /q", b"page=2"),
    "plain": route("GET /q"),
    "rest": route("GET /files/{path:path}"),
}


@pytest.mark.parametrize(
    ("method", "path", "query", "name", "params"),
    [
        ("GET", "/", "", "root", {}),
        ("HEAD", "/", "", "root", {}),
        ("POST", "/", "", None, {}),
        ("GET", "/a/b", "", "fixed", {}),
        ("GET", "/a/%62", "", "fixed", {}),
        ("GET", "/a/c%20d", "", "one", {"x": "c d"}),
        ("GET", "/a/%ff", "", "one", {"x": "\ufffd"}),
        ("GET", "/a/", "", "one", {"x": ""}),
        ("GET", "/a/b/c", "", None, {}),
        ("GET", "/a", "", None, {}),
        ("POST", "/a/b", "", "two", {"x": "a", "y": "b"}),
        ("HEAD", "/x/y", "", None, {}),
        ("PUT", "/a/b", "", None, {}),
        ("GET", "/q", "page=2&x=1", "asked", {}),
        ("GET", "/q", "page=22", "plain", {}),
        ("GET", "/q", "", "plain", {}),
        ("GET", "/files/a/b%2Fc", "", "rest", {"path": "a/b/c"}),
        ("GET", "/files/a", "", "rest", {"path": "a"}),
        ("GET", "/files", "", None, {}),
        ("GET", "/file/a", "", None, {}),
    ],
)
def test_the_route_of_a_request(method: str, path: str, query: str, name: str | None, params: dict[str, str]) -> None:
    """By method, where GET is for HEAD too, by path and by pairs of the query."""
    found = find_route(ROUTES.values(), method, path.encode(), query.encode())
    assert found == (None if name is None else ROUTES[name], params)


def test_the_more_particular_route_is_first() -> None:
    """One without a rest, with fewer parameters, with more of a query; else as they are written."""
    keys = ["rest", "two", "one", "plain", "asked", "fixed"]
    names = {id(ROUTES[key]): key for key in keys}
    found = [names[id(one)] for one in in_order(ROUTES[key] for key in keys)]
    assert found == ["asked", "plain", "fixed", "one", "two", "rest"]


@pytest.mark.parametrize(
    ("number", "when", "words"),
    [
        (0, None, "mock"), (1, None, "mock of 1 route"), (2, None, "mock of 2 routes"),
        (2, "headers.x", "mock of 2 routes when {{ headers.x }}"), (0, "headers.x", "mock when {{ headers.x }}"),
    ],
)  # fmt: skip
def test_a_mock_in_words(number: int, when: str | None, words: str) -> None:
    """How many routes it has, and which calls meet it."""
    condition = None if when is None else one_expression(f"{{{{ {when} }}}}")
    assert MockPlan((ROUTES["root"],) * number, None, None, condition, True, b"").words == words
