"""The orders of a request and of a call are declared once: what runs and what `explain` prints come from there."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from aggregator.exchange import Exchange
from aggregator.plan.explaining.explain import explain
from aggregator.plan.order.call import AROUND_CALL, AROUND_DOOR, AROUND_PART
from aggregator.plan.order.request import FINISH, GATES, SERVING
from aggregator.plan.order.step import step, tied
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.endpoint.routine import Routine
from aggregator.runtime.finish.leaving import Leaving

WITH_ALL = """
server: {cors: {origins: [https://page.test]}, compress: {}}
endpoints:
  GET /a/{id}:
    allow_from: [10.0.0.0/8]
    deny_from: [10.1.0.0/16]
    require: "{{ request.client }}"
    fan_out:
      user: {url: "users:/users/{id}", when: "{{ query.u == 1 }}", optional: true, fallback: ["shop:/users/{id}"]}
      fastest: {race: [users:/r, {url: "shop:/r", when: "{{ id }}"}], timeout: 1s}
      each: {url: "users:/r/{item.x}", for_each: "{{ user.items }}"}
      deep: {fan_out: {x: users:/x, y: {url: "shop:/y", optional: true}}, optional: true}
    background: {url: "POST shop:/seen", when: "{{ id }}"}
"""


def test_explain_prints_the_stack_of_a_request_and_of_each_call(plan_of) -> None:
    """In order, from outside in, and with what the endpoint has and nothing else."""
    plan = plan_of(WITH_ALL)
    stacks = explain(plan.endpoints[0], plan.secrets).as_dict()["stack"]
    assert stacks["request"] == [
        "allow_from", "deny_from", "require", "inputs", "calls", "answer", "cors", "compress", "background",
    ]  # fmt: skip
    assert [(call["part"], " → ".join(call["steps"])) for call in stacks["calls"]] == [
        ("user?", "when → optional → users"),
        ("user?", "when → optional → fallback → shop"),
        ("fastest[0]", "timeout → race → users"),
        ("fastest[1]", "timeout → race → when → shop"),
        ("each[]", "for_each → users"),
        ("deep?.x", "optional → fan_out → users"),
        ("deep?.y?", "optional → fan_out → optional → shop"),
        ("after a success", "when → shop"),
    ]


KEPT = """
endpoints:
  GET /a/{id}:
    cache: {ttl: 60s, stale: 10s}
    rate_limit: {rate: 10/s, by: "{{ request.client }}"}
    fan_out:
      x: {url: "users:/a/{id}?q={query.q}", cache: 30s, forward: {headers: [x-lang]}}
      y: {for_each: {in: "{{ x }}", batch: {key: id}}, url: "shop:/y?ids={keys}", cache: {ttl: 60s, on_error: 90s}}
"""


def test_explain_prints_what_is_kept_and_by_what(plan_of) -> None:
    """Times and the key of an answer, the times of replies, and whether each key of a batch is kept; limits beside."""
    plan = plan_of(KEPT)
    stacks = explain(plan.endpoints[0], plan.secrets).as_dict()["stack"]
    assert "cache 60s, stale 10s by path, query.q, headers.x-lang" in stacks["request"]
    assert "rate_limit" in stacks["request"]
    assert [call["steps"] for call in stacks["calls"]] == [
        ["cache 30s", "users"], ["for_each", "cache 60s of each key, on_error 90s", "shop"],
    ]  # fmt: skip


@pytest.mark.parametrize("order", [GATES, FINISH, AROUND_PART, AROUND_CALL, AROUND_DOOR])
def test_a_step_cannot_run_without_standing_in_its_order(order) -> None:
    """What is built from an order has one builder a step: a forgotten or an undeclared one does not import."""
    whole = dict.fromkeys((each.name for each in order), len)
    assert [each.name for each, _ in tied(order, whole)] == [each.name for each in order]
    with pytest.raises(TypeError, match="not built, or not declared"):
        tied(order, whole | {"undeclared": len})
    with pytest.raises(TypeError, match="not built, or not declared"):
        tied((*order, step("undeclared", bool)), whole)


def test_each_step_of_a_request_is_a_field_of_its_routine() -> None:
    """What serves a request is declared, or is a thing that the steps share."""
    shared = {"queue", "report", "discloses", "budget", "clock", "trusted", "leaving", "asked_deadline", "tracing"}
    fields = {*Routine.__struct_fields__, *Leaving.__struct_fields__}
    assert [each.name for each in SERVING if each.name not in fields] == []
    assert fields - shared == {each.name for each in SERVING}


def test_an_answer_leaves_by_the_steps_in_their_order() -> None:
    """On both ways, by callback and awaited, each step is done once, in the order that is declared."""
    done: list[str] = []

    class Coding:
        def code(self, exchange, answer, ready) -> None:
            done.append("compressing")
            ready()

    exchange, answer = Exchange("GET", "/", b"", []), Answer(200, [], b"")
    run = SimpleNamespace(frame=SimpleNamespace(loop=SimpleNamespace(time=float)), ended_results=tuple)
    leaving = Leaving(
        lambda *_: done.append("purging"), lambda _: done.append("timing"), lambda *_: done.append("provenance"),
        lambda *_: done.append("finish"), Coding(),
    )  # fmt: skip
    leaving.leave(exchange, lambda *_: done.append("answered"), answer, run)
    declared = [each.name for each in SERVING if each.name in Leaving.__struct_fields__]
    assert done == [*declared, "answered"]
    done.clear()
    asyncio.run(leaving.left(exchange, answer, run))
    assert done == declared
