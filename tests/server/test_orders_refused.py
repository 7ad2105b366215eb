"""Each order that cannot be carried out is refused with a status and one sentence, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

SECRET = "administration-secret"
ROUTES = f"""
server: {{admin: {{address: "127.0.0.1:0", secret: {SECRET}}}}}
upstreams: {{up: {{url: "http://127.0.0.1:9", breaker: {{failures: 2, pause: 10m}}}}, other: {{url: "http://127.0.0.1:9"}}}}
telemetry: {{recorder: {{keep: 5}}}}
endpoints:
  GET /n: {{respond: {{body: 1}}}}
  GET /q: {{rate_limit: {{quota: 2/day, by: "{{{{ headers.tenant }}}}"}}, respond: {{body: 1}}}}
  GET /c: {{call: up:/x}}
"""


@pytest.fixture(scope="module")
def post(shared_stage: Any) -> Any:
    """Asks for an action; returns the status, and the sentence of a refusal or the data."""
    gateway = shared_stage.gateway(ROUTES)

    def ask(action: str, given: dict[str, Any]) -> tuple[int, Any]:
        body = json.dumps(given).encode()
        head = f"POST /-/{action} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {SECRET}\r\n"
        with shared_stage.wire(gateway.admin) as wire:
            reply = wire.send(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body).reply()
        return reply.status, reply.json["detail"] if reply.status >= 400 else reply.json

    return ask


NO_SCHEME = "There is no scheme of this name that takes signed tokens"
TO_BREAKERS = "An order to a breaker has `upstream`, `order`, `for`, `by` and `why`, and no `a`."
TO_PURGE = "Name what is purged: one of `tag`, `key`, `prefix`, `upstream`, `endpoint` and `all`."
TO_REVOKE = "It takes `scheme`, and `jti` or `sub`; with `sub` also `before`, which is now if left out."
TO_RESET = "Name whose quota begins anew: `key`, a text, is the value that is counted by."
TO_SWITCH = "A switch has `turn`, `kind`, `name`, `part`, `for`, `by` and `why`, and no `since`."
OF_PARTS = "`part` names a part beside the key of its endpoint, or an effect beside that of its own or without any."
OPEN, OFF = {"upstream": "up", "order": "open"}, {"turn": "off", "kind": "endpoint", "name": "GET /n"}


@pytest.mark.parametrize(
    ("action", "given", "status", "why"),
    [
        ("reload", {"a": 1}, 400, "A reload takes nothing but `reason`, and no `a`."),
        ("breaker", {**OPEN, "a": 1}, 400, TO_BREAKERS),
        ("breaker", {**OPEN, "order": "a"}, 400, "`order` is one of open, close, auto."),
        ("breaker", {**OPEN, "upstream": "other"}, 404, "There is no upstream with a breaker `other`; there are up."),
        ("breaker", {**OPEN, "for": "a"}, 400, "`for` is a duration such as 10m."),
        ("breaker", {**OPEN, "for": "0s"}, 400, "`for` is a duration such as 10m."),
        ("breaker", {**OPEN, "for": "31622401s"}, 400,
         "`for` is a duration of at most 366d; an order without `for` has no end."),
        ("cache_purge", {}, 400, TO_PURGE),
        ("cache_purge", {"tag": "a", "all": True}, 400, TO_PURGE),
        ("cache_purge", {"upstream": "a"}, 404, "There is no upstream `a`; there are other, up."),
        ("cache_purge", {"endpoint": "a"}, 404, "There is no endpoint `a`; `aggregator routes` lists what is."),
        ("quota_reset", {"a": 1}, 400, "A reset has `key`, `endpoint` and `by`, and no `a`."),
        ("quota_reset", {"key": 1}, 400, TO_RESET),
        ("quota_reset", {"key": "a"}, 404, "Nothing is used under this key."),
        ("quota_reset", {"key": "a", "endpoint": "a"}, 404, "There is no endpoint `a`; `aggregator routes` lists what is."),
        ("quota_reset", {"key": "a", "endpoint": "GET /n"}, 404, "Nothing is used under this key."),
        ("revoke", {"scheme": "a", "jti": "a", "sub": "a"}, 400, TO_REVOKE),
        ("revoke", {"scheme": "a"}, 400, TO_REVOKE),
        ("revoke", {"scheme": "a", "jti": 1}, 400, TO_REVOKE),
        ("revoke", {"scheme": "a", "jti": "a", "b": 1}, 400, TO_REVOKE),
        ("revoke", {"scheme": "a", "jti": "a"}, 404, f"{NO_SCHEME}; there is none."),
        ("switch", {**OFF, "since": 1.0}, 400, TO_SWITCH),
        ("switch", {**OFF, "turn": "a"}, 400, "`turn` is `off` or `on`."),
        ("switch", {**OFF, "kind": "a"}, 400, "`kind` is one of endpoint, part, effect, upstream."),
        ("switch", {**OFF, "part": "a"}, 400, OF_PARTS),
        ("switch", {**OFF, "kind": "part"}, 400, OF_PARTS),
        ("switch", {**OFF, "kind": "effect"}, 400, OF_PARTS),
        ("switch", {**OFF, "for": "367d"}, 400,
         "`for` is a duration of at most 366d; an order without `for` has no end."),
        ("switch", {**OFF, "turn": "on"}, 404, "No operator has switched off: endpoint GET /n."),
        ("try", {"a": 1}, 400, "A request has `method`, `target`, `headers` and `body`, and no `a`."),
        ("replay", {"a": 1}, 400, "A replay has `id`, `headers`, `target` and `body`, and no `a`."),
        ("replay", {"id": "a"}, 404, "No such request is kept; /-/requests lists them."),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(post: Any, action: str, given: dict[str, Any], status: int, why: str) -> None:
    """By the status it is the fault of who asks."""
    assert post(action, given) == (status, why)


def test_an_order_may_hold_for_a_leap_year(post: Any) -> None:
    """And no second more."""
    status, (breaker,) = post("breaker", {**OPEN, "for": "366d", "by": "b" * 101, "why": "w" * 201})
    assert (status, breaker["name"], breaker["reason"]) == (200, "up", f"ordered by {'b' * 100}: {'w' * 200}")
    assert 366 * 86400 - 120 < breaker["for"] <= 366 * 86400
    assert post("breaker", {**OPEN, "order": "auto", "for": "1s"})[0] == 200


def test_words_of_a_switch_are_kept_up_to_a_length(post: Any) -> None:
    """A hundred characters of who, two hundred of why."""
    status, (off,) = post("switch", {**OFF, "by": "b" * 101, "why": "w" * 201})
    assert (status, off["by"], off["why"], off["part"], off["until"]) == (200, "b" * 100, "w" * 200, None, None)
    assert post("switch", {**OFF, "turn": "on"}) == (200, [])


def test_a_purge_says_how_much_it_has_forgotten(post: Any) -> None:
    """Nothing, where nothing is kept."""
    for given in ({"all": True}, {"upstream": "other"}, {"endpoint": "GET /n"}, {"tag": "a"}):
        assert post("cache_purge", given) == (200, {"purged": 0})
