"""GraphQL upstreams: the operation is sent as it stands, values go as variables, ``errors`` are failures."""

from __future__ import annotations

import json

import pytest

CALL = """
    endpoints:
      GET /x/{{sku}}:
        fan_out:
          product:
            url: a:/graphql
            graphql:
              {{query: "query P($sku: ID!) {{product(sku: $sku) {{name}}}}",
                variables: {{sku: "{{{{ params.sku }}}}"}}{options}}}
"""


def asked(serve, answer, options=""):
    """Return the gateway and its answer when the upstream answers *answer*."""
    gateway = serve(CALL.format(options=options), {"POST /graphql": answer})
    return gateway, gateway.get("/x/A-1")


def test_the_operation_is_sent_as_it_stands(serve):
    """Braces of GraphQL are no expressions; variables are typed JSON."""
    gateway, answer = asked(serve, {"data": {"product": {"name": "Pen"}}}, ", operation: P")
    assert json.loads(gateway.upstream.last.content) == {
        "query": "query P($sku: ID!) {product(sku: $sku) {name}}",
        "variables": {"sku": "A-1"},
        "operationName": "P",
    }
    assert gateway.upstream.last.headers["content-type"] == "application/json"
    assert answer.json() == {"product": {"product": {"name": "Pen"}}}


def test_a_value_never_becomes_part_of_the_operation(serve):
    """What a client sends is data, however it looks."""
    gateway = serve(CALL.format(options=""), {"POST /graphql": {"data": 1}})
    gateway.get('/x/") {secret} %23')
    sent = json.loads(gateway.upstream.last.content)
    assert sent["variables"] == {"sku": '") {secret} #'}
    assert "secret" not in sent["query"]


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ({"errors": [{"message": "secret"}]}, "unsuccessful"),
        ({"data": None, "errors": [{"message": "secret"}]}, "unsuccessful"),
        ({"data": {"product": None}, "errors": [{"message": "secret"}]}, "unsuccessful"),
        ({"product": 1}, "malformed"),
        ([1], "malformed"),
    ],
)
def test_errors_are_failures_although_the_status_is_200(serve, reply, cause):
    """Half an answer is none, and the text of errors stays inside."""
    _, answer = asked(serve, reply)
    assert (answer.status_code, answer.json()["cause"]) == (502, cause)
    assert "secret" not in answer.text


def test_half_an_answer_can_be_taken(serve):
    """``partial`` takes the data that there is."""
    reply = {"data": {"product": None}, "errors": [{"message": "secret"}]}
    _, answer = asked(serve, reply, ", partial: true")
    assert answer.json() == {"product": {"product": None}}
    _, answer = asked(serve, {"data": None, "errors": [1]}, ", partial: true")
    assert answer.status_code == 502


def test_data_is_shaped_and_judged_like_any_result(serve):
    """``success`` and the shape see ``data``."""
    text = """
        endpoints:
          GET /x:
            call: {url: a:/graphql, graphql: {query: q}, target: product, success: {when: "{{ this.body.product }}"}}
    """
    assert serve(text, {"POST /graphql": {"data": {"product": {"n": 1}}}}).get("/x").json() == {"n": 1}
    assert serve(text, {"POST /graphql": {"data": {"product": None}}}).get("/x").json()["cause"] == "unsuccessful"


def test_one_operation_can_fetch_many_keys(serve):
    """Batches go through variables as a list."""
    gateway = serve(
        """
        endpoints:
          GET /x:
            fan_out:
              p:
                for_each: {in: "{{ ['A', 'B'] }}", batch: {key: sku, path: products}}
                url: a:/graphql
                graphql: {query: q, variables: {skus: "{{ keys }}"}}
        """,
        {"POST /graphql": {"data": {"products": [{"sku": "B"}]}}},
    )
    assert gateway.get("/x").json() == {"p": [None, {"sku": "B"}]}
    assert json.loads(gateway.upstream.last.content)["variables"] == {"skus": ["A", "B"]}
