"""Plans in few words."""

from __future__ import annotations

import pytest

from aggregator.plan.explaining.summary import calls_text, counts_text, route_member


def test_counts(plan_of) -> None:
    """What is there is counted, one of a kind in the singular; background calls only where there are any."""
    plan = plan_of("endpoints: {GET /a: {call: 'shop:/a'}, GET /b: {call: 'users:/b', background: 'POST shop:/x'}}")
    assert counts_text(plan) == "2 endpoints · 2 upstreams · 1 background call"
    assert counts_text(plan_of("upstreams: {}\nendpoints: {GET /a: {respond: {}}}")) == "1 endpoint · 0 upstreams"


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ("{call: 'shop:/a'}", "→ shop"),
        ("{call: {url: 'shop:/a', fallback: ['users:/a']}}", "→ shop | users"),
        ("{call: {race: ['shop:/a', 'users:/a']}}", "→ shop | users"),
        ("{fan_out: {a: 'shop:/a', b: {url: 'users:/b', optional: true}}}", "⇉ a · b?"),
        ("{respond: {status: 204}}", "= 204"),
        ("{call: 'shop:/a', background: {url: 'POST users:/x', name: note}}", "→ shop + note"),
    ],
)
def test_calls(plan_of, endpoint: str, text: str) -> None:
    """One endpoint in one line."""
    assert calls_text(plan_of(f"endpoints: {{GET /a: {endpoint}}}").endpoints[0]) == text


def test_a_route_as_data(plan_of) -> None:
    """What documents and scripts need of an endpoint."""
    plan = plan_of("endpoints: {GET /a: {summary: Hello, respond: {}}}")
    assert route_member(plan.endpoints[0]) == {
        "method": "GET", "path": "/a", "kind": "respond", "parts": [], "background": [], "deadline": 10,
        "summary": "Hello", "operation_id": "get_a",
    }  # fmt: skip
