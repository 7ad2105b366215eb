"""Routes over real sockets: streams go where their key leads, and a switch takes all services of a route out."""

from __future__ import annotations

import pytest

from aggregator.cli.administration import AdminTarget
from tests.server.conftest import reply_of

ROUTES = """
server: {admin: {address: "127.0.0.1:0", secret: the-secret-of-this-file}}
upstreams:
  tenants: {route: {by: "{{ query.t }}", to: {a: "${A}", b: "${B}"}, else: 421}, retry: 1}
  other: {url: "${B}"}
endpoints:
  GET /x: {call: tenants:/x}
  GET /stream: {stream: true, call: tenants:/x}
  GET /chosen: {stream: true, call: {choose: [{url: "tenants:/x", weight: 0}, {url: "other:/x"}]}}
  GET /nested: {stream: true, call: {choose: [{url: "tenants:/x"}, {url: "other:/x", weight: 0}]}}
  POST /up: {stream: true, call: {url: POST tenants:/x}}
"""


@pytest.fixture
def gateway(stage):
    """Return the gateway to two upstreams that say who they are."""
    env = {}
    for name in ("A", "B"):
        upstream = stage.upstream()
        upstream["/x"] = reply_of(name)
        env[name] = upstream.url
    return stage.gateway(ROUTES, env=env)


@pytest.mark.parametrize("door", ["/x", "/stream"])
def test_calls_and_streams_go_where_their_key_leads(gateway, door):
    """A stream that leads nowhere is refused before anything is sent."""
    assert [gateway.get(f"{door}?t={key}").json for key in ("a", "b", "a")] == ["A", "B", "A"]
    for query in ("", "?t=c"):
        answer = gateway.get(door + query)
        assert (answer.status, answer.json["cause"]) == (421, "unknown_key")


def test_an_upload_goes_where_its_key_leads(gateway):
    """Its body goes up to the service of its key, and one that leads nowhere is answered all the same."""
    assert gateway.ask("POST", "/up?t=b", body=b"x" * 100).json == "B"
    assert gateway.ask("POST", "/up?t=c", body=b"x" * 100).status == 421


def test_a_switch_takes_the_whole_route_out(gateway):
    """Its name is that of the upstream."""
    order = {"turn": "off", "kind": "upstream", "name": "tenants"}
    AdminTarget(f"http://127.0.0.1:{gateway.admin}", "the-secret-of-this-file").ask("POST", "/-/switch", order)
    answers = [gateway.get(path) for path in ("/x?t=a", "/stream?t=b")]
    assert [(answer.status, answer.json["cause"]) for answer in answers] == [(503, "switched_off")] * 2


def test_a_stream_is_chosen(gateway):
    """A choice may lead to a route, and its head says who was chosen."""
    answer = gateway.get("/chosen")
    assert (answer.json, "chosen=other" in answer["aggregator-parts"]) == ("B", True)
    assert gateway.get("/nested?t=a").json == "A"
    answer = gateway.get("/nested?t=x")
    assert (answer.status, answer.json["cause"]) == (421, "unknown_key")


def test_a_switch_takes_one_of_a_choice_out(gateway):
    """Who gets the other notices nothing."""
    order = {"turn": "off", "kind": "upstream", "name": "tenants"}
    AdminTarget(f"http://127.0.0.1:{gateway.admin}", "the-secret-of-this-file").ask("POST", "/-/switch", order)
    assert (gateway.get("/chosen").status, gateway.get("/nested?t=a").status) == (200, 503)
