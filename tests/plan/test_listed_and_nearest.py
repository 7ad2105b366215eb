"""What a file exposes as a table, and which endpoint somebody may have meant."""

from __future__ import annotations

import pytest

from aggregator.errors import AggregatorError
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.finding import find_endpoint, nearest_endpoint
from aggregator.plan.explaining.listing import routes_markdown
from tests.plan.conftest import PlanOf

LISTED = r"""
endpoints:
  GET /users/{id}/{rest}:
    summary: "One | user,\nwhole."
    params: {id: integer}
    query: {page: integer, tags: {type: array, required: true}}
    headers: {x-a: string}
    cookies: {sid: {type: string, required: true}}
    fan_out: {a: 'shop:/a', b: {url: 'users:/b', optional: true}}
  POST /orders:
    body: {type: object}
    timeout: 2s
    call: {method: POST, url: 'shop:/orders', json: {}}
"""


def test_endpoints_as_a_table(plan_of: PlanOf) -> None:
    """A row each: what it is for, what it needs from the client, whom it calls, by when; no bar or line breaks a row."""
    assert routes_markdown(plan_of(LISTED).endpoints) == (
        "| Endpoint | Needs | Calls | Within |\n"
        "|---|---|---|---|\n"
        "| `GET /users/{id}/{rest}`<br>One \\| user, whole. | `rest`, `id` (integer), query `page` (integer, optional), "
        "query `tags` (array), header `x-a` (string, optional), cookie `sid` (string) | ⇉ a · b? | 10s |\n"
        "| `POST /orders` | a body | → shop | 2s |\n"
    )


FILE = """
endpoints:
  GET /orders/{id}: {respond: {}}
  POST /orders/{id}: {respond: {}}
  GET /orders/{id}/lines: {respond: {}}
  GET /orders/{id}/{part}: {respond: {}}
  GET /files/{name}: {respond: {}}
  GET /files/{rest:path}: {respond: {}}
  GET /: {respond: {}}
"""


@pytest.mark.parametrize(
    ("text", "key", "params"),
    [
        ("GET /orders/7/lines", "GET /orders/{id}/lines", {"id": "7"}),
        ("GET /orders/7/all", "GET /orders/{id}/{part}", {"id": "7", "part": "all"}),
        ("/files/a", "GET /files/{name}", {"name": "a"}),
        ("/files/a/b%20c", "GET /files/{rest:path}", {"rest": "a/b c"}),
        ("POST /orders/7", "POST /orders/{id}", {"id": "7"}),
        ("/", "GET /", {}),
    ],
)
def test_the_endpoint_of_a_path_is_the_one_that_serves_it(
    plan_of: PlanOf, text: str, key: str, params: dict[str, str]
) -> None:
    """What is written out comes before a parameter, and that before one for the rest of the path."""
    endpoint, found = find_endpoint(plan_of(FILE), text)
    assert (endpoint.key, found) == (key, params)


@pytest.mark.parametrize("path", ["/orders/7", "/orders/{id}"])
def test_a_path_of_several_methods_needs_one(plan_of: PlanOf, path: str) -> None:
    """They are named in the order in which they are declared."""
    with pytest.raises(AggregatorError) as several:
        find_endpoint(plan_of(FILE), path)
    assert str(several.value) == f"{path} answers to GET, POST; name one before it."


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("GET /orders/{idd}", "did you mean `GET /orders/{id}`?"),
        ("GET /orders/12345678901234567890/lines", "did you mean `GET /orders/{id}/lines`?"),
        ("DELETE /files/123456789012345/b", "its path answers to another method: `GET /files/{rest:path}`."),
    ],
)
def test_the_nearest_endpoint_ends_a_sentence(plan_of: PlanOf, key: str, said: str) -> None:
    """By its key, else by a path that it serves, else by what is said of that path."""
    assert nearest_endpoint(plan_of(FILE), key) == said


def test_a_parameter_that_an_endpoint_has_not_is_named(plan_of: PlanOf) -> None:
    """With those that it has."""
    plan = plan_of(FILE)
    for endpoint, known in ((plan.endpoints[3], "id, part"), (plan.endpoints[6], "none")):
        with pytest.raises(AggregatorError) as unknown:
            explain(endpoint, plan.secrets, {"nope": "1"})
        assert str(unknown.value) == f"{endpoint.key} has no parameter 'nope'; it has: {known}."
