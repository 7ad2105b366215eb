"""What is kept for one caller is given to no other, whoever they are known by."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc import jws
from joserfc.jwk import ECKey

from aggregator import create_app

FILE = """\
version: 1
auth:
  first: {jwt: {issuer: "https://one.test", audience: shop, jwks: {file: one.json}}}
  second: {jwt: {issuer: "https://two.test", audience: shop, jwks: {file: two.json}}}
  sso: {external: {url: up:/check, headers: [cookie]}}
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /kept: {auth: {any: [first, second, sso]}, cache: 1m, call: up:/data}
"""


@pytest.fixture(scope="module")
def keys() -> dict[str, ECKey]:
    """The key of each issuer."""
    return {name: ECKey.generate_key("P-256") for name in ("one", "two")}


@pytest.fixture
def calls() -> list[str]:
    """What the upstream was asked for."""
    return []


@pytest.fixture
def client(tmp_path: Path, keys: dict[str, ECKey], calls: list[str]) -> Iterator[TestClient]:
    """A client of the application."""
    for name, key in keys.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    (tmp_path / "routes.yaml").write_text(FILE)

    def upstream(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        return httpx.Response(200, json=len(calls))

    with TestClient(create_app(tmp_path / "routes.yaml", transport=httpx.MockTransport(upstream))) as client:
        yield client


@pytest.fixture
def bearer(keys: dict[str, ECKey]) -> Callable[..., dict[str, str]]:
    """Makes the header with a token: ``bearer(issuer, **claims)``; a claim of None is left out."""

    def make(issuer: str, **changes: Any) -> dict[str, str]:
        claims = {"iss": f"https://{issuer}.test", "aud": "shop", "sub": "ada", "exp": time.time() + 300} | changes
        told = {name: value for name, value in claims.items() if value is not None}
        return {"authorization": "Bearer " + jws.serialize_compact({"alg": "ES256"}, json.dumps(told), keys[issuer])}

    return make


def test_keys_in_a_file(client: TestClient, bearer: Callable[..., dict[str, str]]) -> None:
    """A JWKS in a file is the keys of its issuer, and of no other."""
    assert client.get("/kept", headers=bearer("one")).status_code == 200
    assert client.get("/kept", headers=bearer("two", iss="https://one.test")).status_code == 401


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"issuer": "one"}, {"issuer": "two"}),
        ({"issuer": "one"}, {"issuer": "one", "sub": "bob"}),
        ({"issuer": "one", "sub": None, "azp": "a"}, {"issuer": "one", "sub": None, "azp": "b"}),
        ({"issuer": "one", "sub": "", "azp": "a"}, {"issuer": "one", "sub": None, "azp": "b"}),
    ],
)
def test_a_cache_of_callers(
    client: TestClient, bearer: Callable[..., dict[str, str]], one: dict[str, Any], other: dict[str, Any]
) -> None:
    """A subject of another issuer, and another token without any subject, are other callers."""
    tokens = bearer(**one), bearer(**other)
    answers = [client.get("/kept", headers=token).json() for token in (*tokens, *tokens)]
    assert answers == [1, 2, 1, 2]


def test_callers_whom_nobody_names(client: TestClient, calls: list[str]) -> None:
    """An upstream that admits without a subject admits each cookie by itself."""
    for cookie in ("s=1", "s=2", "s=1"):
        client.get("/kept", headers={"cookie": cookie})
    assert calls.count("/data") == 2
