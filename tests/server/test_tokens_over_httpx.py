"""Tokens of an authorization server where calls go by httpx, over real connections."""

from __future__ import annotations

FILE = """
client: {transport: httpx}
upstreams:
  up:
    url: "${UP}"
    auth: {oauth2: {token_url: "${UP}/token", client_id: shop, client_secret: "${SECRET}"}}
endpoints:
  GET /a: {call: up:/a}
  GET /stream: {stream: true, call: up:/a}
"""


def test_a_fetched_token_is_carried_and_replaced(stage) -> None:
    """Each way sends the token that the server gave out, and after a 401 its successor."""
    up = stage.upstream()
    names = iter(["one", "two"])
    up["/token"] = lambda _: stage.reply({"access_token": next(names), "token_type": "Bearer", "expires_in": 3600})
    up["/a"] = lambda request: stage.reply({"ok": True}, 401 if request["authorization"] == "Bearer one" else 200)
    gateway = stage.gateway(FILE, up, env={"SECRET": "it's secret"})
    assert [gateway.get(path).json for path in ("/a", "/stream")] == [{"ok": True}] * 2
    sent = [(request.target, request["authorization"]) for request in up.requests]
    assert [value for target, value in sent if target == "/a"] == ["Bearer one", "Bearer two", "Bearer two"]
