"""How long what follows an answer may take, what is switched off of it, and how it is explained."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from aggregator.plan.explaining.summary import call_words, effect_calls
from aggregator.policies.durable.plan import DeliveryPlan
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.values import Span
from aggregator.templates import compile_value


@pytest.mark.parametrize(
    ("effect", "seconds"),
    [
        ("shop:/a", 10),
        ("{url: shop:/a, timeout: 3s}", 3),
        ("{url: shop:/a, timeout: 3s, fallback: [{url: shop:/b, timeout: 1s}, shop:/c]}", 14),
        ("{url: 'shop:/a/{item}', timeout: 2s, for_each: {in: '{{ query.n }}', max_items: 17, concurrency: 8}}", 6),
        (
            "{name: n, fan_out: {a: {url: 'shop:/a', timeout: 3s}, b: {url: shop:/b, timeout: 2s, needs: [a]}, c: shop:/c}}",
            10,
        ),
        ("{name: n, fan_out: {a: {url: 'shop:/a', timeout: 8s}, b: {url: shop:/b, timeout: 7s, needs: [a]}}}", 15),
        ("{name: n, timeout: 4s, fan_out: {a: 'shop:/a', b: {race: [shop:/b]}}}", 4),
    ],
)
def test_each_call_has_its_time(plan_of, effect: str, seconds: float) -> None:
    """A worker is taken for no longer than all calls of an effect together may take: one after another, or in rounds."""
    plan = plan_of(f"endpoints: {{GET /a: {{call: 'shop:/a', background: [{effect}]}}}}")
    assert plan.endpoints[0].effects[0].timeout == seconds


def test_an_explanation_has_every_call(plan_of) -> None:
    """With its moment, its name where it is not the only one, its role, and what is around it."""
    plan = plan_of("""
        endpoints:
          GET /a:
            call: shop:/a
            background:
              - {name: listed, url: "shop:/b/{item}", for_each: "{{ query.n }}"}
              - {name: other, url: shop:/c, on: failure, fallback: [shop:/d]}
              - {name: told, fan_out: {one: shop:/e, two: {url: shop:/f, optional: true}}}
    """).endpoints[0]
    assert [(moment, role) for effect in plan.effects for moment, role, _ in effect_calls(effect, alone=False)] == [
        ("after a success, listed, for each item", "background"),
        ("after a failure, other", "background"),
        ("after a failure, other", "fallback"),
        ("after a success, told.one", "group"),
        ("after a success, told.two?", "group"),
    ]
    assert list(call_words(plan))[1:] == [
        ("after a success, listed", ("for_each", "shop")),
        ("after a failure, other", ("shop",)),
        ("after a failure, other", ("fallback", "shop")),
        ("after a success, told.one", ("fan_out", "shop")),
        ("after a success, told.two?", ("fan_out", "optional", "shop")),
    ]


def test_the_only_call_after_an_answer_needs_no_name(plan_of) -> None:
    """Its moment says which one it is."""
    plan = plan_of("endpoints: {GET /a: {call: 'shop:/a', background: [{name: told, url: shop:/b}]}}").endpoints[0]
    assert [moment for moment, _, _ in effect_calls(plan.effects[0], alone=True)] == ["after a success"]
    assert list(call_words(plan))[1:] == [("after a success", ("shop",))]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "stored before the answer leaves; sent up to 12 times on 5xx"),
        (
            {"moment": "accepted", "delay": 600.0},
            "stored just after the answer; sent after 600s, up to 12 times on 5xx",
        ),
        ({"store": "shared"}, "stored for all machines before the answer leaves; sent up to 12 times on 5xx"),
        ({"at": compile_value("{{ body.from }}")}, "sent not before body.from, up to 12 times"),
        ({"at": compile_value("2030-01-01")}, "sent not before `at`, up to 12 times"),
        ({"order": compile_value("{{ body.id }}")}, "sent one after the other for the same key of `order`, up to"),
        (
            {"dedupe": compile_value("{{ body.id }}"), "dedupe_for": 3600.0},
            "leaves, once in 1h for the same key of `dedupe`;",
        ),
        ({"full": "drop"}, "; dropped when it cannot be stored"),
    ],
)
def test_explain_says_what_is_sent_when(said: dict[str, Any], words: str) -> None:
    """When at the earliest, behind what, how often, and what happens when it cannot be stored."""
    retry = RetryPlan(12, frozenset(), frozenset(), Span(1.0, 3600.0), None, "always", ("5xx",))
    plan = DeliveryPlan("stored", retry)
    assert words in replace(plan, **said).words
