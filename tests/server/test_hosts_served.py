"""Many hosts behind one upstream, over real connections, by our own engine and by httpx."""

from __future__ import annotations

import pytest

TWO = """
{client}
upstreams:
  two:
    hosts: ["{a}", "{b}"]
    balance: round_robin
    {more}
endpoints:
  GET /x: {{call: two:/x}}
  GET /s: {{call: two:/s, stream: true}}
"""
HTTPX = "client: {transport: httpx}"


def text(a, b, client: str = "", more: str = "") -> str:
    """Return the file with two hosts."""
    return TWO.format(client=client, a=a.url, b=b.url, more=more)


@pytest.fixture
def hosts(stage):
    """Two upstreams that say which they are."""
    made = stage.upstream(), stage.upstream()
    for name, one in zip("ab", made, strict=True):
        one["/x"] = one["/s"] = stage.reply(name)
    return made


@pytest.mark.parametrize("client", ["", HTTPX])
@pytest.mark.parametrize("path", ["/x", "/s"])
def test_calls_and_streams_reach_each_host_by_its_name(stage, hosts, client, path):
    """`Host` has the port of the host that is called, and connections are kept."""
    gateway = stage.gateway(text(*hosts, client))
    wire = gateway.wire()
    assert [wire.ask("GET", path).json for _ in range(6)] == ["a", "b"] * 3
    for one in hosts:
        assert {request["host"] for request in one.requests} == {f"127.0.0.1:{one.port}"}
        assert one.accepted == 1


@pytest.mark.parametrize("client", ["", HTTPX])
def test_a_host_that_is_down_costs_a_retry(stage, hosts, client):
    """Its calls go to the other one, until it is left out."""
    a, b = hosts
    gateway = stage.gateway(text(a, b, client, "retry: 1\n    eject: {failures: 2, pause: 5m}"))
    a.close()
    stage._upstreams.remove(a)
    answers = [gateway.wire().ask("GET", "/x") for _ in range(8)]
    assert [answer.json for answer in answers] == ["b"] * 8
    assert sum(answer["aggregator-parts"] is not None for answer in answers) == 2


def test_a_host_that_a_reload_removes_serves_to_the_end(stage, hosts):
    """What is under way there is answered, its connection is closed afterwards, and that of the other one is kept."""
    a, b = hosts
    gate = stage.gate()
    a["/s"] = [gate, stage.reply("late")]
    gateway = stage.gateway(text(a, b))
    waiting = gateway.wire()
    waiting.send(stage.request("GET", "/s"))
    stage.until(lambda: a.requests)
    assert gateway.wire().ask("GET", "/x").json == "b"
    gateway.write(TWO.format(client="", a=b.url, b=b.url, more="").replace(f', "{b.url}"', ""))
    gateway.reload()
    assert gateway.wire().ask("GET", "/x").json == "b"
    assert a.open == 1
    gate.set()
    assert waiting.reply().json == "late"
    stage.until(lambda: a.open == 0)
    assert b.accepted == 1
