"""The truth table: what `explain` says of a failure is what the runtime does with it."""

from __future__ import annotations

import pytest

from aggregator.causes import CAUSES
from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.parts.result import failed
from aggregator.plan.analysis.failures import default_status
from aggregator.plan.explaining.truth import cases_of, rule_text
from aggregator.runtime.answers.failure import failure_answer

ROWS = """
defaults: {status_map: {overloaded: {status: 429}}}
endpoints:
  GET /a:
    call:
      url: shop:/a
      status_map:
        404: {status: 410, detail: Gone}
        409: {pass: true}
        4xx: {status: 400}
        5xx: {status: 500, when: "{{ this.body.fatal }}"}
        connect_timeout: {status: 503}
        network: {body: {sorry: true}, status: 521}
"""


_SELDOM = (Cause.STATUS, Cause.UNSUCCESSFUL, Cause.EXPRESSION, Cause.INPUT, Cause.FAULT, Cause.CREDENTIALS,
           Cause.UNKNOWN_KEY, Cause.DEGRADED, Cause.OVER_BUDGET)  # fmt: skip


def cells(plan, number: int = 0) -> dict[str, str]:
    """Return the table of the first endpoint's part as text by case."""
    endpoint = plan.endpoints[0]
    return {case.name: case.text for case in cases_of(endpoint.fan.parts[number], endpoint)}


def test_defaults(plan_of) -> None:
    """Without status maps: 504 for time, 404 for not found, 503 for our own limits, 502 for all else."""
    assert cells(plan_of("endpoints: {GET /a: {call: 'shop:/a'}}")) == {
        "timeout": "504", "network": "502", "invalid_body": "502", "overloaded": "503", "switched_off": "503",
        "404": "404", "3xx": "502", "4xx": "502", "5xx": "502",
    }  # fmt: skip


def test_inputs_of_the_client_can_be_its_mistake(plan_of) -> None:
    """Where a call reads what the client sends there is a case more: 400, or what a row says."""
    text = "endpoints: {GET /a: {call: {url: 'shop:/a/{query.a}', status_map: {%s}}}}"
    assert cells(plan_of(text % ""))["input"] == "400"
    assert cells(plan_of(text % "input: 422"))["input"] == "422"
    assert cells(plan_of("endpoints: {'GET /a/{b}': {call: 'shop:/a/{b}'}}"))["input"] == "400"
    assert "input" not in cells(plan_of("endpoints: {'GET /a/{b}': {call: 'shop:/a?b={b}'}}"))


@pytest.mark.parametrize(
    ("call", "can_be_wrong"),
    [
        ("url: 'shop:/a', headers: {x-b: '{{ b }}'}", True),  # it may hold a line break
        ("url: 'shop:/a', query: {b: '{{ b }}'}", False),
        ("url: 'shop:/a', query: {b: '{{ b | int }}'}", True),
        ("url: POST shop:/a, json: {b: '{{ b }}'}", False),
        ("url: 'shop:/a/{first.id}'", False),
        ("url: 'shop:/a', headers: {x-b: '{{ first.id + b }}'}", False),  # who is wrong cannot be said
        ("url: 'shop:/a', headers: {x-b: '{{ first.id }}'}", False),
        ("url: 'shop:/a', when: '{{ b | int }}'", True),
        ("url: 'shop:/a/{item}', for_each: '{{ first.ids }}'", False),
        ("url: 'shop:/a/{item}', for_each: '{{ query.ids }}'", True),
        ("url: 'shop:/a', headers: {x: '{{ now | timestamp }}'}", False),
    ],
)
def test_a_mistake_is_the_client_s_where_all_that_is_read_is_its_own(plan_of, call: str, can_be_wrong: bool) -> None:
    """A value of another call is not, nor what a query or a body takes as it is."""
    plan = plan_of(f"endpoints: {{'GET /a/{{b}}': {{fan_out: {{first: 'shop:/f', second: {{{call}}}}}}}}}")
    assert ("input" in cells(plan, 1)) is can_be_wrong


def test_rows_of_all_levels(plan_of) -> None:
    """Rows of the call and of `defaults` decide, the first that matches; a condition leaves both ways open."""
    assert cells(plan_of(ROWS)) == {
        "timeout": "504/503", "network": "521", "invalid_body": "502", "overloaded": "429", "switched_off": "503",
        "404": "410", "3xx": "502", "4xx": "400", "5xx": "500/502",
    }  # fmt: skip


def test_what_counts_as_success_is_no_failure(plan_of) -> None:
    """A class of statuses that are all a success never fails; an own condition adds a cause."""
    found = cells(
        plan_of("""
    endpoints:
      GET /a: {call: {url: "shop:/a", success: {status: [2xx, 3xx, 404], when: "{{ this.body.ok }}"}}}
    """)
    )
    assert (found["3xx"], found["404"], found["4xx"], found["unsuccessful"]) == ("ok", "ok", "502", "502")


def test_an_optional_part_never_fails_the_answer(plan_of) -> None:
    """Every case of an optional part is its default."""
    found = cells(plan_of("endpoints: {GET /a: {fan_out: {a: {url: 'shop:/a', optional: true}}}}"))
    assert set(found.values()) == {"default"}


def test_pass_lets_the_upstream_through(plan_of) -> None:
    """A row with `pass` shows as such where there is a status, and not for causes without one."""
    found = cells(plan_of("endpoints: {GET /a: {call: {url: 'shop:/a', status_map: [{on: any, pass: true}]}}}"))
    assert (found["404"], found["5xx"], found["timeout"]) == ("pass", "pass", "504")


def test_rules_in_words(plan_of) -> None:
    """Each row reads as a sentence of its own."""
    part = plan_of(ROWS).endpoints[0].fan.parts[0]
    assert [rule_text(row) for row in part.rows] == [
        '404 → 410 "Gone"',
        "409 → its status and the body of the upstream",
        "4xx → 400",
        "5xx if {{ this.body.fatal }} → 500",
        "connect_timeout → 503",
        "network → 521, body of its own",
        "overloaded → 429",
    ]


@pytest.mark.parametrize("text", [ROWS, "endpoints: {GET /a: {call: 'shop:/a'}}"], ids=["rows", "defaults"])
@pytest.mark.parametrize(
    ("cause", "status", "case"),
    [*((cause, 0, cause.family) for cause in CAUSES if cause not in _SELDOM),
     *((Cause.STATUS, status, case) for status, case in ((302, "3xx"), (404, "404"), (418, "4xx"), (500, "5xx")))],
)  # fmt: skip
def test_the_table_is_what_the_runtime_does(plan_of, text: str, cause: Cause, status: int, case: str) -> None:
    """Whatever a call fails with, its answer is among those that the table names for it."""
    endpoint = plan_of(text).endpoints[0]
    part = endpoint.fan.parts[0]
    exchange = Exchange("GET", "/a", b"", [])
    result = failed("call", CallError(cause, "It failed."), 0.0, 0.0, status=status)
    answer = failure_answer(result, part.rows, Names(exchange), exchange, (), debug=False)
    outcomes = next(found for found in cases_of(part, endpoint) if found.name == case).outcomes
    assert answer.status in [outcome.status for outcome in outcomes]


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause is not Cause.STATUS])
def test_the_reference_knows_every_cause(cause: Cause) -> None:
    """The reference names the status that a cause becomes, and it is the one."""
    assert cause.meaning.endswith(".")
    assert cause.default_status == default_status(cause, 0)
