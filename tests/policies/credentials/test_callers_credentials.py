"""``forward: {auth: true}``: the credential by which the caller was admitted goes on to the upstream."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

FILE = """
auth:
  partners: {api_key: {header: X-Api-Key, keys: {file: keys.yaml}}}
  customers: {jwt: {issuer: https://id.test, audience: shop, key: {file: issuer.pem}}}
  pages: {jwt: {issuer: https://id.test, audience: shop, key: {file: issuer.pem}, from: {cookie: session}}}
upstreams: {a: {url: http://a.test, forward: {auth: true}}, b: {url: http://b.test}}
endpoints:
  GET /open: {auth: none, call: a:/x}
  GET /any: {auth: {any: [partners, customers, pages]}, call: a:/x}
  GET /all: {auth: {all: [partners, customers]}, call: a:/x}
  GET /maybe: {auth: {any: [customers], optional: true}, call: a:/x}
  GET /set: {auth: partners, call: {url: a:/x, headers: {x-api-key: ours}}}
  GET /everything: {auth: partners, call: {url: a:/x, forward: {headers: [all]}}}
  GET /other: {auth: partners, call: b:/x}
"""


@pytest.fixture(scope="module")
def key() -> ECKey:
    """The key of the issuer."""
    return ECKey.generate_key("P-256")


@pytest.fixture
def token(key: ECKey, tmp_path: Path) -> str:
    """A good token; the files that the schemes name are there."""
    digest = hashlib.sha256(b"good-key").hexdigest()
    (tmp_path / "keys.yaml").write_text(f"- {{name: acme, sha256: {digest}}}\n")
    (tmp_path / "issuer.pem").write_bytes(key.as_pem(private=False))
    claims = {"iss": "https://id.test", "aud": "shop", "sub": "carl", "exp": time.time() + 300}
    return jws.serialize_compact({"alg": "ES256"}, json.dumps(claims), key)


@pytest.mark.parametrize(
    ("path", "headers", "wanted"),
    [
        ("/open", {"authorization": "Digest what-it-is"}, {"authorization": "Digest what-it-is"}),
        ("/open", {}, {}),
        ("/any", {"x-api-key": "good-key"}, {"x-api-key": "good-key"}),
        ("/any", {"authorization": "bearer TOKEN"}, {"authorization": "bearer TOKEN"}),
        ("/any", {"cookie": "session=TOKEN; more=1"}, {"authorization": "Bearer TOKEN"}),
        ("/any", {"x-api-key": "good-key", "authorization": "Basic eDp5"}, {"x-api-key": "good-key"}),
        ("/all", {"x-api-key": "good-key", "authorization": "Bearer TOKEN"}, {"x-api-key": "good-key"}),
        ("/maybe", {}, {}),
        ("/maybe", {"x-api-key": "good-key"}, {}),
        ("/set", {"x-api-key": "good-key"}, {"x-api-key": "ours"}),
        ("/everything", {"x-api-key": "good-key", "authorization": "Basic eDp5"}, {"x-api-key": "good-key"}),
        ("/other", {"x-api-key": "good-key"}, {}),
    ],
)
def test_what_admitted_the_caller_goes_on(serve, token: str, path: str, headers, wanted) -> None:
    """It and nothing beside it: what another scheme would have taken, and what the call sets itself, stay away."""
    served = serve(FILE)
    answer = served.client.get(path, headers={name: value.replace("TOKEN", token) for name, value in headers.items()})
    assert answer.status_code == 200, answer.text
    (request,) = served.requests
    sent = {name: value for name, value in request.headers.items() if name in ("authorization", "x-api-key", "cookie")}
    assert sent == {name: value.replace("TOKEN", token) for name, value in wanted.items()}
    assert len(request.headers.get_list("x-api-key")) <= 1
