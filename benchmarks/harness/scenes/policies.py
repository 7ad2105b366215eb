"""What do policies cost that have nothing to do? One call behind a limit, or by idle policies, beside it without."""

from __future__ import annotations

from harness.scenes.edge import CLIENTS, Beside

LIMIT = Beside(
    "limit",
    f"One call behind a limit by caller that refuses nobody, {CLIENTS} clients",
    "rate_limit",
    "",
    0.95,
    (),
    "The answers carry the RateLimit fields.",
    more='defaults: {endpoint: {rate_limit: {rate: 1000000/s, by: "{{ request.client }}"}}}\n',
)

IDLE_POLICIES = Beside(
    "idle_policies",
    f"One call with retry, breaker and concurrency that have nothing to do, {CLIENTS} clients",
    "retry_breaker_concurrency",
    "",
    0.92,
    (),
    "No call fails, and all places are never taken.",
    upstream=", retry: 2, breaker: {failures: 5, rate: 50%, of: 20}, concurrency: 64",
)
