"""Tokens that are taken back: by a file that is watched, and by the address of administration."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

ROUTES = """\
server: {admin: {address: "127.0.0.1:0", secret: a-secret-of-some-length}}
auth:
  customers: {jwt: {issuer: https://id.test, audience: shop, key: {file: issuer.pem}, revoked: {file: revoked.yaml}}}
  partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}
endpoints:
  GET /me: {auth: {any: [customers, partners]}, respond: {body: "{{ auth.subject }}"}}
"""
SHOWN = "authorization: Bearer a-secret-of-some-length"


@pytest.fixture
def token(stage) -> Callable[..., str]:
    """Makes tokens of the issuer whose key is in the folder."""
    key = ECKey.generate_key("P-256")
    (stage.folder / "issuer.pem").write_bytes(key.as_pem(private=False))
    (stage.folder / "revoked.yaml").write_text("- {jti: old}\n")
    (stage.folder / "keys.yaml").write_text("[]\n")

    def make(**changes: Any) -> str:
        now = time.time()
        claims = {"iss": "https://id.test", "aud": "shop", "sub": "ada", "exp": now + 600, "iat": now - 10}
        return jws.serialize_compact({"alg": "ES256"}, json.dumps(claims | changes), key)

    return make


def status(gateway: Any, token: str) -> int:
    """Return the status that *token* gets."""
    return gateway.get("/me", f"authorization: Bearer {token}").status


def asked(stage: Any, gateway: Any, **given: Any) -> Any:
    """Return the answer to the action with *given*."""
    body = json.dumps(given).encode()
    head = f"POST /-/revoke HTTP/1.1\r\nhost: 127.0.0.1\r\n{SHOWN}\r\ncontent-length: {len(body)}\r\n\r\n"
    with stage.wire(gateway.admin) as wire:
        return wire.send(head.encode() + body).reply()


def test_a_file_takes_tokens_back(stage, token: Callable[..., str]) -> None:
    """What stands in it is refused; what is added is refused after a reload, although it was remembered as right."""
    gateway = stage.gateway(ROUTES)
    one, other = token(jti="one"), token(jti="other")
    assert (status(gateway, token(jti="old")), status(gateway, one), status(gateway, other)) == (401, 200, 200)
    (stage.folder / "revoked.yaml").write_text("- {jti: old}\n- {jti: one}\n")
    gateway.reload()
    assert (status(gateway, one), status(gateway, other)) == (401, 200)


def test_a_broken_file_changes_nothing(stage, token: Callable[..., str]) -> None:
    """The last good version goes on, and the refusal says which entry is wrong."""
    gateway = stage.gateway(ROUTES)
    (stage.folder / "revoked.yaml").write_text("- {jti: old}\n- {jit: one}\n")
    assert "entry 2: an entry names a `jti`" in gateway.reload().report
    assert status(gateway, token(jti="old")) == 401


def test_the_address_of_administration_takes_tokens_back(stage, token: Callable[..., str]) -> None:
    """One by its id, all of a subject up to now; at once, over a reload, and told in the log."""
    gateway = stage.gateway(ROUTES)
    one, hers, his = token(jti="one"), token(), token(sub="bob")
    assert [status(gateway, each) for each in (one, hers, his)] == [200] * 3
    assert asked(stage, gateway, scheme="customers", jti="one", reason="lost").json["revoked"] == "the token one"
    assert [status(gateway, each) for each in (one, hers, his)] == [401, 200, 200]
    assert "tokens of ada from before" in asked(stage, gateway, scheme="customers", sub="ada").json["revoked"]
    (stage.folder / "revoked.yaml").write_text("[]\n")
    gateway.reload()
    assert [status(gateway, each) for each in (one, hers, his)] == [401, 401, 200]
    assert status(gateway, token(iat=time.time() + 5)) == 200
    assert gateway.said("An action was asked for.")[0]["outcome"] == "customers: the token one"


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"scheme": "customers"}, 400, "It takes `scheme`"),
        ({"scheme": "customers", "jti": "a", "sub": "b"}, 400, "It takes `scheme`"),
        ({"scheme": "customers", "jti": "a", "before": "2027-01-01"}, 400, "It takes `scheme`"),
        ({"scheme": "customers", "jti": 7}, 400, "It takes `scheme`"),
        ({"scheme": "customers", "jti": "a", "until": "x"}, 400, "It takes `scheme`"),
        ({"scheme": "customers", "sub": "a", "before": "soon"}, 400, "not a moment"),
        ({"scheme": "partners", "jti": "a"}, 404, "no scheme of this name"),
        ({"scheme": "nobody", "jti": "a"}, 404, "no scheme of this name"),
    ],
)
def test_what_cannot_be_revoked(
    stage, token: Callable[..., str], given: dict[str, Any], status: int, said: str
) -> None:
    """What is asked for wrongly changes nothing, and is answered in a sentence."""
    assert token()
    answer = asked(stage, stage.gateway(ROUTES), **given)
    assert (answer.status, said in answer.detail) == (status, True)
