"""What refuses a caller, and in which words: guards that say no truth, schemes together, errors of the file."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc import jws
from joserfc.jwk import ECKey

from aggregator import create_app

GUARDS = {
    "true": "true", "null": "null", "text": "'yes'", "number": "1", "list": "[true]", "gone": "auth.claims.gone",
    "error": "auth.subject < 3", "compared": "auth.subject == 'acme'",
}  # fmt: skip
FILE = """\
version: 1
server:
  errors:
    401: {body: {error: who, cause: "{{ problem.cause }}"}}
    403: {status: 404, body: {error: nothing here}}
auth:
  keys: {api_key: {header: x-key, keys: {file: keys.yaml}}, failures: none}
  seals: {api_key: {header: x-seal, keys: {file: keys.yaml}}, failures: none}
  tokens: {jwt: {issuer: "https://id.test", audience: shop, key: {file: issuer.pem}}, failures: {rate: 1/h, burst: 2}}
endpoints:
  GET /both: {auth: {all: [keys, seals], optional: true}, respond: {body: "{{ auth.subject }}"}}
  GET /token: {auth: tokens, respond: {body: "{{ auth.subject }}"}}
""" + "".join(
    f'  GET /{name}: {{auth: keys, require: "{{{{ {guard} }}}}", respond: {{body: ok}}}}\n'
    for name, guard in GUARDS.items()
)
KEY, SEAL = {"x-key": "acme"}, {"x-seal": "acme"}


@pytest.fixture(scope="module")
def issuer() -> ECKey:
    """The key of the issuer."""
    return ECKey.generate_key("P-256")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, issuer: ECKey) -> Iterator[TestClient]:
    """A client of the application."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    (folder / "keys.yaml").write_text(f"- {{name: acme, sha256: {hashlib.sha256(b'acme').hexdigest()}}}\n")
    (folder / "issuer.pem").write_bytes(issuer.as_pem(private=False))
    (folder / "routes.yaml").write_text(FILE)
    with TestClient(create_app(folder / "routes.yaml")) as client:
        yield client


@pytest.fixture(scope="module")
def bearer(issuer: ECKey) -> Callable[..., dict[str, str]]:
    """Makes the header with a token, its claims changed."""

    def make(key: ECKey | None = None, **changes: Any) -> dict[str, str]:
        claims = {"iss": "https://id.test", "aud": "shop", "sub": "ada", "exp": time.time() + 300} | changes
        return {"authorization": "Bearer " + jws.serialize_compact({"alg": "ES256"}, json.dumps(claims), key or issuer)}

    return make


@pytest.mark.parametrize("name", GUARDS)
def test_only_true_is_true(client: TestClient, name: str) -> None:
    """Null, an error, a text, a number and a list refuse, whatever they would count as elsewhere."""
    assert client.get(f"/{name}", headers=KEY).status_code == (200 if name in ("true", "compared") else 404)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (KEY | SEAL, 200),
        (KEY, 401),
        (SEAL, 401),
        (KEY | {"x-seal": "no"}, 401),
        ({"x-key": "no"}, 401),
        ({"x-seal": "no"}, 401),
    ],
)
def test_all_or_none(client: TestClient, headers: dict[str, str], status: int) -> None:
    """Where all are asked for and none has to be, one of two is not enough; nobody is null."""
    answer = client.get("/both", headers=headers)
    assert answer.status_code == status
    assert status == 401 or answer.json() == (headers.get("x-key"))


def test_refusals_in_words_of_the_file(client: TestClient) -> None:
    """`server.errors` says what 401 and 403 are; the challenge stays, and nothing stores them."""
    unknown, refused = client.get("/true"), client.get("/null", headers=KEY)
    assert (unknown.status_code, unknown.json()) == (401, {"error": "who", "cause": "unauthenticated"})
    assert unknown.headers["www-authenticate"] == "APIKey"
    assert (refused.status_code, refused.json()) == (404, {"error": "nothing here"})
    assert [answer.headers["cache-control"] for answer in (unknown, refused)] == ["no-store"] * 2


def test_a_token_of_another_time_is_no_failure(client: TestClient, bearer: Callable[..., dict[str, str]]) -> None:
    """As many as may come, before those that are wrong by their key count; what is known passes beyond."""
    good, other = bearer(), ECKey.generate_key("P-256")
    late, early, forged = bearer(exp=time.time() - 60), bearer(nbf=time.time() + 999), bearer(other)
    sent = [good, *[late, early] * 4, {}, forged, forged, forged, good, bearer(sub="bob")]
    found = [client.get("/token", headers=headers).status_code for headers in sent]
    assert found == [200, *[401] * 9, 401, 401, 429, 200, 429]


def test_certificates_are_limited_where_the_file_says_so(tmp_path: Path) -> None:
    """Whoever shows wrong ones too often gets 429; a right one from there passes all the same."""
    (tmp_path / "routes.yaml").write_text(
        "version: 1\n"
        "server: {trusted_proxies: [192.0.2.0/24]}\n"
        'auth: {devices: {mtls: {subjects: "CN=good", from: {header: x-client, form: subject}},'
        " failures: {rate: 1/h, burst: 2}}}\n"
        "endpoints: {GET /a: {auth: devices, respond: {body: ok}}}\n"
    )
    with TestClient(create_app(tmp_path / "routes.yaml"), client=("192.0.2.1", 1)) as client:
        sent = ("bad", "bad", "bad", "good", None)
        found = [client.get("/a", headers={"x-client": f"CN={name}"} if name else {}).status_code for name in sent]
    assert found == [401, 401, 429, 200, 401]


def test_a_broken_file_of_keys(stage: Any) -> None:
    """The last good version goes on, and what is wrong with the new one is said."""
    line = f"- {{name: acme, sha256: {hashlib.sha256(b'acme').hexdigest()}}}\n"
    (stage.folder / "keys.yaml").write_text(line)
    gateway = stage.gateway(
        "auth: {keys: {api_key: {header: x-key, keys: {file: keys.yaml}}}}\n"
        "endpoints: {GET /a: {auth: keys, respond: {body: ok}}}\n"
    )
    for broken in ("- {name: acme, sha256: 12}\n", "- {name: [\n", "keys: no list\n"):
        (stage.folder / "keys.yaml").write_text(broken)
        outcome = gateway.reload()
        assert (outcome.verdict, "keys.yaml" in outcome.report) == ("refused", True)
        assert gateway.get("/a", "x-key: acme").status == 200
    (stage.folder / "keys.yaml").write_text("[]\n")
    gateway.reload()
    assert gateway.get("/a", "x-key: acme").status == 401
