"""Other hosts, each with endpoints of its own; through both doors of the whole server."""

from __future__ import annotations

import json

import pytest

FILE = """
server: {trusted_proxies: [127.0.0.1], redirect_paths: [slash]}
upstreams: {up: {url: "${UP}"}}
virtual_hosts:
  admin.example.com:
    endpoints:
      GET /stats: {cors: {origins: [https://a.example.com]}, respond: {body: {host: "{{ request.host }}"}}}
      POST /only: {respond: {body: posted}}
      ANY /any/{rest:path}: {forward: {body: true}, call: "up:/{rest}"}
  "*.example.com":
    endpoints: {GET /stats: {respond: {body: any}}}
endpoints:
  GET /stats: {respond: {body: main}}
  GET /main: {respond: {body: main}}
"""
ADMIN = "host: admin.example.com"


@pytest.fixture(scope="module")
def served(shared_stage, door):
    """The server, reached by each door."""
    up = shared_stage.upstream()
    up["/x"] = shared_stage.reply({"up": 1})
    return shared_stage.gateway(FILE, up, door=door)


def ask(served, host, target="/stats", method="GET", *lines):
    """Ask *host*, whose name stands in the one Host field."""
    wire = served.wire()
    head = [f"{method} {target} HTTP/1.1", *([f"host: {host}"] if host is not None else []), *lines, "", ""]
    return wire.send("\r\n".join(head).encode()).reply(head_only=method == "HEAD")


@pytest.mark.parametrize(
    ("host", "body"),
    [
        ("admin.example.com", {"host": "admin.example.com"}),
        ("ADMIN.example.com:8080", {"host": "admin.example.com"}),
        ("shop.example.com", "any"),
        ("example.com", "main"),
        ("localhost", "main"),
    ],
)
def test_a_host_has_its_own_endpoints(served, host, body):
    """By exact name, by `*.`, without case or port; everybody else comes to `endpoints`."""
    assert ask(served, host).json == body


def test_hosts_of_one_connection_are_told_apart(served):
    """Each request goes by its own Host, on a connection that is kept."""
    wire = served.wire()
    got = []
    for host in ("admin.example.com", "localhost", "a.example.com", "admin.example.com"):
        got.append(wire.send(f"GET /stats HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()).reply().json)
    assert got == [{"host": "admin.example.com"}, "main", "any", {"host": "admin.example.com"}]


def test_there_is_no_way_back(served):
    """What a host does not declare it has not, whatever `endpoints` have; and they have nothing of its own."""
    assert ask(served, "admin.example.com", "/main").status == 404
    assert ask(served, "localhost", "/only", "POST", "content-length: 0").status == 404


def test_refusals_go_by_the_endpoints_of_the_host(served):
    """405, the answer to OPTIONS, and the redirect to a path with or without a slash."""
    answer = ask(served, "admin.example.com", "/only")
    assert (answer.status, answer["allow"]) == (405, "OPTIONS, POST")
    assert ask(served, "admin.example.com", "/main/").status == 404
    assert (ask(served, "localhost", "/main/").status, ask(served, "localhost", "/main/")["location"]) == (308, "/main")
    assert ask(served, "localhost", "/only", "OPTIONS").status == 404
    assert ask(served, "admin.example.com", "/only", "OPTIONS")["allow"] == "OPTIONS, POST"


def test_preflights_go_by_the_endpoints_of_the_host(served):
    """What one host allows is not allowed by another."""
    lines = ("origin: https://a.example.com", "access-control-request-method: GET")
    assert ask(served, "admin.example.com", "/stats", "OPTIONS", *lines)["access-control-allow-origin"] is not None
    assert ask(served, "shop.example.com", "/stats", "OPTIONS", *lines)["access-control-allow-origin"] is None
    assert ask(served, "localhost", "/stats", "OPTIONS", *lines)["access-control-allow-origin"] is None


def test_probes_answer_on_every_host(served):
    """A load balancer asks by whatever name it likes."""
    for host in ("admin.example.com", "x.example.com", "localhost"):
        assert [ask(served, host, path).status for path in ("/livez", "/readyz")] == [200, 200]


def test_each_host_has_its_own_document(served):
    """Nobody reads of the endpoints of another; names of operations are those of the host."""
    paths = {host: json.loads(ask(served, host, "/openapi.json").body)["paths"] for host in ("admin.example.com", "x")}
    assert set(paths["admin.example.com"]) == {"/stats", "/only", "/any/{rest}"}
    assert set(paths["x"]) == {"/stats", "/main"}
    assert {document["/stats"]["get"]["operationId"] for document in paths.values()} == {"get_stats"}
    assert b"openapi.json" in ask(served, "admin.example.com", "/docs").body


def test_a_trusted_proxy_names_the_host(served):
    """As for `request.host`: what it says counts before the Host field, with which it asks us."""
    lines = ("x-forwarded-for: 192.0.2.1", "x-forwarded-host: admin.example.com")
    assert ask(served, "10.0.0.1", "/stats", "GET", *lines).json == {"host": "admin.example.com"}
    forwarded = "forwarded: for=192.0.2.1;host=shop.example.com"
    assert ask(served, "admin.example.com", "/stats", "GET", forwarded).json == "any"


def test_nobody_else_names_it(shared_stage):
    """From a peer that is not trusted the word is none."""
    gateway = shared_stage.gateway(FILE.replace("127.0.0.1", "10.0.0.0/8"), shared_stage.upstream())
    lines = ("x-forwarded-for: 192.0.2.1", "x-forwarded-host: admin.example.com")
    assert ask(gateway, "localhost", "/stats", "GET", *lines).json == "main"


def test_the_target_names_it_where_it_is_whole(served):
    """A target in absolute form is for its own host, whatever the Host field says (RFC 9112 §3.2.2)."""
    assert ask(served, "localhost", "http://admin.example.com/stats").json == {"host": "admin.example.com"}
    assert ask(served, "admin.example.com", "http://localhost:1/stats").json == "main"
    assert ask(served, "localhost", "http://a b/stats").status == 400
    assert ask(served, "localhost", "http://user@admin.example.com/stats").status == 400


def test_who_names_no_host_is_everybody_else(served):
    """HTTP/1.0 needs none; nothing stays of the request before."""
    wire = served.wire()
    assert wire.send(b"GET /stats HTTP/1.0\r\n\r\n").reply().json == "main"


def test_any_method_of_a_host(served):
    """Endpoints of a host are endpoints like all others."""
    assert ask(served, "admin.example.com", "/any/x", "PUT", "content-length: 0").json == {"up": 1}


def test_a_host_comes_and_goes_with_a_reload(shared_stage):
    """Without a restart."""
    gateway = shared_stage.gateway(FILE, shared_stage.upstream())
    gateway.reload(FILE.replace("admin.example.com", "ops.example.org"))
    assert ask(gateway, "ops.example.org").json == {"host": "ops.example.org"}
    assert ask(gateway, "admin.example.com").json == "any"
    gateway.reload("endpoints: {GET /stats: {respond: {body: alone}}}")
    assert ask(gateway, "ops.example.org").json == "alone"
