"""Breakers over real sockets: no connection while one is open, streams, reloads, and what operators order."""

from __future__ import annotations

import threading

import pytest

from aggregator.cli.administration import SECRET, AdminTarget
from tests.server.conftest import HANG, reply_of, until

ROUTES = """
server: {admin: {address: "127.0.0.1:0", secret: the-secret-of-this-file}}
upstreams:
  up: {url: "${UP}", breaker: {failures: 2, pause: 10m}}
  soon: {url: "${UP}", breaker: {failures: 1, pause: 50ms}}
endpoints:
  GET /x: {call: up:/x}
  GET /stream: {stream: true, call: up:/x}
  GET /soon: {call: soon:/x}
"""


@pytest.fixture
def upstream(stage):
    """Return the upstream, which fails."""
    found = stage.upstream()
    found["/x"] = reply_of("no", 500)
    return found


@pytest.fixture
def gateway(stage, upstream):
    """Return the gateway."""
    return stage.gateway(ROUTES, env={"UP": upstream.url})


def ordered(gateway, **given):
    """Return the answer to an order."""
    target = AdminTarget(f"http://127.0.0.1:{gateway.admin}", "the-secret-of-this-file")
    return target.ask("POST", "/-/breaker", given)


def shown(gateway) -> dict[str, str]:
    """Return the phase of each breaker."""
    answer = AdminTarget(f"http://127.0.0.1:{gateway.admin}").ask("GET", "/-/breakers")
    return {one["name"]: one["phase"] for one in answer.json()}


@pytest.mark.parametrize("path", ["/x", "/stream"])
def test_an_open_breaker_opens_no_connection(gateway, upstream, path):
    """A call and a stream alike are refused before the upstream hears of them."""
    assert [gateway.get(path).status for _ in range(2)] == [502, 502]
    accepted = upstream.accepted
    answer = gateway.get(path)
    assert (answer.status, answer.json["cause"]) == (503, "breaker_open")
    assert answer["retry-after"] is not None
    assert (len(upstream.requests), upstream.accepted) == (2, accepted)


def test_streams_and_calls_count_together(gateway, upstream):
    """Whatever is asked of the upstream."""
    gateway.get("/x")
    gateway.get("/stream")
    assert gateway.get("/x").status == 503


def test_it_is_open_over_a_reload(gateway):
    """With other settings, too; what is reloaded is what opens it, and not what it is."""
    for _ in range(2):
        gateway.get("/x")
    gateway.reload(ROUTES.replace("failures: 2", "failures: 9"))
    assert gateway.get("/x").status == 503
    assert shown(gateway)["up"] == "open"


@pytest.mark.long
def test_a_probe_whose_client_hangs_up(gateway, upstream):
    """Its slot is free at once: the next call is the one that tries."""
    gateway.get("/soon")
    upstream["/x"] = HANG
    with gateway.wire() as wire:
        until(lambda: wire.write("GET", "/soon") and shown(gateway)["soon"] == "trying")
    until(lambda: shown(gateway)["soon"] == "open")
    upstream["/x"] = reply_of(1)
    until(lambda: gateway.get("/soon").status == 200)
    assert shown(gateway)["soon"] == "closed"


@pytest.mark.long
def test_one_of_many_tries(gateway, upstream):
    """Fifty callers at the same moment make one call."""
    gateway.get("/soon")
    ready = threading.Event()
    upstream["/x"] = [ready, reply_of(1)]
    statuses = []
    until(lambda: _trying(gateway, statuses))
    before = len(upstream.requests)
    callers = [threading.Thread(target=lambda: statuses.append(gateway.get("/soon").status)) for _ in range(50)]
    for caller in callers:
        caller.start()
    until(lambda: len(statuses) == 50)
    ready.set()
    assert statuses == [503] * 50
    assert len(upstream.requests) <= before + 1
    until(lambda: shown(gateway)["soon"] == "closed")


def _trying(gateway, statuses) -> bool:
    threading.Thread(target=gateway.get, args=("/soon",), daemon=True).start()
    return shown(gateway)["soon"] == "trying"


def test_an_operator_opens_closes_and_lets_go(gateway, upstream):
    """The order holds over a reload, and is logged with who, what and why."""
    upstream["/x"] = reply_of(1)
    answer = ordered(gateway, upstream="up", order="open", **{"for": "10m"}, by="me", reason="deploy")
    assert (answer.status_code, answer.json()[0]["phase"]) == (200, "forced_open")
    assert gateway.get("/x").status == 503
    gateway.reload(ROUTES + "  GET /new: {respond: {body: 1}}\n")
    assert gateway.get("/x").status == 503
    ordered(gateway, upstream="up", order="auto")
    assert gateway.get("/x").status == 200
    upstream["/x"] = reply_of("no", 500)
    ordered(gateway, upstream="up", order="close")
    assert {gateway.get("/x").status for _ in range(5)} == {502}
    line = gateway.said("An action was asked for.")[0]
    assert (line["action"], line["reason"], line["outcome"]) == ("breaker", "deploy", "open up for 10m")
    assert any(change["reason"] == "ordered by me" for change in gateway.said("A breaker has changed."))


@pytest.mark.parametrize(("given", "status", "sentence"), [
    ({"upstream": "up"}, 400, "`order` is one of open, close, auto."),
    ({"upstream": "other", "order": "open"}, 404, "There is no upstream with a breaker `other`; there are soon, up."),
    ({"upstream": "up", "order": "open", "for": "ten"}, 400, "`for` is a duration such as 10m."),
    ({"upstream": "up", "order": "open", "for": "999999999999999d"}, 400,
     "`for` is a duration of at most 366d; an order without `for` has no end."),
    ({"upstream": "up", "order": "open", "until": "ten"}, 400, "no `until`"),
])  # fmt: skip
def test_a_wrong_order_changes_nothing(gateway, given, status, sentence):
    """And says what would be right."""
    answer = ordered(gateway, **given)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]
    assert set(shown(gateway).values()) == {"closed"}


def test_the_command_asks_the_process(gateway, monkeypatch, capsys):
    """`aggregator breaker open up`, and `show`."""
    from click.testing import CliRunner

    from aggregator.cli.group import cli

    monkeypatch.setenv(SECRET, "the-secret-of-this-file")
    url = f"http://127.0.0.1:{gateway.admin}"
    result = CliRunner().invoke(
        cli, ["breaker", "open", "up", "--for", "10m", "--by", "me", "--why", "test", "--url", url]
    )
    assert (result.exit_code, result.output) == (0, "up is called no more for 10m.\n")
    shown_now = CliRunner().invoke(cli, ["breaker", "show", "--json", "--url", url])
    assert '"name":"up","phase":"forced_open","reason":"ordered by me: test"' in shown_now.output
    assert CliRunner().invoke(cli, ["breaker", "open", "--url", url]).exit_code == 2
