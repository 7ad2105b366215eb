"""Two of one webhook delivery at once: one is answered, the other is told to come again."""

from __future__ import annotations

import hashlib
import hmac

SECRET = "it's a secret of thirty-two bytes"
FILE = """\
auth: {github: {signature: {preset: github, secret: "${HOOK_SECRET}"}}}
endpoints:
  POST /hook: {auth: github, call: {method: POST, url: "up:/run"}}
  POST /guarded: {auth: github, require: ["{{ request.id == 'never' }}"], call: {method: POST, url: "up:/run"}}
"""
ENV = {"HOOK_SECRET": SECRET}
BODY = b'{"a": 1}'
SIGNED = f"x-hub-signature-256: sha256={hmac.digest(SECRET.encode(), BODY, hashlib.sha256).hex()}"


def deliver(wire, path="/hook"):
    """Write the delivery to *wire*."""
    return wire.write("POST", path, "content-type: application/json", SIGNED, body=BODY)


def test_two_at_once_are_answered_once(stage, door) -> None:
    """The second is 409 with a time to wait while the first is answered, and 200 without a call afterwards."""
    up, gate = stage.upstream(), stage.gate()
    up["/run"] = [gate, stage.reply({"ok": True})]
    gateway = stage.gateway(FILE, up, door=door, env=ENV)
    first = deliver(gateway.wire())
    stage.until(lambda: len(up.requests) == 1)
    second = deliver(gateway.wire()).reply()
    assert (second.status, second["retry-after"], second.json["cause"]) == (409, "1", "under_way")
    gate.set()
    assert first.reply().json == {"ok": True}
    again = deliver(gateway.wire()).reply()
    assert (again.status, again.body, len(up.requests)) == (200, b"", 1)


def test_one_whose_sender_hangs_up_is_answered_when_it_comes_again(stage, door) -> None:
    """Nobody has heard an answer, so nothing is remembered, and nothing is under way."""
    up, gate = stage.upstream(), stage.gate()
    up["/run"] = [gate, stage.reply({"ok": True})]
    gateway = stage.gateway(FILE, up, door=door, env=ENV)
    held = deliver(gateway.wire())
    stage.until(lambda: len(up.requests) == 1)
    held.close()
    stage.until(lambda: gateway.in_flight == 0)
    gate.set()
    assert deliver(gateway.wire()).reply().json == {"ok": True}


def test_one_that_failed_is_under_way_no_longer(stage, door) -> None:
    """A failure and a refusal behind the signature leave nothing: the same delivery is tried again each time."""
    up = stage.upstream()
    up["/run"] = stage.reply({}, 500)
    gateway = stage.gateway(FILE, up, door=door, env=ENV)
    assert [deliver(gateway.wire()).reply().status for _ in range(2)] == [502] * 2
    assert [deliver(gateway.wire(), "/guarded").reply().status for _ in range(2)] == [403] * 2


def test_one_under_way_outlives_a_reload(stage) -> None:
    """The second is refused by a generation that did not take the first."""
    up, gate = stage.upstream(), stage.gate()
    up["/run"] = [gate, stage.reply({"ok": True})]
    gateway = stage.gateway(FILE, up, env=ENV)
    first = deliver(gateway.wire())
    stage.until(lambda: len(up.requests) == 1)
    gateway.reload(FILE.replace("never", "no one"))
    assert deliver(gateway.wire()).reply().status == 409
    gate.set()
    assert first.reply().json == {"ok": True}
    assert deliver(gateway.wire()).reply().body == b""
