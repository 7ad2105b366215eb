"""Hedges over real sockets: the upstream sees two requests, and the connection of the loser closed."""

from __future__ import annotations

import pytest

from tests.server.conftest import HANG, reply_of, until

ROUTES = """
upstreams: {up: {url: "${UP}", hedge: {after: 50ms, budget: 50%}}}
endpoints:
  GET /x: {call: up:/x}
"""


def test_one_that_hangs_is_overtaken(stage):
    """The answer is that of the second, long before any timeout."""
    upstream = stage.upstream()
    gateway = stage.gateway(ROUTES, env={"UP": upstream.url})
    upstream["/x"] = reply_of(0)
    for _ in range(5):
        gateway.get("/x")
    answers = iter([HANG, reply_of(1)])
    upstream["/x"] = lambda _: next(answers)
    answer = gateway.get("/x")
    assert answer.json == 1
    assert answer["aggregator-parts"].endswith('attempts=2;met="cancelled 200"')
    until(lambda: upstream.hung_up == 1)
    assert len(upstream.requests) == 7


@pytest.mark.long
def test_a_reload_between_the_two(stage):
    """The call ends as it began, with the latencies and the budget that go on."""
    upstream = stage.upstream()
    text = ROUTES.replace("after: 50ms", "after: 300ms")
    gateway = stage.gateway(text, env={"UP": upstream.url})
    upstream["/x"] = reply_of(0)
    for _ in range(5):
        gateway.get("/x")
    answers = iter([HANG, reply_of(1)])
    upstream["/x"] = lambda _: next(answers)
    with gateway.wire() as wire:
        wire.write("GET", "/x")
        until(lambda: len(upstream.requests) == 6)
        assert gateway.reload(text.replace("300ms", "900ms"))
        assert wire.reply().json == 1
