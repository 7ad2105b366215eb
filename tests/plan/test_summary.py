"""Plans in few words."""

from __future__ import annotations

import pytest

from aggregator.plan.explaining.summary import calls_text, counts_text, limits_text, route_member


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
        "endpoint": "GET /a", "method": "GET", "host": None, "path": "/a", "kind": "respond", "parts": [], "background": [],
        "shadow": [], "deadline": 10,
        "idle_timeout": None, "summary": "Hello", "operation_id": "get_a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "limits", "deadline"),
    [("", "10s", 10), ("stream: true, ", "60s of silence", None),
     ("stream: true, timeout: 5s, ", "5s, 60s of silence", 5),
     ("stream: true, idle_timeout: 300ms, ", "300ms of silence", None)],
)  # fmt: skip
def test_the_limits_of_a_stream(plan_of, settings: str, limits: str, deadline: float | None) -> None:
    """A stream ends when it falls silent; a deadline it has only where its endpoint writes one."""
    text = f"defaults: {{deadline: 10s}}\nendpoints: {{GET /a: {{{settings}call: users:/x}}}}"
    endpoint = plan_of(text).endpoints[0]
    assert limits_text(endpoint) == limits
    assert route_member(endpoint)["deadline"] == deadline


def test_the_silence_of_a_stream_is_that_of_its_upstream(plan_of) -> None:
    """`timeout.read` of the upstream is the longest silence of its streams that say no other."""
    text = (
        "upstreams: {a: {url: 'http://a.test', timeout: {read: 7s}}}\nendpoints: {GET /a: {stream: true, call: a:/x}}"
    )
    assert limits_text(plan_of(text).endpoints[0]) == "7s of silence"
