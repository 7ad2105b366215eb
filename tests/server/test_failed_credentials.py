"""Failed credentials are limited by address, before anything is verified; nobody else is touched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app
from aggregator.identity import passwords

FILE = """\
version: 1
auth:
  partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}, failures: {rate: 1/h, burst: 3}}
  ops: {basic: {users: {file: htpasswd}}, failures: {rate: 1/h, burst: 2}}
  open: {api_key: {header: x-open, keys: {file: keys.yaml}}, failures: none}
  usual: {api_key: {header: x-usual, keys: {file: keys.yaml}}}
endpoints:
  GET /key: {auth: partners, respond: {body: "{{ auth.subject }}"}}
  GET /basic: {auth: ops, respond: {body: "{{ auth.subject }}"}}
  GET /open: {auth: open, respond: {body: ok}}
  GET /usual: {auth: usual, respond: {body: ok}}
  GET /either: {auth: {any: [partners, open]}, respond: {body: ok}}
"""
Clients = Callable[..., TestClient]
OLD = {"x-api-key": "old"}
WRONG = {"x-api-key": "wrong"}


def basic(password: str) -> dict[str, str]:
    """The header of Ada with *password*."""
    return {"authorization": "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()}


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    """Makes clients of one application, each at an address of its own."""
    lines = [f"- {{name: {name}, sha256: {hashlib.sha256(name.encode()).hexdigest()}}}\n" for name in ("acme", "new")]
    past = f'- {{name: old, sha256: {hashlib.sha256(b"old").hexdigest()}, not_after: "2020-01-01"}}\n'
    (tmp_path / "keys.yaml").write_text("".join([*lines, past]))
    (tmp_path / "htpasswd").write_text(f"ada:{bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}\n")
    (tmp_path / "routes.yaml").write_text(FILE)
    app = create_app(tmp_path / "routes.yaml")
    return lambda address="192.0.2.1": TestClient(app, client=(address, 1234))


def statuses(client: TestClient, path: str, *headers: dict[str, str]) -> list[int]:
    """The statuses of requests with each of *headers*."""
    return [client.get(path, headers=each).status_code for each in headers]


def test_guesses_are_limited(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the burst 429 says when to come again, and the log says who was limited."""
    with clients() as client, caplog.at_level("INFO", "aggregator.auth"):
        assert statuses(client, "/key", *[WRONG] * 4) == [401, 401, 401, 429]
        answer = client.get("/key", headers=WRONG)
        assert (answer.json()["cause"], 3590 <= int(answer.headers["retry-after"]) <= 3600) == ("limited", True)
    told = [record.__dict__["fields"] for record in caplog.records if record.name == "aggregator.auth"]
    assert (told[-1]["scheme"], told[-1]["reason"], told[-1]["client"]) == ("partners", "limited", "192.0.2.1")


def test_what_was_right_before_passes(clients: Clients) -> None:
    """An office behind one address is not locked out by one of its machines; a key never seen there waits."""
    with clients() as client:
        assert statuses(client, "/key", {"x-api-key": "acme"}, *[WRONG] * 4) == [200, 401, 401, 401, 429]
        assert statuses(client, "/key", {"x-api-key": "acme"}, {"x-api-key": "new"}) == [200, 429]
        assert statuses(clients("192.0.2.2"), "/key", {"x-api-key": "new"}) == [200]


def test_a_network_of_ipv6_is_one_address(clients: Clients) -> None:
    """Whoever has a /64 has one limit, the next network another."""
    with clients("2001:db8::1") as client:
        assert statuses(client, "/key", *[WRONG] * 3) == [401] * 3
        assert statuses(clients("2001:db8::2"), "/key", WRONG) == [429]
        assert statuses(clients("2001:db8:0:1::1"), "/key", WRONG) == [401]


def test_what_is_no_failure(clients: Clients) -> None:
    """No credential, and one that was right at another time, count for nothing; nor does anything where `none` is set."""
    with clients() as client:
        assert statuses(client, "/key", *[{}, OLD] * 5, {"x-api-key": "acme"}) == [*[401] * 10, 200]
        assert statuses(client, "/open", *[{"x-open": "wrong"}] * 30) == [401] * 30
        assert statuses(client, "/usual", *[{"x-usual": "wrong"}] * 21) == [*[401] * 20, 429]


def test_nobody_is_limited_who_sends_nothing(clients: Clients) -> None:
    """A limited address that sends no key is asked for one; another scheme admits it as ever."""
    with clients() as client:
        assert statuses(client, "/key", *[WRONG] * 4, {}) == [401, 401, 401, 429, 401]
        assert statuses(client, "/either", WRONG | {"x-open": "acme"}, WRONG) == [200, 429]


def test_no_password_is_verified_beyond_the_limit(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood costs no hashing; a right password gives back what it took, and passes by memory."""
    verified = []
    is_right = passwords.verify
    monkeypatch.setattr(passwords, "verify", lambda *each: verified.append(1) or is_right(*each))
    with clients() as client:
        assert statuses(client, "/basic", basic("right"), *[basic("wrong")] * 4) == [200, 401, 401, 429, 429]
        assert len(verified) == 3
        assert statuses(client, "/basic", basic("right")) == [200]
        assert len(verified) == 3
