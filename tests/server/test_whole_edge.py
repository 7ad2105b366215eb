"""A file that declares all of the edge at once: each setting holds beside every other."""

from __future__ import annotations

import ssl

import pytest
import trustme

from aggregator.server.once.checking import check_file

FILE = """\
version: 1
upstreams: {users: {url: "${UP}"}, old: {url: "${UP}"}, files: {url: "${UP}"}, u: {url: "${UP}"}}
server:
  listen: ["127.0.0.1:0", "unix:${FOLDER}/a.sock"]
  tls: {cert: api.pem, key: api.key, client_ca: clients.pem, client: optional, security: modern, names: {"*.eu.example.com": {cert: eu.pem, key: eu.key}}}
  redirect_http: "127.0.0.1:0"
  admin: {address: "127.0.0.1:0", secret: "${file:admin}"}
  docs: {path: /docs}
  trusted_proxies: [10.0.0.0/8, "unix:"]
  proxy_protocol: false
  cors: {origins: [https://shop.example.com, "https://*.preview.example.com"], methods: any, headers: [authorization, content-type], expose: [x-request-id], credentials: true, max_age: 10m}
  headers: {strict-transport-security: "max-age=31536000", x-content-type-options: nosniff}
  compress: {codings: [zstd, br, gzip], above: 1KiB}
  limits: {in_flight: 2000, queue: 200, wait: 100ms, connections_per_address: 200}
  errors:
    404: {body: {error: not_found, path: "{{ request.path }}"}}
    422: {status: 400}
    5xx: {body: {error: "{{ problem.title }}", id: "{{ request.id }}"}}
  redirect_paths: [slash]
defaults:
  response: {headers: {x-frame-options: DENY}}
prefixes:
  /v1: {deprecated: {since: 2026-06-01, sunset: 2027-01-01, see: /v2}, cors: {origins: any}}
virtual_hosts:
  admin.example.com: {endpoints: {GET /stats: {call: u:/stats}}}
endpoints:
  GET /v1/me:
    cookies: {session: {type: string, minLength: 10}}
    call: users:/me?s={cookies.session}
    response:
      headers: {on: always, values: {x-served-by: aggregator}}
      set_cookies: [{name: seen, value: "1", path: /, max_age: 30d, secure: true, http_only: true, same_site: lax}]
  ANY /old/{rest:path}: {forward: {headers: all, query: all, body: true, client: true, except: [x-internal]}, stream: true, call: "old:/{rest:path}", response: {pass: all}}
  GET|HEAD /file/{name}: {stream: true, call: "files:/{name}"}
"""
SHOP = "origin: https://shop.example.com"


@pytest.fixture
def served(stage):
    """The server of the file, its upstream, and a function that asks it by TLS for a host."""
    authority = trustme.CA()
    for name, host in (("api", "localhost"), ("eu", "*.eu.example.com")):
        pair = authority.issue_cert(host)
        pair.private_key_pem.write_to_path(stage.folder / f"{name}.key")
        pair.cert_chain_pems[0].write_to_path(stage.folder / f"{name}.pem")
    authority.cert_pem.write_to_path(stage.folder / "clients.pem")
    (stage.folder / "admin").write_text("a-secret-of-some-length")
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    upstream = stage.upstream()
    for path in ("/me", "/a/b", "/one", "/stats"):
        upstream[path] = stage.reply({"path": path})
    gateway = stage.gateway(FILE, upstream, env={"FOLDER": str(stage.folder)})

    def ask(method: str, target: str, *lines: str, name: str = "localhost"):
        wire = gateway.wire()
        wire.socket = context.wrap_socket(wire.socket, server_hostname=name)
        return wire.ask(method, target, *lines)

    return gateway, upstream, ask


def test_check_finds_nothing(served, monkeypatch):
    """Certificates, keys and the secret are there: no error and no warning."""
    gateway, upstream, _ = served
    monkeypatch.setenv("UP", upstream.url)
    monkeypatch.setenv("FOLDER", str(gateway.path.parent))
    assert check_file(str(gateway.path)).diagnostics == ()


def test_every_setting_holds_beside_the_others(served, stage):
    """Endpoints, failures, preflights, what passes, hosts, names of TLS, plain HTTP and administration."""
    gateway, upstream, ask = served
    me = ask("GET", "/v1/me", SHOP, "cookie: session=1234567890")
    assert (me.status, me["access-control-allow-origin"], me["x-frame-options"]) == (200, "*", "DENY")
    assert me["set-cookie"] == "seen=1; Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert (me["deprecation"], me["sunset"]) == ("@1780272000", "Fri, 01 Jan 2027 00:00:00 GMT")
    short = ask("GET", "/v1/me", SHOP, "cookie: session=1")
    assert (short.status, short.json["status"], short["x-served-by"]) == (400, 400, "aggregator")
    nobody = ask("GET", "/none", SHOP)
    assert nobody.json == {"error": "not_found", "path": "/none"}
    assert (nobody["access-control-allow-credentials"], nobody["x-content-type-options"]) == ("true", "nosniff")
    asked = ask("OPTIONS", "/old/a", SHOP, "access-control-request-method: PUT")
    assert (asked.status, "PUT" in asked["access-control-allow-methods"]) == (204, True)
    assert ask("GET", "/old/a/b?x=1", "x-internal: 1", "x-forwarded-for: 9.9.9.9").json == {"path": "/a/b"}
    sent = upstream.last
    assert (sent.target, sent["x-internal"], sent["x-forwarded-for"]) == ("/a/b?x=1", None, "127.0.0.1")
    assert ask("HEAD", "/file/one").status == ask("GET", "/file/one", name="x.eu.example.com").status == 200
    assert ask("GET", "https://admin.example.com/stats").json == {"path": "/stats"}
    assert ask("GET", "https://admin.example.com/file/one").status == ask("GET", "/stats").status == 404
    assert ask("GET", "/v1/me/")["location"] == "/v1/me"
    ports = {one.role: one.socket.getsockname()[1] for one in gateway.listeners if one.role != "public"}
    with stage.wire(ports["redirect"]) as wire:
        assert wire.ask("GET", "/file/one").status == 308
    with stage.wire(gateway.admin) as wire:
        assert wire.send(b"POST /-/reload HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").reply().status == 401
