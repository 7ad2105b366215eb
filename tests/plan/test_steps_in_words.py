"""Each policy of a call is a step that `explain` prints: what the file says of it, and what it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aggregator.plan.explaining.explain import explain
from aggregator.plan.types import Plan

PlanOf = Callable[..., Plan]
KEYED = ", method: POST, headers: {idempotency-key: k}, json: 1"
STEPS = [
    ("retry: 2", "", ["retry 3 on connect reset 502 503 504, pauses up to 25ms, 50ms", "budget 20% + 10/s"]),
    ("retry: {attempts: 5, on: [timeout, 5xx], per_try: 500ms, backoff: 100ms..300ms, budget: {share: 50%, floor: 30/m}}",
     "", ["retry 5 × 500ms on timeout 5xx, pauses up to 100ms, 200ms, 300ms, 300ms", "budget 50% + 0.5/s"]),
    ("retry: 1", KEYED, ["retry 2 with an idempotency-key on connect reset 502 503 504, pauses up to 25ms",
                         "budget 20% + 10/s"]),
    ("hedge: p95", "", ["hedge after p95, 20ms at least, of 5%"]),
    ("hedge: {after: p50, at_least: 1ms, budget: 2.5%}", KEYED,
     ["hedge with an idempotency-key after p50, 1ms at least, of 2.5%"]),
    ("hedge: 200ms", KEYED, ["hedge with an idempotency-key after 200ms, of 5%"]),
    ("breaker: {failures: 1}", "", ["breaker 1 failure, pause 5s..60s"]),
    ("breaker: {failures: 2, rate: 50%, slow: {over: 2s, share: 60%}, pause: 5s}", "",
     ["breaker 2 failures or 50% of 20 in 10s or 60% over 2s, pause 5s"]),
    ("breaker: {slow: 2s}", "", ["breaker 100% over 2s, pause 5s..60s"]),
    ("breaker: {rate: 12.5%, of: 8, window: 30s, per: '{{ headers.t }}'}", "",
     ["breaker 12.5% of 8 in 30s, pause 5s..60s for each {{ headers.t }}"]),
    ("concurrency: 64", "", ["concurrency 64, 100 wait up to 200ms"]),
    ("concurrency: {limit: 4, queue: 0, wait: 100ms}", "", ["concurrency 4, 0 wait up to 100ms"]),
    ("concurrency: adaptive", "", ["concurrency adaptive up to 200, 100 wait up to 200ms"]),
    ("rate_limit: {rate: 600/m, wait: 1s}", "", ["rate_limit 600/m"]),
    ("cache: {ttl: {200: 60s, 404: 10s}, stale: 50s, on_error: 1h}", "",
     ["cache 60s (404 10s), stale 50s, on_error 1h"]),
    ("cache: {ttl: {404: 10s}}", "", ["cache (404 10s)"]),
    ("cache: {rfc: true, on_error: 1h}", "", ["cache as RFC 9111 says, on_error 1h"]),
    ("coalesce: true", "", ["coalesce"]),
    ("hosts: [http://a.test, http://b.test, {url: http://c.test, weight: 2}]", "", ["least of 3 hosts"]),
    ("hosts: [http://a.test]", "", ["least of 1 host"]),
    ("hosts: [http://a.test, http://b.test], balance: round_robin, eject: {}, health: {path: /health}, slow_start: 10s, \
breaker: {failures: 2, per: host}", "",
     ["round_robin of 2 hosts (eject, health, slow_start)", "breaker 2 failures, pause 5s..60s for each host"]),
    ("hosts: [http://a.test, http://b.test], balance: {hash: '{{ headers.t }}'}", "",
     ["hash {{ headers.t }} of 2 hosts"]),
    ("resolve: dns", "", ["least of the hosts of up.test by dns"]),
    ("mock: {routes: {'GET /a': {json: 1}}}", "", ["mock of 1 route"]),
]  # fmt: skip


@pytest.mark.parametrize(("upstream", "call", "steps"), STEPS)
def test_a_policy_is_a_step(plan_of: PlanOf, upstream: str, call: str, steps: list[str]) -> None:
    """In its words with all defaults, and then the upstream."""
    url = "" if upstream.startswith("hosts:") else "url: http://up.test, "
    plan = plan_of(f"upstreams: {{up: {{{url}{upstream}}}}}\nendpoints: {{GET /a: {{call: {{url: up:/a{call}}}}}}}\n")
    shown = explain(plan.endpoints[0], plan.secrets).as_dict()["stack"]["calls"]
    assert shown == [{"part": "call", "steps": [*steps, "up"]}]
