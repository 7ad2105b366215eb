"""Many hosts behind one upstream, over real connections, by our own engine and by httpx."""

from __future__ import annotations

import httpx
import pytest

from aggregator.cli.administration import AdminTarget

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
HTTPX = "client: {transport: httpx, timeout: 120s}"


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
    stage.upstreams.remove(a)
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


HEALTH = "health: {path: /health, every: 20ms, timeout: 10s, unhealthy: 2, healthy: 2}"


@pytest.mark.parametrize("client", ["", HTTPX])
def test_who_is_not_well_is_called_no_more(stage, hosts, client):
    """Until it is well again, over a reload, too; no call has failed for that."""
    a, b = hosts
    a["/health"], b["/health"] = stage.reply(status=503), stage.reply("fine")
    gateway = stage.gateway(text(a, b, client, HEALTH))
    stage.until(lambda: gateway.said("A host is not well."))
    assert {gateway.get("/x").json for _ in range(6)} == {"b"}
    gateway.reload(text(a, b, client, f"{HEALTH}\n    slow_start: 1ms"))
    assert {gateway.get("/x").json for _ in range(6)} == {"b"}
    a["/health"] = stage.reply("fine")
    stage.until(lambda: gateway.said("A host is well again."))
    stage.until(lambda: gateway.get("/x").json == "a")


def test_checks_end_with_what_declares_them(stage, hosts):
    """A reload without them asks no more."""
    a, b = hosts
    a["/health"] = b["/health"] = stage.reply("fine")
    gateway = stage.gateway(text(a, b, more=HEALTH))
    stage.until(lambda: len(a.requests) > 3)
    (watch,) = gateway.app.running.generation.watches.checks
    gateway.reload(text(a, b))
    assert (watch.is_asking, gateway.app.running.generation.watches.checks) == (False, ())


def test_states_are_shown(stage, hosts):
    """How many hosts are in which state, to everybody who may see the process; which, to administration alone."""
    a, b = hosts
    a["/health"], b["/health"] = stage.reply(status=503), stage.reply("fine")
    server = "server: {admin: 127.0.0.1:0}\ntelemetry: {metrics: {}}\n"
    gateway = stage.gateway(server + text(a, b, more=HEALTH.replace("20ms", "1h") + "\n    eject: {panic: 1%}"))
    admin = AdminTarget(f"http://127.0.0.1:{gateway.admin}")
    counts = {"usable": 1, "ejected": 0, "unhealthy": 1}
    stage.until(lambda: admin.ask("GET", "/-/config").json()["hosts"] == {"two": counts})
    shown = admin.ask("GET", "/-/hosts").json()
    assert [(one["upstream"], one["host"], one["state"]) for one in shown] == [
        ("two", a.url, "unhealthy"),
        ("two", b.url, "usable"),
    ]
    page = httpx.get(f"http://127.0.0.1:{gateway.admin}/metrics", trust_env=False).text
    assert 'aggregator_upstream_hosts{upstream="two",state="unhealthy"} 1' in page
    assert 'aggregator_host_ejections_total{upstream="two"} 0' in page


@pytest.fixture
def names():
    """A DNS server."""
    pytest.importorskip("dns")
    from tests.naming import NameServer

    server = NameServer({})
    yield server
    server.close()


def services(*hosts) -> dict[str, tuple[int, list[str]]]:
    """Return the records of a service at *hosts*."""
    targets = [f"0 1 {host.port} here.test." for host in hosts]
    return {"_http._tcp.two.test SRV": (1, targets), "here.test A": (1, ["127.0.0.1"])}


SERVICE = """
{client}
upstreams:
  two:
    url: http://_http._tcp.two.test
    resolve: {{by: srv, server: "127.0.0.1:{port}"}}
    balance: round_robin
endpoints:
  GET /x: {{call: two:/x}}
  GET /s: {{call: two:/s, stream: true}}
"""


@pytest.mark.long
@pytest.mark.parametrize("client", ["", HTTPX])
def test_hosts_of_a_service_come_and_go(stage, hosts, names, client):
    """They are called by the name of the service; one whose record is gone serves to the end, and is called no more."""
    a, b = hosts
    names.records = services(a)
    gate = stage.gate()
    a["/s"] = [gate, stage.reply("late")]
    gateway = stage.gateway(SERVICE.format(client=client, port=names.address[1]))
    assert {gateway.get("/x").json for _ in range(4)} == {"a"}
    assert a.last["host"] == "two.test"
    waiting = gateway.wire()
    waiting.send(stage.request("GET", "/s"))
    stage.until(lambda: a.last.target == "/s")
    names.records = services(b)
    stage.until(lambda: gateway.get("/x").json == "b")
    assert {gateway.get("/x").json for _ in range(4)} == {"b"}
    names.records = {}
    stage.until(lambda: gateway.said("The hosts of an upstream could not be looked up."))
    assert gateway.get("/x").json == "b"
    gate.set()
    assert waiting.reply().json == "late"
    stage.until(lambda: a.open == 0)


def test_a_name_that_leads_nowhere(stage, names):
    """It is no reason not to start: calls fail as for any name, and the log says it once."""
    gateway = stage.gateway(SERVICE.format(client="", port=names.address[1]))
    answer = gateway.get("/x")
    assert (answer.status, answer.json["cause"]) == (502, "dns")
    assert [line["reason"] for line in gateway.said("could not be looked up")] == ["the name does not exist"]
