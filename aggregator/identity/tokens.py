"""JSON Web Tokens (RFC 7519, 8725, 9068): read, held against the rules of a scheme, and verified by joserfc.

What a token says of itself decides nothing: the algorithms are those of the file, the keys are those of the issuer,
and a key is used for the algorithms of its kind alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from aggregator.codecs.json import repeated_key
from aggregator.identity.caller import Caller, Reason, Refused, texts_at
from aggregator.identity.keysets import KeySet

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
SYMMETRIC = ("HS256", "HS384", "HS512")
_LONGEST = 16 * 1024
_LATEST = 2.0**53
"""Seconds up to which times can be counted exactly; JSON has longer numbers, which no float can hold."""
_MOST_KEYS = 4
"""How many keys are tried for a token that names none."""
_TYPES = frozenset({"jwt", "at+jwt"})
_FOREIGN = ("jwk", "jku", "x5u", "x5c", "crit", "b64", "enc", "zip")
"""Header parameters that bring a key of the sender's choice, or change what is signed: all refused (RFC 8725 §3.10)."""


class TokenRules(Struct, frozen=True):
    """The rules for a token. *leeway* is in seconds; *scopes_at* and *roles_at* are paths in the claims.

    *types* are the kinds of which it has to be, in lower case; empty for the usual ones, or none.
    """

    issuer: str
    audience: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ASYMMETRIC
    leeway: float = 30.0
    require: tuple[str, ...] = ()
    scopes_at: tuple[str, ...] = ("scope",)
    roles_at: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()


class Token(Struct, frozen=True):
    """A token that is well formed, its signature not yet looked at."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def key_id(self) -> str | None:
        """The name of the key that the token says it was signed with."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


def read_token(text: str) -> Token:
    """Return *text* as a token; raises ``Refused``. Whether it is genuine is another question."""
    if len(text) > _LONGEST or text.count(".") != 2:
        raise Refused(Reason.MALFORMED)
    head, body, _ = text.split(".")
    return Token(text, _members(head), _members(body))


def issuer_of(token: Token) -> str:
    """Return who the token says has made it: good for choosing a scheme, and for nothing else."""
    issuer = token.claims.get("iss")
    return issuer if isinstance(issuer, str) else ""


def _members(segment: str) -> dict[str, Any]:
    try:
        raw = base64.urlsafe_b64decode(segment.encode("ascii") + b"=" * (-len(segment) % 4))
        value = msgspec.json.decode(raw)
    except (binascii.Error, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        raise Refused(Reason.MALFORMED) from None
    if not isinstance(value, dict) or "=" in segment or repeated_key(raw, value) is not None:
        raise Refused(Reason.MALFORMED)
    return value


def judge(token: Token, scheme: str, rules: TokenRules, keys: KeySet, now: float) -> Caller:
    """Return the caller that *token* speaks for; raises ``Refused``.

    An unknown key is ``UNKNOWN_KEY``: the caller of this may fetch the keys anew. Claims are looked at when the
    signature is right, so that nobody learns from the answer what a forged token lacks.
    """
    algorithm = _algorithm(token, rules)
    candidates = keys.candidates(token.key_id, algorithm)[:_MOST_KEYS]
    if not candidates:
        raise Refused(Reason.UNKNOWN_KEY)
    if not any(_is_signed(token.text, key, algorithm) for key in candidates):
        raise Refused(Reason.WRONG_SIGNATURE)
    _check_claims(token.claims, rules, now)
    claims = token.claims
    return Caller(
        scheme,
        claims.get("sub") or "",
        rules.issuer,
        claims,
        texts_at(claims, rules.scopes_at),
        texts_at(claims, rules.roles_at) if rules.roles_at else (),
        until=float(claims["exp"]) + rules.leeway,
    )


def _algorithm(token: Token, rules: TokenRules) -> str:
    header = token.header
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in rules.algorithms:
        raise Refused(Reason.WRONG_ALGORITHM)
    if any(name in header for name in _FOREIGN) or ("kid" in header and not isinstance(header["kid"], str)):
        raise Refused(Reason.MALFORMED)
    kind = header.get("typ")
    if kind is None and rules.types:
        raise Refused(Reason.WRONG_TYPE)
    if kind is not None and (
        not isinstance(kind, str) or kind.lower().removeprefix("application/") not in (rules.types or _TYPES)
    ):
        raise Refused(Reason.WRONG_TYPE)
    if "cty" in header:  # a token inside a token (RFC 7519 §5.2)
        raise Refused(Reason.WRONG_TYPE)
    return algorithm


def _is_signed(text: str, key: Any, algorithm: str) -> bool:
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        jws.deserialize_compact(text, key, algorithms=[algorithm], registry=_registry(algorithm))
    except (JoseError, ValueError, TypeError, RecursionError):  # it reads the header by itself, however deep that is
        return False
    return True


@lru_cache
def _registry(algorithm: str) -> Any:
    """Return how joserfc reads tokens of *algorithm*.

    Header parameters that nobody knows are ignored (RFC 7515 §4). EdDSA is the old name of Ed25519 (RFC 9864), which
    issuers still write: it means the same signature, and no warning.
    """
    from joserfc.jws import JWSRegistry

    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = _LONGEST
    registry.max_payload_length = _LONGEST
    if algorithm == "EdDSA":
        registry.algorithms = registry.algorithms | {"EdDSA": registry.algorithms["Ed25519"]}
    return registry


def _check_claims(claims: Mapping[str, Any], rules: TokenRules, now: float) -> None:
    if claims.get("iss") != rules.issuer:
        raise Refused(Reason.WRONG_ISSUER)
    if not isinstance(claims.get("sub"), str | None):  # RFC 7519 §4.1.2; as nobody it would be one with all others
        raise Refused(Reason.MALFORMED)
    if rules.audience and not audiences(claims.get("aud")) & set(rules.audience):
        raise Refused(Reason.WRONG_AUDIENCE)
    expires: Any = claims.get("exp")
    starts: Any = claims.get("nbf", 0)
    if not is_number(expires) or not is_number(starts):
        raise Refused(Reason.MISSING_CLAIM)
    if now >= expires + rules.leeway:
        raise Refused(Reason.EXPIRED)
    if now < starts - rules.leeway:
        raise Refused(Reason.NOT_YET_VALID)
    if any(claims.get(name) is None for name in rules.require):
        raise Refused(Reason.MISSING_CLAIM)


def audiences(value: Any) -> set[str]:
    """Return for whom a token is, *value* being its ``aud``: one text, or a list of them (RFC 7519 §4.1.3)."""
    members: Sequence[Any] = value if isinstance(value, list) else [value]
    return {member for member in members if isinstance(member, str)}


def is_number(value: Any) -> bool:
    """Return whether *value* is a NumericDate (RFC 7519 §2), one that clocks can come to."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LATEST
