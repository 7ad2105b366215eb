"""The shop's GraphQL: nested data for a right query, positioned errors for a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.demo.graphql import execute


def test_over_http(ask: Callable[..., httpx.Response]) -> None:
    """A query with variables is answered with status 200."""
    query = "query Product($sku: String!) { product(sku: $sku) { name price } }"
    answer = ask("shop", "/graphql", "POST", json={"query": query, "variables": {"sku": "KEY-0101"}})
    assert answer.status_code == 200
    assert answer.json() == {"data": {"product": {"name": "Tactile keyboard, 75 %", "price": 129.9}}}


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("{ user(id: 7) { id, tier } }", {"user": {"id": 7, "tier": "platinum"}}),
        ("query { a: user(id: 1) { n: name } }", {"a": {"n": "Leonie Hartmann"}}),
        ('{ products(category: "mice", first: 1) { sku } }', {"products": [{"sku": "MOU-0201"}]}),
        ('{ products(category: "none") { sku } }', {"products": []}),
        ('{ products(category: ["mice"], first: 1) { sku } }', {"products": []}),
        ("{ products(category: null, first: 0) { sku } }", {"products": []}),
        (
            "query Q { __typename user(id: 1) { __typename } }",
            {"__typename": "Query", "user": {"__typename": "User"}},
        ),
        (
            "{ order(id: 1002) { buyer { name } items { quantity product { category } } } # done\n}",
            {
                "order": {
                    "buyer": {"name": "Hana Kobayashi"},
                    "items": [{"quantity": 1, "product": {"category": "audio"}}],
                }
            },
        ),
        (
            '{ product(sku: "AUD-0401", extra: [1, -2.5, true, null]) { sku } }',
            {"product": {"sku": "AUD-0401"}},
        ),
    ],
)
def test_right_queries(query: str, data: dict[str, Any]) -> None:
    """Fields, arguments, aliases, lists, nesting and type names."""
    assert execute(query) == {"data": data}


def test_lists_of_a_record() -> None:
    """A user's orders and a product's reviews are lists of records, cut by `first`."""
    answer = execute("{ user(id: 1) { orders(first: 2) { id } } }")
    assert [order["id"] for order in answer["data"]["user"]["orders"]] == [1001, 1004]
    answer = execute('{ product(sku: "KEY-0101") { reviews { author { name } } } }')
    assert len(answer["data"]["product"]["reviews"]) == 3


def test_a_missing_record_is_null_with_a_path() -> None:
    """What does not exist is null beside its error; the rest of the answer stays."""
    assert execute('{ p: product(sku: "NOPE") { sku } user(id: 1) { id } }') == {
        "data": {"p": None, "user": {"id": 1}},
        "errors": [{"message": "There is no product with sku NOPE.", "path": ["p"]}],
    }


@pytest.mark.parametrize(
    ("query", "message", "line", "column"),
    [
        ("{ prodct { sku } }", 'Cannot query field "prodct" on type "Query".', 1, 3),
        ("{ user(id: 1) {\n  age } }", 'Cannot query field "age" on type "User".', 2, 3),
        ("{ user(id: 1) }", 'Field "user" must have a selection of subfields.', 1, 3),
        ("{ user(id: 1) { name { x } } }", 'Field "name" must not have a selection.', 1, 17),
        ("{ user(id: $id) { name } }", 'Variable "$id" is not given.', 1, 12),
        ("{ user(id: red) { name } }", "Expected a value, found 'red'.", 1, 12),
        ("mutation { a }", "The demo shop answers queries only.", 1, 1),
        ("{ user(id: 1) { name }", "Syntax Error: unexpected 'end'.", 1, 23),
        ("{ user(id 1) { name } }", "Syntax Error: unexpected '1'.", 1, 11),
        ("{ ...F }", "Syntax Error: unexpected '...'.", 1, 3),
        ("{ a } { b }", "Syntax Error: unexpected '{'.", 1, 7),
        ("query Q($a: Int", "Syntax Error: unexpected 'end'.", 1, 16),
        ("{ user(id:", "Syntax Error: unexpected 'end'.", 1, 11),
        ("{ }", "A selection cannot be empty.", 1, 4),
        ("{ a ; }", "Syntax Error: unexpected ';'.", 1, 5),
        ("", "Syntax Error: unexpected 'end'.", 1, 1),
        ("{ a " * 20, "The query is nested too deeply.", 1, 53),
    ],
)
def test_wrong_queries(query: str, message: str, line: int, column: int) -> None:
    """A wrong query is answered with one error and where it is, and with no data."""
    assert execute(query) == {"errors": [{"message": message, "locations": [{"line": line, "column": column}]}]}


def test_a_request_without_a_query() -> None:
    """A body without a query gets an error, not a failure."""
    assert execute(None) == {"errors": [{"message": "The request has no query."}]}
