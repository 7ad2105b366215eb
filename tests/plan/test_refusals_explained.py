"""What a client gets that sends conditions or comes again, and what is sent beside."""

from __future__ import annotations

import pytest

from aggregator.errors import Cause
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.repeated import repeat_causes, repeat_lines, repeat_member
from aggregator.plan.explaining.truth import outcome_table
from tests.plan.conftest import PlanOf


@pytest.mark.parametrize(
    ("headers", "rows", "statuses"),
    [
        ("[if-none-match]", "", "; 304, 412 to a condition of the client"),
        ("[if-match, range]", "", "; 412, 416 to a condition of the client"),
        ("[if-none-match, range]", ", status_map: {412: 409}", "; 304, 416 to a condition of the client"),
        ("[accept]", "", ""),
    ],
)
def test_conditions_of_clients_have_answers(plan_of: PlanOf, headers: str, rows: str, statuses: str) -> None:
    """Those that the headers which are passed on can ask for, and that no row says otherwise of."""
    call = f"{{url: 'users:/a', forward: {{headers: {headers}}}{rows}}}"
    plan = plan_of(f"endpoints:\n  GET /a: {{call: {call}}}\n")
    said = explain(plan.endpoints[0], plan.secrets).answer
    assert said == f"status, body and content type of the call{statuses}"


@pytest.mark.parametrize("required", [True, False])
def test_what_a_request_gets_that_comes_again(plan_of: PlanOf, required: bool) -> None:
    """Refusals, lines and data; without a key it is refused only where one is required."""
    said = str(required).lower()
    plan = plan_of(f"endpoints:\n  POST /a: {{idempotency: {{required: {said}, ttl: 90s}}, call: 'POST shop:/a'}}\n")
    endpoint = plan.endpoints[0]
    missing = [(Cause.KEY_MISSING, 400)] if required else []
    refusals = [*missing, (Cause.UNDER_WAY, 409), (Cause.KEY_REUSED, 422), (Cause.STATE_UNAVAILABLE, 503)]
    assert endpoint.idempotency is not None
    assert repeat_causes(endpoint.idempotency) == tuple(refusals)
    assert [
        (row.case, row.outcome.kind, row.outcome.status) for row in outcome_table(endpoint) if row.part == "idempotency"
    ] == [(cause.value, "problem", status) for cause, status in refusals]
    assert repeat_lines(endpoint.idempotency) == (
        "by {{ headers['idempotency-key'] }} of a caller, for 90s",
        "a request that comes again gets the answer that it got, unless that was 5xx; nothing is called",
        "409 while the first is being answered, 422 where it is another request",
        "400 without a key" if required else "without a key it is a plain request",
    )
    assert repeat_member(endpoint.idempotency) == {
        "key": "{{ headers['idempotency-key'] }}", "ttl": 90.0, "required": required,
    }  # fmt: skip


def test_an_endpoint_without_keys_refuses_none(plan_of: PlanOf) -> None:
    """Its table begins with its call."""
    table = outcome_table(plan_of("endpoints:\n  POST /a: {call: 'POST shop:/a'}\n").endpoints[0])
    assert {row.part for row in table} == {"call"}


def test_a_shadow_is_explained_beside_the_call(plan_of: PlanOf) -> None:
    """For which share it is sent, and that it has a limit of its own."""
    plan = plan_of("endpoints:\n  GET /a: {call: 'shop:/a', shadow: [{url: 'users:/s', share: 10%}]}\n")
    explained = explain(plan.endpoints[0], plan.secrets)
    assert [(one.part, one.role, one.request.line, one.seconds, one.is_cut) for one in explained.calls] == [
        ("call", "call", "GET shop:/a", 2.0, False), ("beside 10%", "shadow", "GET users (shadow):/s", 10.0, False),
    ]  # fmt: skip
    assert explained.stacks[1:] == (("call", ("shop",)), ("beside 10%", ("users (shadow)",)))
