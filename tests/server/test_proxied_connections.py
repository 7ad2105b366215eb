"""Connections that begin with a PROXY header: who may send one, what follows from it, and what is closed."""

from __future__ import annotations

import os
import socket
import ssl

import pytest

from aggregator import load_config
from aggregator.errors import ConfigError
from aggregator.server.listeners import beginnings
from tests.edge.test_proxy_protocol import binary

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 51000 443\r\n"
SETTINGS = "proxy_protocol: true, trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]"
ENDPOINTS = """\
endpoints:
  GET /who: {respond: {body: "{{ request.client }}"}}
  POST /who: {body: {type: object}, respond: {body: "{{ request.client }}"}}
  GET /inside: {allow_from: [192.0.2.0/24], respond: {body: "in"}}
  GET /slow: {call: up:/slow}
"""
FILE = f"telemetry: {{log: {{access: all}}}}\nserver: {{{SETTINGS}}}\n{ENDPOINTS}"
CLOSED = "A connection was closed before its first request."


@pytest.fixture(scope="module")
def served(shared_stage):
    """A server behind a load balancer at 127.0.0.1."""
    return shared_stage.gateway(FILE)


def proxied(gateway, header: bytes):
    """Return a connection to *gateway* that begins with *header*."""
    return gateway.wire().send(header)


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (V1, "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 51000 443\r\n", "2001:db8::7"),
        (binary("192.0.2.8"), "192.0.2.8"),
        (binary("2001:db8::8", extra=b"\x01\x00\x02h2\x20\x00\x05\x01\x00\x00\x00\x00"), "2001:db8::8"),
        (binary("192.0.2.9", extra=b"\x04" + (2000).to_bytes(2) + b"x" * 2000), "192.0.2.9"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (binary("192.0.2.8", command=0), "127.0.0.1"),
        (binary(family=0x31), "127.0.0.1"),
    ],
)
def test_the_header_names_the_client_of_every_request(served, header, client):
    """Version 1 and 2, on both ways to an endpoint, to the end of the connection; LOCAL is the proxy itself."""
    wire = proxied(served, header)
    for _ in range(2):
        assert wire.ask("GET", "/who").json == client
        assert wire.ask("POST", "/who", "content-type: application/json", body=b"{}").json == client


@pytest.mark.parametrize("header", [V1, binary("192.0.2.7", extra=b"\x04\x00\x01x")])
def test_a_header_comes_in_any_pieces(served, stage, header):
    """What follows it in the same packet is the request, and nothing of that is lost."""
    request = stage.request("GET", "/who")
    assert proxied(served, header + request + request).reply().json == "192.0.2.7"
    wire = served.wire()
    for byte in header + request:
        wire.send(bytes([byte]))
    assert wire.reply().json == "192.0.2.7"


def test_headers_of_http_are_read_behind_it(served):
    """A client that is a trusted proxy itself is believed, any other is not."""
    forwarded = "x-forwarded-for: 203.0.113.1"
    assert (
        proxied(served, b"PROXY TCP4 10.1.1.1 198.51.100.1 1 2\r\n").ask("GET", "/who", forwarded).json == "203.0.113.1"
    )
    assert proxied(served, V1).ask("GET", "/who", forwarded).json == "192.0.2.7"


def test_guards_and_logs_go_by_it(stage):
    """Networks, lines of answers, of refusals, and of heads that cannot be read have one source."""
    server = stage.gateway(FILE)
    assert proxied(server, V1).ask("GET", "/inside").status == 200
    assert proxied(server, b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n").ask("GET", "/inside").status == 403
    assert proxied(server, V1).ask("GET", "/nowhere").status == 404
    assert proxied(server, V1).send(b"nonsense\r\n\r\n").reply().status == 400
    stage.until(lambda: len(server.said("Refused")) + len(server.said("Answered")) == 4)
    assert sorted(line["client"] for line in server.said("Answered")) == ["192.0.2.7", "203.0.113.7"]
    assert [line["client"] for line in server.said("Refused")] == ["192.0.2.7", "192.0.2.7"]


def test_limits_of_an_address_count_clients_and_not_the_proxy(stage):
    """One client behind a proxy has its connections, and leaves those of the others alone."""
    server = stage.gateway(f"server: {{{SETTINGS}, limits: {{connections_per_address: 2}}}}\n{ENDPOINTS}")
    first = [proxied(server, V1) for _ in range(2)]
    assert [wire.ask("GET", "/who").status for wire in first] == [200, 200]
    assert proxied(server, V1).send(stage.request("GET", "/who")).ended
    others = [proxied(server, binary("192.0.2.8", command=0)) for _ in range(3)]
    assert [wire.ask("GET", "/who").json for wire in others] == ["127.0.0.1"] * 3


def test_it_comes_before_tls(stage):
    """The header is read first, then hands are shaken; a plain request behind it gets its readable 400."""
    gateway = stage.gateway(FILE, door="tls")
    with stage.wire(gateway.port, first=V1, tls=gateway.tls) as wire:
        assert wire.ask("GET", "/who").json == "192.0.2.7"
    with stage.wire(gateway.port, first=V1) as wire:
        assert (wire.ask("GET", "/who").status, wire.ended) == (400, True)
    assert gateway.said("Refused.")[-1]["client"] == "192.0.2.7"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        gateway.wire()


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (b"GET /who HTTP/1.1\r\nhost: a\r\n\r\n", "it does not begin with a PROXY header"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "it does not begin with a PROXY header"),
        (b"PROXY TCP4 evil 198.51.100.1 1 2\r\n", "the PROXY header is malformed"),
        (b"PROXY TCP4 " + b"1" * 200, "the PROXY header has no end"),
        (binary()[:12] + b"\x21\x11\xff\xff", "the PROXY header is too long"),
        (binary()[:12] + b"\x22\x11\x00\x00", "the PROXY header has an unknown version or command"),
    ],
)
def test_a_proxy_that_sends_none_is_closed(served, stage, first, reason):
    """Without an answer, as the client's address would be a guess; the log says why."""
    assert proxied(served, first).ended
    stage.until(lambda: served.said(CLOSED) and served.said(CLOSED)[-1] == {"client": "127.0.0.1", "reason": reason})


