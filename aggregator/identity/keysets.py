"""The keys of an issuer: a JWKS (RFC 7517), a PEM file, or a shared secret; joserfc reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_MOST = 100
_SMALLEST_RSA = 2048
_ALGORITHMS: dict[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}


class KeySet:
    """Keys by name and by algorithm. *skipped* tells how many of a JWKS could not be used."""

    __slots__ = ("_keys", "skipped")

    def __init__(self, keys: Iterable[tuple[str | None, tuple[str, ...], Any]], skipped: int = 0) -> None:
        self._keys = tuple(keys)
        self.skipped = skipped

    def __len__(self) -> int:
        return len(self._keys)

    def candidates(self, key_id: str | None, algorithm: str) -> list[Any]:
        """Return the keys that may have signed: those named *key_id*, all when it is None, of the kind of *algorithm*.

        A key without a name is one that any token may mean.
        """
        return [
            key
            for name, algorithms, key in self._keys
            if algorithm in algorithms and (key_id is None or name is None or name == key_id)
        ]


def read_jwks(document: Any) -> KeySet:
    """Return the keys of a JWKS; those that cannot be used are skipped, as RFC 7517 §5 wants.

    Raises ``ValueError`` for what is no JWKS at all.
    """
    members = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(members, list):
        raise ValueError("it is no JWKS: it has no list `keys`")
    found = [usable for member in members[:_MOST] if (usable := _usable(member)) is not None]
    return KeySet(found, len(members) - len(found))


def _usable(member: Any) -> tuple[str | None, tuple[str, ...], Any] | None:
    """Return name, algorithms and key of one member; None for what signs nothing, and for secrets and weak keys."""
    if not isinstance(member, Mapping) or member.get("use", "sig") != "sig":
        return None
    operations = member.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        return None
    kind = (member.get("kty"), member.get("crv", "") if member.get("kty") != "RSA" else "")
    algorithms = _ALGORITHMS.get(kind)  # type: ignore[arg-type]
    if algorithms is None:
        return None
    if (named := member.get("alg")) is not None:
        algorithms = tuple(one for one in algorithms if one == named or {one, named} == {"EdDSA", "Ed25519"})
    key = _imported({name: value for name, value in member.items() if name not in ("d", "p", "q", "dp", "dq", "qi")})
    if key is None or not algorithms:
        return None
    kid = member.get("kid")
    return (kid if isinstance(kid, str) else None), algorithms, key


def _imported(member: Mapping[str, Any]) -> Any:
    from joserfc import jwk
    from joserfc.errors import JoseError

    known = {name: member[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in member}
    if known.get("kty") == "RSA" and len(str(known.get("n", ""))) * 6 < _SMALLEST_RSA:  # six bits a character
        return None
    try:
        return jwk.import_key(known)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def read_pem(text: bytes) -> KeySet:
    """Return the public key of a PEM file; raises ``ValueError``."""
    from joserfc import jwk
    from joserfc.errors import JoseError

    for kind in ("RSA", "EC", "OKP"):
        try:
            key = jwk.import_key(text, kind)
            member = key.as_dict(private=False)
        except (JoseError, ValueError, TypeError):
            continue
        algorithms = _ALGORITHMS.get((kind, str(member.get("crv", ""))))
        if algorithms is not None:
            return KeySet([(None, algorithms, key)])
    raise ValueError("it holds no key in PEM that tokens are signed with")


def shared_secret(secret: bytes, algorithms: Iterable[str]) -> KeySet:
    """Return the key that signs and verifies alike, for the symmetric *algorithms*.

    Raises ``ValueError`` when it is shorter than the hash of one of them (RFC 7518 §3.2), and for a key in PEM: the
    public one would let everybody sign.
    """
    from joserfc.jwk import OctKey

    if b"-----BEGIN" in secret:
        raise ValueError("it is a key in PEM, and no shared secret")
    names = tuple(algorithms)
    shortest = max(int(name[2:]) // 8 for name in names)
    if len(secret) < shortest:
        raise ValueError(f"it has {len(secret)} bytes, and {max(names)} wants {shortest}")
    return KeySet([(None, names, OctKey.import_key(secret))])
