"""Limits on the ways that real connections take."""

from __future__ import annotations

from sharing import Machine

ENDPOINT = 'GET /a: {rate_limit: {rate: 1/h, by: "{{ request.client }}"}, call: up:/a}'


def test_a_limited_endpoint_over_one_connection(stage, door) -> None:
    """Granted, then refused with the time to wait; each answer has its fields, and the upstream hears of one."""
    up = stage.upstream()
    up["/a"] = stage.reply({"ok": True})
    gateway = stage.gateway(f"endpoints: {{{ENDPOINT}}}", up, door=door)
    wire = gateway.wire()
    assert [wire.ask("GET", "/a").status for _ in range(2)] == [200, 429]
    refused = wire.ask("GET", "/a")
    assert (refused["ratelimit"], refused["ratelimit-policy"]) == ('"1/h";r=0;t=3600', '"1/h";q=1;w=3600')
    assert 3590 <= int(refused["retry-after"] or 0) <= 3600
    assert len(up.requests) == 1


def test_a_limit_leaves_an_endpoint_on_the_direct_way(stage) -> None:
    """What has to wait for nothing makes no task."""
    gateway = stage.gateway(f"endpoints: {{{ENDPOINT}}}")
    (route,) = gateway.app.running.generation.routes
    assert route.handler.is_direct


def test_a_client_that_hangs_up_leaves_its_place(stage, door) -> None:
    """Requests at once are counted until their client has gone, on each way, and no longer."""
    up = stage.upstream()
    gate = stage.gate()
    up["/a"] = [gate, stage.reply({"ok": True})]
    gateway = stage.gateway("endpoints: {GET /a: {concurrency: 1, call: up:/a}}", up, door=door)
    held = gateway.wire()
    held.write("GET", "/a")
    stage.until(lambda: gateway.in_flight == 1)
    assert gateway.get("/a").status == 429
    held.close()
    stage.until(lambda: gateway.in_flight == 0)
    gate.set()
    assert [gateway.get("/a").status for _ in range(3)] == [200] * 3


def test_a_cost_is_counted_behind_the_inputs(stage, door) -> None:
    """What is not valid costs nothing; what is left lets the next request through, on each way."""
    up = stage.upstream()
    up["/a"] = stage.reply({"ok": True})
    limit = "{rate: 4/h, cost: '{{ query.n }}'}"
    gateway = stage.gateway(
        f"endpoints: {{GET /a: {{query: {{n: integer}}, rate_limit: {limit}, call: up:/a}}}}", up, door=door
    )
    wire = gateway.wire()
    assert [wire.ask("GET", f"/a?n={n}").status for n in ("3", "x", "2", "1", "1")] == [200, 422, 429, 200, 429]
    assert len(up.requests) == 2


def test_a_limit_that_is_shared_is_asked_for(stage, door) -> None:
    """Granted, then refused, on each way, by what all processes have used; a cost is asked for behind the inputs."""
    up = stage.upstream()
    up["/a"] = stage.reply({"ok": True})
    machine = Machine(1000.0)
    limits = "[{rate: 4/h, cost: '{{ query.n }}'}, 3/h]"
    gateway = stage.gateway(
        f"endpoints: {{GET /a: {{query: {{n: integer}}, rate_limit: {limits}, call: up:/a}}}}",
        up,
        door=door,
        change=lambda app: setattr(app.running.stores, "memory", machine.way),
    )
    wire = gateway.wire()
    assert [wire.ask("GET", f"/a?n={n}").status for n in ("2", "x", "3", "2", "1")] == [200, 422, 429, 429, 429]
    assert (len(up.requests), machine.asked) == (1, 7)
