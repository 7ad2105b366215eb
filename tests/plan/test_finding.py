"""An endpoint by what a person types."""

from __future__ import annotations

import pytest

from aggregator.errors import AggregatorError
from aggregator.plan.explaining.finding import find_endpoint

MANY = """
endpoints:
  GET /: {respond: {body: 0}}
  GET /orders/{id}: {respond: {body: 1}}
  GET /orders/new: {respond: {body: 2}}
  POST /orders: {respond: {body: 3}}
  GET /orders: {respond: {body: 4}}
  GET /files/{name:path}: {respond: {body: 5}}
"""


@pytest.mark.parametrize(
    ("text", "key", "params"),
    [
        ("GET /orders/{id}", "GET /orders/{id}", {}),
        ("/orders/{id}", "GET /orders/{id}", {}),
        ("get /orders/7?x=1", "GET /orders/{id}", {"id": "7"}),
        ("/orders/a%2Fb", "GET /orders/{id}", {"id": "a/b"}),
        ("/orders/new", "GET /orders/new", {}),
        ("POST /orders", "POST /orders", {}),
        ("/files/a/b%20c", "GET /files/{name:path}", {"name": "a/b c"}),
        ("/", "GET /", {}),
    ],
)
def test_found(plan_of, text: str, key: str, params: dict[str, str]) -> None:
    """A key, a path, or the path of a request; literals beat parameters, as they do when serving."""
    endpoint, given = find_endpoint(plan_of(MANY), text)
    assert (endpoint.key, given) == (key, params)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/orders", "/orders answers to POST, GET; name one before it."),
        ("GET /order/{id}", "No endpoint 'GET /order/{id}' is declared; did you mean `GET /orders/{id}`?"),
        (
            "DELETE /orders",
            "No endpoint 'DELETE /orders' is declared; its path answers to another method: `POST /orders`, `GET /orders`.",
        ),
        (
            "GET /orders/7/",
            "No endpoint 'GET /orders/7/' is declared; without a slash at its end there is `GET /orders/{id}`.",
        ),
        ("/zzzzzzzzzzzzz", "No endpoint '/zzzzzzzzzzzzz' is declared; `aggregator routes` lists what is."),
        ("/files", "No endpoint '/files' is declared; did you mean"),
        ("/orders//", "No endpoint"),
    ],
)
def test_not_found(plan_of, text: str, message: str) -> None:
    """What is not there, or not clear, is answered with the nearest names, or with where to find them all."""
    with pytest.raises(AggregatorError) as caught:
        find_endpoint(plan_of(MANY), text)
    assert str(caught.value).startswith(message)


def test_the_root_is_like_nothing(plan_of) -> None:
    """A file without an endpoint at `/` has none that was meant by it."""
    with pytest.raises(
        AggregatorError, match=r"^No endpoint 'GET /' is declared; `aggregator routes` lists what is\.$"
    ):
        find_endpoint(plan_of("endpoints: {'GET /a/{id}': {respond: {body: 1}}}"), "GET /")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("GET /orders", "`POST /orders`"),
        ("DELETE /orders/7", "`GET /orders/{id}`"),
    ],
)
def test_another_method_is_named(plan_of, text: str, keys: str):
    """Whoever takes the wrong method is told the right one, and not another path that looks alike."""
    plan = plan_of("""
endpoints:
  POST /orders: {respond: {body: 1}}
  GET /orders/{id}: {respond: {body: 2}}
  GET /order: {respond: {body: 3}}
""")
    with pytest.raises(AggregatorError, match="its path answers to another method") as caught:
        find_endpoint(plan, text)
    assert str(caught.value).endswith(f": {keys}.")


HOSTS = """
virtual_hosts:
  admin.example.com: {endpoints: {"GET /orders/{id}": {respond: {body: 1}}, GET /stats: {respond: {body: 2}}}}
  "*.example.com": {endpoints: {GET /stats: {respond: {body: 3}}}}
endpoints:
  ANY /orders/{id}: {respond: {body: 4}}
  GET /orders/new: {respond: {body: 5}}
  GET|HEAD /files/{name}: {respond: {body: 6}}
"""


@pytest.mark.parametrize(
    ("text", "key", "method"),
    [
        ("GET admin.example.com/stats", "GET admin.example.com/stats", "GET"),
        ("ADMIN.example.com/stats", "GET admin.example.com/stats", "GET"),
        ("shop.example.com/stats", "GET *.example.com/stats", "GET"),
        ("GET *.example.com/stats", "GET *.example.com/stats", "GET"),
        ("admin.example.com/orders/7", "GET admin.example.com/orders/{id}", "GET"),
        ("other.org/orders/7", "ANY /orders/{id}", "GET"),
        ("ANY /orders/{id}", "ANY /orders/{id}", "GET"),
        ("PUT /orders/7", "ANY /orders/{id}", "PUT"),
        ("GET /orders/new", "GET /orders/new", "GET"),
        ("HEAD /files/a", "GET|HEAD /files/{name}", "HEAD"),
        ("GET|HEAD /files/{name}", "GET|HEAD /files/{name}", "GET"),
    ],
)
def test_a_host_and_one_of_several_methods(plan_of, text: str, key: str, method: str) -> None:
    """A host stands before the path; a method finds its own, the key of the endpoint the first."""
    endpoint, _ = find_endpoint(plan_of(HOSTS), text)
    assert (endpoint.key, endpoint.method) == (key, method)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/stats", "another host has its path: `GET admin.example.com/stats`, `GET *.example.com/stats`"),
        ("admin.example.com/files/a", "another host has its path: `GET|HEAD /files/{name}`"),
        ("POST admin.example.com/stats", "another method: `GET admin.example.com/stats`"),
    ],
)
def test_what_another_host_has_is_said(plan_of, text: str, said: str) -> None:
    """There is no way from one host to another, and who looks in the wrong place is told."""
    with pytest.raises(AggregatorError) as refused:
        find_endpoint(plan_of(HOSTS), text)
    assert said in str(refused.value)
