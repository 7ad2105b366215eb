"""Everything that is explained of an endpoint that has a bit of everything, as text and as data."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.plan.explaining.explain import Explanation, explain
from aggregator.plan.explaining.text import explanation_text
from tests.plan.conftest import PlanOf

FILE = """
server:
  cors: {origins: ["https://shop.example.com"], credentials: true}
  headers: {x-frame-options: DENY}
  degrade: {in_flight: 1500}
upstreams:
  users:
    url: "http://users.test/v1"
    headers: {x-tenant: eu, host: users.internal}
    query: {key: "${KEY}", page: "1"}
    retry: {attempts: 3, per_try: 300ms, backoff: 100ms..100ms}
    concurrency: {limit: 8, queue: 4, wait: 200ms}
    hedge: {after: 50ms}
  shop: {url: "http://shop.test", timeout: 2s}
  files: {url: "https://files.test"}
endpoints:
  POST /orders/{id}:
    summary: Orders.
    deprecated: {since: 2026-01-01, sunset: 2027-01-01}
    timeout: 1s
    params: {id: integer}
    idempotency: {required: true, ttl: 1d}
    fan_out:
      user:
        url: "users:/users/{id}?x=1&token=abc&y=a%20b"
        query: {page: "{{ query.page }}"}
        headers: {x-mine: "{{ id }}-{{ query.a }}", x-api-key: "{{ query.k }}"}
        forward: {headers: [accept-language], query: [lang], client: true}
      order:
        method: POST
        url: shop:/orders
        json: {id: "{{ id }}", password: x, list: ["{{ query.a }}", 1]}
        optional: true
        default: {a: 1}
        when: "{{ query.b }}"
      lines: {for_each: {in: "{{ order.lines }}", on_error: skip}, url: "shop:/lines/{item.sku}"}
    background: {method: POST, url: "users:/seen/{id}", forward: {body: true}, when: "{{ query.s }}"}
  GET /stream: {stream: true, call: files:/a, timeout: 10s, idle_timeout: 5s}
"""
ORDERS = """\
POST /orders/{id}
  200 {"user": …, "order": …, "lines": …}
  within 1s
  longest chain: order → lines, up to 28s with all attempts, of which the deadline cuts 27s
  under pressure from in_flight 1500: without hedges, retries and shadows,
    and from 1.25 × of it without optional parts
  every answer carries x-frame-options
  deprecation: @1767225600
  sunset: Fri, 01 Jan 2027 00:00:00 GMT
  pages of https://shop.example.com may read it, with credentials

When a request comes again
  by {{ headers['idempotency-key'] }} of a caller, for 24h
  a request that comes again gets the answer that it got, unless that was 5xx; nothing is called
  409 while the first is being answered, 422 where it is another request
  400 without a key

Calls
  ├─ user    GET users:/users/7?x=1&token=********&y=a%20b&key=********&page={{ query.page }}&lang=…
  └─ order?  POST shop:/orders
     │       only if {{ query.b }}
     │       {"a":1} when it is skipped or fails
     └─ lines[]  GET shop:/lines/{item.sku}
                 one call per item of {{ order.lines }}, equal {{ item.sku }} once, 8 at a time

Order
  request          inputs → idempotency → calls → answer → cors → headers →
                   deprecated → background
  user             retry 3 × 300ms on connect reset 502 503 504,
                   pauses up to 100ms, 100ms → budget 20% + 10/s →
                   hedge after 50ms, of 5% → concurrency 8, 4 wait up to 200ms →
                   users
  order?           when → optional → shop
  lines[]          for_each → shop
  after a success  when → concurrency 8, 4 wait up to 200ms → users

Requests
  all
    user-agent: aggregator
    accept: */*
    accept-encoding: gzip, deflate, br, zstd
  user
    GET users:/users/7?x=1&token=********&y=a%20b&key=********&page={{ query.page }}&lang=…
    x-tenant: eu
    x-mine: 7-{{ query.a }}
    x-api-key: ********
    accept-language: … (the client's)
    x-forwarded-for, -proto, -host: … (who asked)
    ends within 1s, the endpoint's deadline
    3 attempts of 300ms (up to 200ms of it in the queue, a hedge not before 50ms) and pauses of 200ms in all take up to 1.1s: 100ms too many
  order?
    POST shop:/orders
    {"id":7,"password":"********","list":["{{ query.a }}",1]}
    ends within 1s, the endpoint's deadline
  lines[]
    GET shop:/lines/{item.sku}
    ends within 1s, the endpoint's deadline
  after a success
    POST users:/seen/7?key=********&page=1
    x-tenant: eu
    … (the client's)
    ends within 10s

What the client gets when a part fails
           timeout  network  404   4xx   5xx   invalid body  overloaded
  user     504      502      404   502   502   502           503
  lines[]  lost     lost     lost  lost  lost  502/lost      lost
  order?  200 with {"a":1} in its place
  order?  200 with {"a":1} in its place when it is skipped
  lines[]  200 where one item fails, which is left out
  Such an answer names the part in aggregator-parts and is not cacheable.
"""
STREAM = """\
GET /stream
  the body of the call, as it comes
  within 10s, 5s of silence
  under pressure from in_flight 1500: without hedges, retries and shadows,
    and from 1.25 × of it without optional parts
  every answer carries x-frame-options
  pages of https://shop.example.com may read it, with credentials

Calls
  └─ call  GET files:/a

Order
  request  inputs → calls → stream → cors → headers
  call     files

Requests
  call
    GET files:/a
    user-agent: aggregator
    accept: */*
    accept-encoding: gzip, deflate, br, zstd
    begins to answer within 10s
    one of 50 streams at once to its upstream