def test_one_that_ends_within_it_is_told_and_one_without_a_byte_is_not(stage):
    """A load balancer that looks whether somebody listens is no failure."""
    server = stage.gateway(FILE)
    server.wire().close()
    proxied(server, V1[:20]).close()
    stage.until(lambda: server.said(CLOSED))
    reasons = [line["reason"] for line in server.said(CLOSED)]
    assert reasons == ["it ended within its PROXY header"]


@pytest.mark.long
def test_others_than_trusted_proxies_are_closed(stage):
    """Whatever they send: to choose an address must take more than to reach the port. What repeats is counted."""
    server = stage.gateway(f"server: {{proxy_protocol: true, trusted_proxies: [10.0.0.0/8]}}\n{ENDPOINTS}")
    for first in (V1, b"GET /who HTTP/1.1\r\nhost: a\r\n\r\n", b""):
        assert proxied(server, first).ended
    stage.until(lambda: len(server.said(CLOSED)) == 3)
    assert server.said(CLOSED)[0] == {"client": "127.0.0.1", "reason": "it comes from no trusted proxy"}
    for _ in range(20):
        assert server.wire().ended
    stage.until(lambda: server.said("More connections were closed before their first request."))
    assert len(server.said(CLOSED)) < 23


def test_a_slow_header_is_given_up(stage, monkeypatch):
    """It has its time, and beyond a number the oldest makes room."""
    monkeypatch.setattr(beginnings, "SECONDS", 0.1)
    server = stage.gateway(FILE)
    assert proxied(server, V1[:9]).ended
    stage.until(lambda: server.said(CLOSED))
    assert server.said(CLOSED)[-1]["reason"] == "it took more than 0.1 s"
    monkeypatch.setattr(beginnings, "SECONDS", 60.0)
    monkeypatch.setattr(beginnings, "MOST", 5)
    slow = [proxied(server, V1[:9]) for _ in range(20)]
    assert proxied(server, V1).ask("GET", "/who").json == "192.0.2.7"
    assert slow[0].ended


def test_a_stop_does_not_wait_for_a_header(stage):
    """Who has not said who asks is let go."""
    server = stage.gateway(FILE)
    proxied(server, V1[:9])
    stage.until(lambda: any(one.beginnings.under_way for one in server.service.server.proxy_headers))
    assert server.stop() == 0
    assert server.said(CLOSED) == []


def test_unix_sockets_and_administration_have_none(stage):
    """Only TCP is behind a load balancer; `redirect_http` is, too."""
    path = stage.folder / "s"
    listen = f'listen: ["127.0.0.1:0", "unix:{path}"], admin: "127.0.0.1:0"'
    server = stage.gateway(f"server: {{{SETTINGS}, {listen}}}\n{ENDPOINTS}")
    with stage.wire(server.admin) as wire:
        assert wire.ask("GET", "/livez").status == 200
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(path))
        client.sendall(b"GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert client.recv(4096).endswith(b"null")


def test_the_address_that_sends_on_to_tls_is_behind_the_load_balancer_too(stage):
    """Its requests come by the same way."""
    server = stage.gateway(f'server: {{{SETTINGS}, redirect_http: "127.0.0.1:0"}}\n{ENDPOINTS}', door="tls")
    port = next(one.socket.getsockname()[1] for one in server.listeners if one.role == "redirect")
    with stage.wire(port, first=V1) as wire:
        assert wire.ask("GET", "/who").status == 308
    with stage.wire(port) as wire:
        assert wire.write("GET", "/who").ended


def test_a_change_asks_for_a_restart(stage):
    """The listener goes on with what it has, and its proxies are believed on; their networks may change at any time."""
    server = stage.gateway(FILE)
    server.reload(ENDPOINTS)
    told = server.said("Some settings take effect when the server is restarted.")[-1]["settings"]
    assert told == ("server.proxy_protocol",)
    assert proxied(server, V1).ask("GET", "/who").json == "192.0.2.7"
    server.reload(FILE.replace("127.0.0.0/8, ", ""))
    assert proxied(server, V1).ended


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("proxy_protocol: true", "every connection would be closed"),
        ('proxy_protocol: true, trusted_proxies: ["unix:"]', "every connection would be closed"),
        (f'{SETTINGS}, listen: ["unix:/run/a.sock"]', "Unix sockets do not speak the PROXY protocol"),
    ],
)
def test_what_could_serve_nobody_is_an_error(tmp_path, settings, message):
    """A listener that closes everything is no way to run a server."""
    file = tmp_path / "routes.yaml"
    file.write_text(f"version: 1\nserver: {{{settings}}}\nendpoints: {{GET /: {{respond: {{body: 1}}}}}}\n")
    with pytest.raises(ConfigError, match=message):
        load_config(file)
