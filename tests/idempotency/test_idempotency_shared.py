"""A request that comes again at another machine gets the answer that it got, where answers lie in a shared store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from tiers import starts_processes
from valkey import Valkey

from aggregator.cli.group import cli
from tests.policies.conftest import Served

FILE = """
upstreams: {{pay: {{url: 'http://pay.test'}}}}
endpoints:
  POST /pay:
    idempotency: {{ttl: 1h, subject: "{{{{ headers['x-who'] }}}}"}}
    call: {{method: POST, url: "pay:/", body: forward}}
server: {{idempotency: {{store: shared}}}}
store: {{url: "{url}", timeout: {timeout}}}
"""


@pytest.fixture
@starts_processes
def server() -> Iterator[Valkey]:
    """Yield a server of its own, which a test may end."""
    made = Valkey()
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def timeouts() -> tuple[str, str]:
    """Return how long each machine waits for the store."""
    return "60s", "60s"


@pytest.fixture
def machines(tmp_path: Path, server: Valkey, timeouts: tuple[str, str]) -> Iterator[list[Served]]:
    """Yield two machines, whose files differ in *timeouts* alone."""
    made: list[Served] = []
    try:
        for timeout in timeouts:
            made.append(Served(tmp_path, FILE.format(url=server.url, timeout=timeout), _paid))
        yield made
    finally:
        for each in made:
            each.close()


def _paid(_: httpx.Request) -> httpx.Response:
    return httpx.Response(201, json={"paid": True})


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings so far."""
    return [line.message for line in caplog.records if line.levelname == "WARNING"]


def pay(machine: Served, body: str = "1") -> httpx.Response:
    """Return the answer to a payment under a key that is always the same."""
    headers: dict[str, Any] = {"idempotency-key": "k", "x-who": "a", "content-type": "application/json"}
    found: httpx.Response = machine.run(machine.ask("POST", "/pay", content=body, headers=headers))
    return found


def test_machines_answer_a_key_once(machines: list[Served], server: Valkey) -> None:
    """Another request under the key is refused by both; while the server is away none is made."""
    one, other = machines
    first, again = pay(one), pay(other)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, {"paid": True})
    assert again.headers["idempotency-replayed"] == "true"
    assert pay(other, "2").status_code == 422
    server.kill()
    refused = [pay(machine) for machine in machines]
    assert [(answer.status_code, answer.json()["cause"]) for answer in refused] == [(503, "state_unavailable")] * 2
    assert (len(one.requests), len(other.requests)) == (1, 0)


def test_a_subject_is_erased_where_no_process_is_asked(tmp_path: Path, machines: list[Served], server: Valkey) -> None:
    """Its requests are answered anew; that a store is away is told, and nothing is said to be erased."""
    one, other = machines
    assert pay(one).status_code == 201
    words = ["effects", "forget", "--json", "--file", str(tmp_path / "routes.yaml"), "--key"]
    assert CliRunner().invoke(cli, [*words, "b"]).output == '{"forget": 0, "answers": 0}\n'
    assert CliRunner().invoke(cli, [*words, "a"]).output == '{"forget": 0, "answers": 1}\n'
    assert pay(other, "2").status_code == 201
    server.kill()
    away = CliRunner().invoke(cli, [*words, "a"])
    assert (away.exit_code, away.output.startswith("error: The answers of requests with a key are not forgotten")) == (
        1,
        True,
    )


@pytest.mark.parametrize(("harm", "timeouts"), [("full", ("60s", "60s")), ("frozen", ("1s", "60s"))])
def test_a_server_that_keeps_nothing_is_asked_again(
    harm: str, machines: list[Served], server: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """No call is made that could not be remembered; once the server keeps what it is given, requests are answered.

    The machine that meets the harm waits for no answer of a frozen server that could come, the other one does.
    """
    one, other = machines
    if harm == "full":
        server.ask("CONFIG", "SET", "maxmemory", "1")
    else:
        server.freeze()
    refused, _ = pay(one), pay(one)
    assert caplog.text.count("Answers by idempotency key cannot be written.") == 1
    assert (refused.status_code, refused.json()["cause"], one.requests) == (503, "state_unavailable", [])
    if harm == "full":
        server.ask("CONFIG", "SET", "maxmemory", "0")
    else:
        server.thaw()
    assert pay(other).status_code == 201


@pytest.mark.processes
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, []),
        ({"--appendonly": "no"}, ["lost when the shared store stops"]),
        ({"--appendfsync": "everysec"}, ["The last answers by idempotency key may be lost"]),
        ({"--maxmemory-policy": "volatile-lru"}, ["forgets keys for want of memory"]),
    ],
)
def test_a_server_that_may_lose_answers_is_told(
    tmp_path: Path, settings: dict[str, str], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, before any request; answers expire, so that a policy that takes only such keys loses them, too."""
    kept = {"--appendonly": "yes", "--appendfsync": "always", **settings}
    server = Valkey(*(word for setting in kept.items() for word in setting))
    made: list[Served] = []
    try:
        made.append(Served(tmp_path, FILE.format(url=server.start().url, timeout="60s"), _paid))
        while len(warned(caplog)) < len(told):
            made[0].run(asyncio.sleep(0.001))
        assert pay(made[0]).status_code == 201
    finally:
        for each in made:
            each.close()
        server.close()
    assert len(warned(caplog)) == len(told)
    assert all(part in line for part, line in zip(told, warned(caplog), strict=True))