What the client gets when a part fails
        timeout  network  404  4xx  5xx  invalid body  overloaded
  call  504      502      404  502  502  502           503
"""


@pytest.fixture
def explained(plan_of: PlanOf) -> list[Explanation]:
    """Return what there is to say of both endpoints."""
    plan = plan_of(FILE, {"KEY": "s3kr1t-of-sixteen"})
    given: list[dict[str, str]] = [{"id": "7"}, {}]
    return [
        explain(one, plan.secrets, params, plan.server.degrade)
        for one, params in zip(plan.endpoints, given, strict=True)
    ]


def test_as_text(explained: list[Explanation]) -> None:
    """In this order: the whole, what comes again, the calls and their steps, requests, and what failures become."""
    assert [explanation_text(one) for one in explained] == [ORDERS, STREAM]


OURS = {"user-agent": "aggregator", "accept": "*/*", "accept-encoding": "gzip, deflate, br, zstd"}
WHO = "x-forwarded-for, -proto, -host"


def test_as_data(explained: list[Explanation]) -> None:
    """The same for machines, with times in seconds."""
    found = explained[0].as_dict()
    failures = found.pop("failures")
    calls = found.pop("calls")
    assert found == {
        "endpoint": "POST /orders/{id}", "method": "POST", "kind": "fan_out", "deadline": 1.0, "idle_timeout": None,
        "answer": '200 {"user": …, "order": …, "lines": …}',
        "idempotency": {"key": "{{ headers['idempotency-key'] }}", "ttl": 86400.0, "required": True},
        "stack": {
            "request": ["inputs", "idempotency", "calls", "answer", "cors", "headers", "deprecated", "background"],
            "calls": [
                {"part": "user", "steps": [
                    "retry 3 × 300ms on connect reset 502 503 504, pauses up to 100ms, 100ms", "budget 20% + 10/s",
                    "hedge after 50ms, of 5%", "concurrency 8, 4 wait up to 200ms", "users",
                ]},
                {"part": "order?", "steps": ["when", "optional", "shop"]},
                {"part": "lines[]", "steps": ["for_each", "shop"]},
                {"part": "after a success", "steps": ["when", "concurrency 8, 4 wait up to 200ms", "users"]},
            ],
        },
        "order": {"user": [], "order": [], "lines": ["order"]},
        "carries": {
            "cors": {"origins": ["https://shop.example.com"], "headers": [], "credentials": True},
            "headers": ["x-frame-options"],
            "lifecycle": {"deprecation": "@1767225600", "sunset": "Fri, 01 Jan 2027 00:00:00 GMT"},
        },
        "degrade": "in_flight 1500",
    }  # fmt: skip
    target = "users:/users/7?x=1&token=********&y=a%20b&key=********&page={{ query.page }}&lang=…"
    attempts = {"most": 3, "per_try": 0.3, "pauses": 0.2, "longest": pytest.approx(1.1)}
    assert calls == [
        {"part": "user", "role": "call", "method": "GET", "target": target, "headers": OURS | {
            "x-tenant": "eu", "x-mine": "7-{{ query.a }}", "x-api-key": "********",
            "accept-language": "… (the client's)", WHO: "… (who asked)",
         }, "body": None, "timeout": 1.0, "cut_to_the_endpoint": True, "attempts": attempts},
        {"part": "order?", "role": "call", "method": "POST", "target": "shop:/orders", "headers": OURS,
         "body": '{"id":7,"password":"********","list":["{{ query.a }}",1]}', "timeout": 1.0,
         "cut_to_the_endpoint": True},
        {"part": "lines[]", "role": "call", "method": "GET", "target": "shop:/lines/{item.sku}", "headers": OURS,
         "body": None, "timeout": 1.0, "cut_to_the_endpoint": True},
        {"part": "after a success", "role": "background", "method": "POST",
         "target": "users:/seen/7?key=********&page=1", "headers": OURS | {"x-tenant": "eu"},
         "body": "… (the client's)", "timeout": 10.0, "cut_to_the_endpoint": False},
    ]  # fmt: skip
    assert {name: (part["rules"], part["skipped"], part["lost"]) for name, part in failures.items()} == {
        "user": ([], None, None), "order?": ([], '{"a":1}', None), "lines[]": ([], None, "left out"),
    }  # fmt: skip
    assert [said(failures[name]) for name in ("user", "order?", "lines[]")] == [
        {"timeout": "504 deadline", "network": "502 refused", "invalid_body": "502 malformed",
         "overloaded": "503 queue_full", "switched_off": "503 switched_off", "input": "400 input",
         "expression": "502 expression", "404": "404 status", "3xx": "502 status", "4xx": "502 status",
         "5xx": "502 status"},
        {"timeout": "default deadline", "network": "default refused", "invalid_body": "default malformed",
         "overloaded": "default queue_full", "switched_off": "default switched_off", "input": "default input",
         "expression": "default expression", "404": "default status", "3xx": "default status",
         "4xx": "default status", "5xx": "default status"},
        {"timeout": "lost deadline", "network": "lost refused", "invalid_body": "502 malformed, lost coding",
         "overloaded": "lost queue_full", "switched_off": "lost switched_off", "expression": "502 expression",
         "404": "lost status", "3xx": "lost status", "4xx": "lost status", "5xx": "lost status"},
    ]  # fmt: skip
    assert explained[1].as_dict()["idle_timeout"] == 5.0


def said(part: dict[str, Any]) -> dict[str, str]:
    """Return each case of *part* in words: the status of a problem, else what it becomes, and the cause."""
    return {
        name: ", ".join(
            f"{one['status'] if one['becomes'] == 'problem' else one['becomes']} {one['cause']}" for one in case
        )
        for name, case in part["cases"].items()
    }
