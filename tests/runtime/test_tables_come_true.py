"""What the outcome table says of a failure is what the client gets, for every kind of part and every cause."""

from __future__ import annotations

import pytest

from aggregator.errors import Cause
from aggregator.plan.explaining.truth import outcome_table

MAP = "status_map: {404: 410, 409: {pass: true}, 5xx: {status: 555, body: sorry}, timeout: 508}"
PARTS = {
    "plain": "url: a:/1",
    "mapped": f"url: a:/1, {MAP}",
    "optional": "url: a:/1, optional: true",
    "fallback": f"url: a:/1, fallback: [b:/2], {MAP}",
    "race": f"race: [{{url: a:/1, status_map: {{404: 411}}}}, {{url: b:/2, {MAP}}}]",
    "open race": (
        "race: [{url: a:/1, when: '{{ query.no }}', status_map: {404: 411}}, {url: b:/2, status_map: {404: 412}}]"
    ),
    "group": f"fan_out: {{one: {{url: a:/1, {MAP}}}}}",
    "mapped group": "fan_out: {one: a:/1}, " + MAP,
    "careless group": "fan_out: {one: {url: a:/1, optional: true}}",
    "list": "for_each: '{{ [1] }}', url: 'a:/{item}', " + MAP,
    "losing list": "for_each: {in: '{{ [1] }}', on_error: 'null'}, url: 'a:/{item}'",
    "tolerant": "url: a:/1, success: {status: [2xx, 404]}",
}
CAUSES = [Cause.DEADLINE, Cause.REFUSED, Cause.MALFORMED, Cause.QUEUE_FULL]
STATUSES = {404: "404", 301: "3xx", 418: "4xx", 500: "5xx", 503: "5xx"}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("failure", [*CAUSES, *STATUSES], ids=str)
def test_the_answer_is_one_of_those_in_the_table(rig, part, failure):
    """Status and kind of the answer stand in the table for the case that happened."""
    one = rig(f"fan_out: {{x: {{{part}}}}}").start()
    while one.under_way:
        call = one.under_way[0]
        call.fail(failure) if isinstance(failure, Cause) else call.answer({"error": 1}, status=failure)
    case = failure.family if isinstance(failure, Cause) else STATUSES[failure]
    table = [row.outcome for row in outcome_table(one.plan) if row.case == case]
    expected = [(outcome.kind, outcome.status or failure) for outcome in table]
    if isinstance(failure, int):  # a class stands for those of its statuses that no row names
        expected += [(o.kind, o.status or failure) for o in named_outcomes(one, failure)]
    assert (kind_of(one), one.answer.status) in [(k, 200 if k == "success" else s) for k, s in expected]


@pytest.mark.parametrize(
    "response",
    [
        "{merge: error}",
        "{merge: deep}",
        "{status: '{{ x.a }}'}",
        "{body: '{{ x.a - 1 }}'}",
        "{headers: {x-a: '{{ x.a }}'}}",
    ],
)
def test_an_answer_that_cannot_be_made_stands_in_the_table(rig, response):
    """Parts that came and do not fit each other: the line ``response`` says what the client gets."""
    text = f"""
        fan_out: {{x: a:/1, y: a:/2}}
        response: {response}
        status_map: [{{part: response, "on": any, status: 409}}]
    """
    one = rig(text).start()
    one["/1"].answer({"a": "\n"})
    one["/2"].answer("text")
    table = [row.outcome for row in outcome_table(one.plan) if row.part == one.body["part"] == "response"]
    assert [(outcome.kind, outcome.status) for outcome in table] == [("problem", one.answer.status)]


def named_outcomes(one, status):
    """Return what the rows for *status* itself make of it."""
    return [
        row.outcome
        for row in outcome_table(one.plan)
        if row.outcome.rule is not None and row.outcome.rule.startswith(str(status))
    ]


def kind_of(one):
    """Return how the answer says it: as a problem, a body of a row, the upstream's own, a default, or not at all."""
    if one.answer.status == 200:
        [part] = one.run.results
        return {"default": "default", "ok": "success"}[part.state] if not part.parts else _inside(part)
    if one.header("content-type") == "application/problem+json":
        return "problem"
    return "pass" if one.answer.body == b'{"error": 1}' else "body"


def _inside(part):
    return "lost" if part.parts[0].state == "failed" else "default"
