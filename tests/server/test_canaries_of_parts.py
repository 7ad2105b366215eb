"""Secrets that breakers, stores, effects, caches and schemes meet are in nothing that the process tells of itself."""

from __future__ import annotations

import io
import json

import pytest

from aggregator.server.admin.reading.views import SHOWN
from aggregator.telemetry.logging import configure_logging

from .conftest import reply_of

FILE = """
state: ./state
server: {admin: {address: "127.0.0.1:0", secret: canary-of-administration}, debug: {header: x-debug, secret: canary-of-debugging}}
telemetry:
  log: {access: all, format: json}
  metrics: {}
  recorder: {slow: 1ms, bodies: 4KiB, headers: [content-type]}
  traces: {otlp: "${UP}", sample: 100%}
auth:
  sessions: {external: {url: "GET sso:/check", headers: [cookie, authorization], subject: "{{ response.status }}", cache: 30s}}
upstreams:
  sso: {url: "${UP}", headers: {x-key: "${SSO_KEY}"}}
  ledger:
    url: "${UP}/ledger"
    breaker: {failures: 1, pause: 1h}
    auth: {oauth2: {token_url: "${UP}/token", client_id: shop, client_secret: "${CLIENT}"}}
  kept: {url: "${UP}", headers: {x-key: "${KEPT_KEY}"}}
  hosts: {hosts: ["http://127.0.0.1:9", "http://localhost:9"], headers: {x-key: "${KEPT_KEY}"}}
  hook: {url: "${UP}/${HOOK}", idempotent: true, headers: {authorization: "Bearer ${KEPT_KEY}"}}
endpoints:
  GET /me: {auth: sessions, call: "ledger:/x?token=${HOOK}"}
  GET /kept: {call: {url: "kept:/kept?page=1", query: {token: "{{ query.token }}"}, cache: 1m}}
  GET /hosts: {call: "hosts:/x"}
  POST /order:
    body: {type: object}
    respond: {status: 202}
    background:
      - {name: sent, durable: true, url: "POST hook:/${HOOK}", headers: {x-api-key: "${KEPT_KEY}"}}
      - {name: gone, url: "POST hook:/${HOOK}?token=${HOOK}"}
"""
SECRETS = {name: f"canary-of-{name.lower()}" for name in ("SSO_KEY", "CLIENT", "KEPT_KEY", "HOOK")}
CALLER = ("cookie: session=canary-of-a-cookie", "authorization: Bearer canary-of-a-caller", "x-debug: canary-of-debugging",
          "referer: http://a:canary-of-a-referer@example.com/")  # fmt: skip
VIEWS = (*SHOWN, "/-/effects", "/-/changes", "/-/history", "/metrics", "/-/actions", "/readyz?verbose")


@pytest.fixture
def told(stage):
    """Return all that was told after requests to every endpoint: the log, the collector's spans, and what is shown."""
    upstream, stream = stage.upstream(), io.StringIO()
    upstream["/token"] = reply_of({"access_token": "canary-of-a-token", "token_type": "Bearer", "expires_in": 60})
    upstream["/check"] = upstream["/kept"] = upstream["/v1/traces"] = reply_of({})
    upstream["/ledger/x"] = reply_of({}, 503)
    gateway = stage.gateway(FILE, upstream, env={**SECRETS, "UP": upstream.url})
    configure_logging("json", "debug", stream=stream)
    for path in ("/me", "/me", "/kept?token=canary-of-a-query", "/kept?token=canary-of-a-query", "/hosts", "/nowhere"):
        gateway.get(path, *CALLER)
    gateway.ask("POST", "/order", *CALLER, "content-type: application/json", body=b"{}")
    stage.until(lambda: gateway.said("A background call failed.") and gateway.said("A durable effect is dead"))
    pages = {path: _asked(stage, gateway, path) for path in VIEWS}
    for one in json.loads(pages["/-/requests"])["requests"]:
        for path in (f"/-/requests/{one['id']}", f"/-/requests/{one['id']}.har"):
            pages[path] = _asked(stage, gateway, path)
    gateway.stop()
    spans = "".join(str(request.body) for request in upstream.requests if request.target == "/v1/traces")
    return {**pages, "log": stream.getvalue(), "spans": spans}


def _asked(stage, gateway, path):
    with stage.wire(gateway.admin) as wire:
        reply = wire.send(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()).reply()
    assert reply.status == 200, (path, reply.body)
    return reply.body.decode()


def test_no_output_shows_what_parts_have_met(told):
    """A breaker that opened, an effect that died by an answer that repeats its path, a token, a key of a cache, a session."""
    assert {
        name: text[max(0, text.find("canary") - 200) :][:300] for name, text in told.items() if "canary" in text
    } == {}
    assert all(told.values())
    assert '"open"' in told["/-/breakers"]
    assert "hook" in told["/-/effects"]
