"""Names that an operator has mistyped: whoever refuses one says what comes nearest to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey

from aggregator.cli.group import cli
from aggregator.server.admin.reading.views import VIEWS

ROUTES = """\
server: {admin: {address: "127.0.0.1:0", secret: a-secret-of-some-length}}
telemetry: {recorder: {keep: 5}}
auth:
  customers: {jwt: {issuer: https://id.test, audience: shop, key: {file: issuer.pem}}}
upstreams:
  ledger: {url: "http://127.0.0.1:9", breaker: {failures: 3}, cache: {ttl: 1m}}
endpoints:
  GET /orders/{id}:
    rate_limit: {quota: 10/day, by: "{{ headers['x-key'] or 'none' }}"}
    fan_out: {order: "ledger:/a", buyer: "ledger:/b"}
    background: {name: remember, url: "POST ledger:/c"}
  GET /me: {auth: customers, respond: {body: 1}}
"""
HEAD = "host: 127.0.0.1\r\nauthorization: Bearer a-secret-of-some-length"
ORDER = {"turn": "off", "kind": "endpoint"}
ENDPOINT, SLIP = "GET /orders/{id}", "GET /order/{id}"
READ = [
    ("/-/events", {"endpoint": SLIP}, ENDPOINT),
    ("/-/events", {"part": "oder"}, "order"),
    ("/-/events", {"cause": "timeot"}, "timeout"),
    ("/-/requests", {"endpoint": SLIP}, ENDPOINT),
    ("/-/requests", {"part": "oder"}, "order"),
    ("/-/requests", {"cause": "timeot"}, "timeout"),
    ("/-/history", {"endpoint": SLIP}, ENDPOINT),
    ("/-/quotas", {"endpoint": SLIP}, ENDPOINT),
    ("/-/endpoints", {"endpoint": SLIP}, ENDPOINT),
    ("/-/upstream", {}, "/-/upstreams"),
]
ORDERED = [
    ("quota_reset", {"key": "a", "endpoint": SLIP}, ENDPOINT),
    ("cache_purge", {"endpoint": SLIP}, ENDPOINT),
    ("cache_purge", {"upstream": "leger"}, "ledger"),
    ("breaker", {"upstream": "leger", "order": "open"}, "ledger"),
    ("revoke", {"scheme": "customer", "jti": "a"}, "customers"),
    ("switch", {**ORDER, "name": SLIP}, ENDPOINT),
    ("switch", {**ORDER, "kind": "upstream", "name": "leger"}, "ledger"),
    ("switch", {**ORDER, "kind": "part", "name": ENDPOINT, "part": "oder"}, "order"),
    ("switch", {**ORDER, "kind": "effect", "name": ENDPOINT, "part": "rember"}, "remember"),
    ("switch", {**ORDER, "kind": "effect", "name": "", "part": "rember"}, "remember"),
    ("switchs", {}, "/-/switches"),
]
TYPED = [
    (["explain", SLIP], ENDPOINT),
    (["get", "/order/1"], ENDPOINT),
    (["monitoring", "--for", "EventLopLate=5m"], "EventLoopLate"),
    (["rotes"], "routes"),
]
UNNAMED = {"/-/background", "/-/breakers", "/-/config", "/-/lately", "/-/hosts", "/-/switches", "/-/upstreams",
           "/-/changes", "/-/effects"}  # fmt: skip
"""Views that are narrowed by no name of the file; effects may be of endpoints that are gone."""
UNNAMED_ORDERS = {"log", "reload", "effect", "effects", "try", "replay", "outbox"}
"""Actions that name nothing of the file, or ask it as a client would."""


@pytest.fixture
def gateway(stage) -> Any:
    """A gateway with something of each kind that has a name."""
    (stage.folder / "issuer.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    return stage.gateway(ROUTES)


@pytest.fixture
def ask(stage, gateway: Any) -> Callable[..., Any]:
    """Asks the address of administration; a *given* order is one to POST."""

    def asking(path: str, given: dict[str, Any] | None = None) -> Any:
        body = b"" if given is None else json.dumps(given).encode()
        method = "GET" if given is None else "POST"
        head = f"{method} {path} HTTP/1.1\r\n{HEAD}\r\ncontent-length: {len(body)}\r\n\r\n"
        with stage.wire(gateway.admin) as wire:
            return wire.send(head.encode() + body).reply()

    return asking


@pytest.mark.parametrize(("path", "asked", "meant"), READ)
def test_who_reads_by_a_mistyped_name_is_told_the_nearest(
    ask: Callable[..., Any], path: str, asked: dict[str, str], meant: str
) -> None:
    """At each view that is narrowed by a name of the file."""
    query = "&".join(f"{key}={quote(value)}" for key, value in asked.items())
    reply = ask(f"{path}?{query}")
    assert (reply.status, f"did you mean `{meant}`?" in json.loads(reply.body)["detail"]) == (404, True) or (
        "cause" in asked and reply.status == 400 and f"did you mean `{meant}`?" in json.loads(reply.body)["detail"]
    )


@pytest.mark.parametrize(("action", "given", "meant"), ORDERED)
def test_who_orders_by_a_mistyped_name_is_told_the_nearest(
    ask: Callable[..., Any], action: str, given: dict[str, Any], meant: str
) -> None:
    """Each action that names something of the file."""
    reply = ask(f"/-/{action}", given)
    assert reply.status == 404
    assert f"did you mean `{meant}`?" in json.loads(reply.body)["detail"]


@pytest.mark.parametrize(("words", "meant"), TYPED)
def test_who_types_a_mistyped_name_is_told_the_nearest(
    words: list[str], meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command that looks for a name by itself; the others ask a process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "issuer.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{ROUTES}")
    result = CliRunner().invoke(cli, words, prog_name="aggregator")
    told = f"{result.output} {result.exception}".lower()
    assert result.exit_code != 0
    assert f"did you mean `{meant.lower()}`?" in told


def test_no_view_and_no_action_is_left_out(ask: Callable[..., Any]) -> None:
    """A new one is to be tried with a mistyped name, or to be among those that take none."""
    actions = {one["action"] for one in json.loads(ask("/-/actions").body)}
    assert set(VIEWS) == UNNAMED | {path for path, *_ in READ} & set(VIEWS)
    assert actions - {name for name, *_ in ORDERED} <= UNNAMED_ORDERS
