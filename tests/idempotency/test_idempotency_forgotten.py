"""Answers to requests with a key are found by whose they are, and are counted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli.group import cli
from aggregator.server.admin.effects.acting import effects_action
from aggregator.server.metrics.sampling import sample_effects
from aggregator.telemetry.metrics import families
from tests.effects.conftest import Application, process

FILE = """
state: ./state
auth:
  keys: {api_key: {header: x-key, keys: {file: keys.yaml}}}
upstreams:
  pay: {url: 'http://pay.test', idempotent: true}
endpoints:
  POST /pay:
    auth: keys
    idempotency: {}
    call: {method: POST, url: pay:/pay, body: forward}
  POST /order:
    auth: none
    idempotency: {subject: "{{ body.email }}"}
    body: {type: object}
    call: {method: POST, url: pay:/order, json: "{{ body }}"}
"""


@pytest.fixture(autouse=True)
def keys(tmp_path: Path) -> None:
    """Let Ann in."""
    (tmp_path / "keys.yaml").write_text(f"- {{name: ann, sha256: {hashlib.sha256(b'ann-0').hexdigest()}}}\n")
    (tmp_path / "keys.yaml").chmod(0o600)


def forget(served: Application, key: str) -> object:
    """Return what came of erasing all of a subject."""
    return served.run(effects_action(served.app.running).run({"order": "forget", "key": key})).data


def order(served: Application, key: str, email: str = "a@b.c") -> bool:
    """Return whether an order under *key* gets an answer that there was."""
    answer = served.post("/order", json={"email": email}, headers={"idempotency-key": key})
    assert answer.status_code == 200
    return "idempotency-replayed" in answer.headers


def test_answers_of_a_subject_are_forgotten(tmp_path: Path) -> None:
    """Those of no other; and a request that comes again is answered anew."""
    with process(tmp_path, FILE) as served:
        assert [order(served, "1"), order(served, "2"), order(served, "3", "other")] == [False] * 3
        assert forget(served, "a@b.c") == {"forget": 0, "answers": 2}
        assert [order(served, "1"), order(served, "3", "other")] == [False, True]


def test_answers_of_a_caller_are_forgotten(tmp_path: Path) -> None:
    """Where nothing else is said."""
    with process(tmp_path, FILE) as served:
        said = {"idempotency-key": "1", "x-key": "ann-0"}
        assert served.post("/pay", headers=said).status_code == 200
        caller = served.post("/pay", headers=said)
        assert caller.headers["idempotency-replayed"] == "true"
        assert forget(served, "ann") == {"forget": 0, "answers": 1}
        assert "idempotency-replayed" not in served.post("/pay", headers=said).headers


def test_without_a_server_those_in_the_folder_are_forgotten(tmp_path: Path) -> None:
    """By the same command, where no effects are kept either."""
    with process(tmp_path, FILE) as served:
        order(served, "1")
        now = served.now
    done = CliRunner().invoke(cli, ["effects", "forget", "--key", "a@b.c", "--file", str(tmp_path / "routes.yaml")])
    assert done.output == "0 effects and 1 answer forgotten.\n"
    with process(tmp_path, FILE, now=now) as served:
        assert not order(served, "1")


def test_requests_with_a_key_are_counted(tmp_path: Path) -> None:
    """By what they came to."""
    with process(tmp_path, FILE, lambda _: httpx.Response(200)) as served:
        order(served, "1")
        order(served, "1")
        assert served.post("/order", json={"email": "x"}, headers={"idempotency-key": "1"}).status_code == 422
        samples = dict(sample_effects(served.app.running))
    counts = {labels: count for labels, count in samples[families.IDEMPOTENT] if count}
    assert counts == {'result="made"': 1, 'result="replayed"': 1, 'result="key_reused"': 1}
