"""``GET /-/upstreams``: connections and who waits for them, with the limits of both, and no secret."""

from __future__ import annotations

from .conftest import reply_of

ROUTES = """
server: {admin: "127.0.0.1:0"}
upstreams:
  up: {url: "${UP}", headers: {x-key: "${KEY}"}, concurrency: 7, rate_limit: 50/s}
  pair: {hosts: ["http://127.0.0.1:1", "http://127.0.0.1:2"]}
endpoints:
  GET /n: {call: "up:/n"}
  GET /pair: {call: "pair:/n"}
"""


def test_connections_and_limits_of_each_upstream(stage):
    """After one call there is one connection, which is idle; hosts have places of their own."""
    upstream = stage.upstream()
    upstream["/n"] = reply_of({})
    gateway = stage.gateway(ROUTES, upstream, env={"KEY": "canary-key"})
    gateway.get("/n")
    with stage.wire(gateway.admin) as wire:
        reply = wire.send(b"GET /-/upstreams HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply()
    shown = {one["upstream"]: one for one in reply.json}
    connections = shown["up"]["connections"]
    assert (connections["active"], connections["idle"], connections["opened"], connections["most"]) == (0, 1, 1, 50)
    assert connections["opening_ms"] >= 0
    assert shown["up"]["waiting"] == {"now": 0, "most": 1000}
    assert shown["up"]["concurrency"] == {"limit": 7, "now": 0, "waiting": 0, "most_waiting": 100}
    assert shown["up"]["rate_limit"] == "50/s"
    assert (shown["pair"]["connections"]["most"], shown["pair"]["concurrency"]) == (100, None)
    assert b"canary" not in reply.body
