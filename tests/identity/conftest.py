"""Keys that are made once: making one of RSA takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

NOW = 1_800_000_000.0
ISSUER = "https://id.example.com"


@pytest.fixture(scope="session")
def rsa() -> RSAKey:
    """A key of RSA."""
    return RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})


@pytest.fixture(scope="session")
def ec() -> ECKey:
    """A key on the curve P-256."""
    return ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})


@pytest.fixture(scope="session")
def okp() -> OKPKey:
    """A key of Ed25519."""
    return OKPKey.generate_key("Ed25519", {"kid": "okp", "use": "sig"})


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token, with *changes*; what is None is left out."""
    good = {"iss": ISSUER, "sub": "ada", "aud": "shop", "exp": NOW + 300, "iat": NOW - 5, "scope": "a b"}
    return {name: value for name, value in (good | changes).items() if value is not None}


@pytest.fixture
def signed() -> Callable[..., str]:
    """Makes tokens: ``signed(key, algorithm, claims, **header)``."""
    import json

    def sign(key: Any, algorithm: str, body: dict[str, Any] | bytes, **header: Any) -> str:
        payload = body if isinstance(body, bytes) else json.dumps(body)
        protected = {"alg": algorithm, "kid": key.kid, **header}
        protected = {name: value for name, value in protected.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        registry.algorithms = registry.algorithms | {
            "EdDSA": registry.algorithms["Ed25519"]
        }  # the same, by its old name
        return jws.serialize_compact(protected, payload, key, registry=registry)

    return sign
