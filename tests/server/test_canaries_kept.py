"""Secrets that wait in durable effects, and those of a collector of metrics, are in nothing that anybody is shown."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from aggregator.server.admin.effects.masking import masked
from aggregator.server.generations import observing
from aggregator.server.metrics import otlp
from aggregator.telemetry.hiding import hidden_places
from aggregator.telemetry.logging import configure_logging

from .conftest import PATIENCE, reply_of

FILE = """
state: ./state
server: {admin: {address: "127.0.0.1:0", secret: canary-of-administration}}
telemetry:
  log: {access: all, format: json}
  hide: [body.own.pin, headers.x-mine]
  metrics: {otlp: "${COLLECTOR}", every: 1h, headers: {x-key: "${KEY_OF_COLLECTOR}"}}
upstreams:
  hook: {url: "${UP}/hook", idempotent: true, headers: {authorization: "Bearer ${KEPT_KEY}"}}
endpoints:
  POST /order/{name}:
    body: {type: object}
    respond: {status: 202}
    background:
      - name: sent
        durable: true
        url: "POST hook:/${HOOK}/{params.name}"
        query: {page: "${HOOK}"}
        headers: {x-plain: "${KEPT_KEY}", x-mine: "{{ headers['x-mine'] }}"}
        json: {note: "with ${HOOK}", own: "{{ body }}"}
"""
SECRETS = {"KEPT_KEY": "canary-of-kept", "HOOK": "canary-of-hook", "KEY_OF_COLLECTOR": "canary-of-a-collector"}
BODY = {"n": 1.50, "said": "canary-of-hook", "password": "canary-of-a-password", "pin": "canary-of-a-pin"}


@pytest.mark.parametrize("status", [200, 401])
def test_what_waits_and_what_is_pushed_show_no_secret(stage, monkeypatch, status):
    """Neither the views of an effect, nor the metrics at a collector that takes them or does not, nor the log of both."""
    monkeypatch.setattr(observing, "LAST_SECONDS", PATIENCE)
    monkeypatch.setattr(otlp, "PUSH_SECONDS", PATIENCE)
    upstream, stream = stage.upstream(), io.StringIO()
    upstream["/v1/metrics"] = reply_of({"no": "canary-of-a-collector"}, status)
    upstream["/hook/canary-of-hook/seven"] = reply_of({"password": "canary-of-an-answer"}, 503)
    address = upstream.url.replace("//", "//user:canary-of-an-address@")
    gateway = stage.gateway(FILE, upstream, env={**SECRETS, "UP": upstream.url, "COLLECTOR": address})
    configure_logging("json", "debug", stream=stream)
    mine = ("content-type: application/json", "cookie: s=canary-of-a-cookie", "x-mine: canary-of-a-header")
    assert gateway.ask("POST", "/order/seven", *mine, body=json.dumps(BODY).encode()).status == 202
    stage.until(lambda: json.loads(_asked(stage, gateway, "/-/effects"))[0]["last"])
    (kept,) = json.loads(_asked(stage, gateway, "/-/effects"))
    whole = _asked(stage, gateway, f"/-/effects?id={kept['id']}")
    gateway.stop()
    (sent,) = [one["request"] for one in json.loads(whole)]
    assert sent["target"] == "/********/seven?page=********"
    assert json.loads(sent["body"]) == {
        "note": "with ********",
        "own": {"n": 1.5, "said": "********", "password": "********", "pin": "********"},
    }
    assert {name: value for name, value in sent["headers"] if name.startswith("x-")} == {
        "x-plain": "********", "x-mine": "********",
    }  # fmt: skip
    pushed = [request for request in upstream.requests if request.target == "/v1/metrics"]
    assert pushed[-1]["x-key"] == "canary-of-a-collector"
    told = {"effects": json.dumps(kept), "effect": whole, "log": stream.getvalue(),
            "metrics": "".join(str(one.body) for one in pushed)}  # fmt: skip
    assert {
        name: text[max(0, text.find("canary") - 200) :][:300] for name, text in told.items() if "canary" in text
    } == {}


def _asked(stage, gateway, path):
    with stage.wire(gateway.admin) as wire:
        reply = wire.send(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()).reply()
    assert reply.status == 200, (path, reply.body)
    return reply.body.decode()


def _effect(body: str | None, *headers: list[str]) -> dict[str, Any]:
    sent = {"method": "POST", "target": "/x?pin=1234&a=b", "headers": [*headers], "body": body}
    return {"id": "1", "last": None, "request": sent, "fallback": [{"upstream": "other", **sent}]}


@pytest.mark.parametrize(
    ("kind", "body", "shown"),
    [
        ("application/json", '{"a": 1.10}', '{"a": 1.10}'),
        ("application/json", '{"a":[{"token":"x"}]}', '{"a":[{"token":"********"}]}'),
        ("application/json", '{"user":{"pin":"x"}}', '{"user":{"pin":"********"}}'),
        ("application/x-www-form-urlencoded", "a=1&pass%77ord=x&pin=2", "a=1&pass%77ord=********&pin=********"),
        ("text/plain", "anything", "********"),
        ("text/plain", "", ""),
        ("text/plain", None, None),
    ],
)
def test_bodies_are_shown_by_the_names_in_them(kind: str, body: str | None, shown: str | None) -> None:
    """As they were sent where nothing is masked; what is no data is not shown where places in bodies are hidden."""
    hidden = hidden_places(["body.user.pin", "body.pin", "query.pin"])
    (found,) = masked([_effect(body, ["Content-Type", kind], ["Cookie", "x"])], str, hidden)
    for one in (found["request"], *found["fallback"]):
        assert (one["target"], one["body"]) == ("/x?pin=********&a=b", shown)
        assert one["headers"] == [["Content-Type", kind], ["Cookie", "********"]]
    assert found["fallback"][0]["upstream"] == "other"


def test_a_text_is_shown_where_no_place_in_bodies_is_hidden() -> None:
    """Without the secrets that are known."""
    (found,) = masked([_effect("has canary", ["content-type", "text/plain"])], lambda text: text.replace("canary", "*"))
    assert found["request"]["body"] == "has *"
