"""The span of a call says which of several hosts it went to, though that is chosen after it has begun."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from .conftest import reply_of

FILE = """
telemetry: {{traces: {{otlp: "{collector}", sample: 100%}}}}
upstreams:
  two: {{{upstream}}}
endpoints:
  GET /x: {{call: {{url: "two:/x?key=1"{call}}}{endpoint}}}
"""
HOSTS = 'hosts: ["{a}", "{b}"], balance: round_robin'


def calls_of(collector: Any) -> list[dict[str, Any]]:
    """Return the attributes of the spans of calls that *collector* was told of, in the order of the calls."""
    found = []
    for request in collector.requests:
        message = trace_service_pb2.ExportTraceServiceRequest()
        message.ParseFromString(request.body)
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                found += [span for span in scope.spans if span.kind == 3]
    found.sort(key=lambda span: span.start_time_unix_nano)
    return [{one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes} for span in found]


@pytest.fixture
def three(stage):
    """A collector, and two upstreams that know ``/x``."""
    collector, *hosts = stage.upstream(), stage.upstream(), stage.upstream()
    collector["/v1/traces"] = reply_of({})
    for one in hosts:
        one["/x"] = reply_of({})
    return collector, *hosts


def served(stage, three, upstream: str = HOSTS, call: str = "", endpoint: str = ""):
    """Return a gateway with *upstream*, whose requests are traced."""
    collector, a, b = three
    upstream = upstream.format(a=a.url, b=b.url, port=a.port)
    return stage.gateway(FILE.format(collector=collector.url, upstream=upstream, call=call, endpoint=endpoint))


@pytest.mark.parametrize("endpoint", ["", ", stream: true"])
@pytest.mark.parametrize(
    "upstream",
    [HOSTS, HOSTS + ", eject: {{failures: 9}}", HOSTS.replace("round_robin", "{{hash: '{{{{ request.id }}}}'}}")],
)
def test_each_call_names_the_host_that_it_went_to(stage, three, upstream, endpoint):
    """Address, port and the whole URL without its query, however a host is chosen."""
    collector, a, b = three
    gateway = served(stage, three, upstream, endpoint=endpoint)
    assert [gateway.get("/x").status for _ in range(4)] == [200] * 4
    gateway.stop()
    found = calls_of(collector)
    assert [one["url.full"] for one in found] == [f"http://127.0.0.1:{one['server.port']}/x" for one in found]
    assert {one["server.address"] for one in found} == {"127.0.0.1"}
    ports = [one["server.port"] for one in found]
    assert {host.port: ports.count(host.port) for host in (a, b)} == {host.port: len(host.requests) for host in (a, b)}


@pytest.mark.parametrize("endpoint", ["", ", stream: true"])
@pytest.mark.parametrize(
    ("mock", "is_mocked"),
    [
        ("{{routes: {{GET /x: {{json: 1}}}}}}", True),
        ("{{routes: {{GET /y: {{json: 1}}}}}}", False),
        ("{{delay: 1ms}}", False),
    ],
)
def test_a_call_that_a_mock_answers_names_no_server(stage, three, mock, is_mocked, endpoint):
    """It says that it was mocked: nothing was sent to the address that the file has."""
    collector, a, _ = three
    gateway = served(stage, three, f'url: "{{a}}", mock: {mock}', endpoint=endpoint)
    assert gateway.get("/x").status == 200
    gateway.stop()
    (call,) = calls_of(collector)
    assert ("aggregator.mocked" in call, "server.address" in call, len(a.requests)) == (
        is_mocked, not is_mocked, 0 if is_mocked else 1,
    )  # fmt: skip


@pytest.mark.parametrize("endpoint", ["", ", stream: true"])
def test_another_attempt_names_the_other_host(stage, three, endpoint):
    """The one that failed says why, and at which host."""
    collector, a, b = three
    gateway = served(stage, three, HOSTS + ", retry: {{attempts: 2}}", endpoint=endpoint)
    a["/x"] = reply_of({}, 503)
    assert gateway.get("/x").status == 200
    gateway.stop()
    assert [(one["server.port"], one.get("error.type")) for one in calls_of(collector)] == [
        (a.port, "503"), (b.port, None)
    ]  # fmt: skip


@pytest.mark.parametrize("endpoint", ["", ", stream: true"])
def test_a_host_that_is_down_is_named(stage, three, endpoint):
    """It is what an operator looks for."""
    collector, a, b = three
    gateway = served(stage, three, HOSTS + ", retry: {{attempts: 2}}", endpoint=endpoint)
    a.close()
    stage.upstreams.remove(a)
    assert gateway.get("/x").status == 200
    gateway.stop()
    assert [(one["server.port"], one.get("error.type"), one["aggregator.state"]) for one in calls_of(collector)] == [
        (a.port, "refused", "failed"), (b.port, None, "ok")
    ]  # fmt: skip


def test_a_call_that_follows_a_redirect_names_where_it_began(stage, three):
    """Its URL is that of the first request."""
    collector, a, b = three
    gateway = served(stage, three, call=", redirects: 2")
    a["/x"] = reply_of({}, 302, location="/y")
    b["/y"] = reply_of({})
    assert gateway.get("/x").status == 200
    gateway.stop()
    assert [one["url.full"] for one in calls_of(collector)] == [f"{a.url}/x"]


def test_the_service_that_a_route_chose_is_named(stage, three):
    """By its own address."""
    collector, a, b = three
    route = "route: {{by: \"{{{{ headers['x-to'] }}}}\", to: {{a: '{a}', b: '{b}'}}}}"
    gateway = served(stage, three, route)
    for key in "bab":
        gateway.get("/x", f"x-to: {key}")
    gateway.stop()
    assert [one["url.full"] for one in calls_of(collector)] == [f"{one.url}/x" for one in (b, a, b)]


def test_a_name_that_was_looked_up_is_beside_its_address(stage, three):
    """The URL has the name, and the peer is the address that was found for it."""
    collector, a, _ = three
    gateway = served(stage, three, "url: 'http://localhost:{port}', resolve: system")
    assert gateway.get("/x").status == 200
    gateway.stop()
    (call,) = calls_of(collector)
    assert (call["url.full"], call["server.address"]) == (f"http://localhost:{a.port}/x", "localhost")
    assert (call["network.peer.address"], call["network.peer.port"]) == ("127.0.0.1", a.port)
