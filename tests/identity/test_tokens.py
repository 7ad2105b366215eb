"""Tokens: the good ones are admitted, and every way of cheating is refused for the right reason.

The kinds of attack are those of RFC 8725 and of the JOSE vectors of the project Wycheproof (C2SP), written anew.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from aggregator.identity.caller import Reason, Refused
from aggregator.identity.keysets import KeySet, read_jwks, read_pem, shared_secret
from aggregator.identity.tokens import SYMMETRIC, TokenRules, issuer_of, judge, read_token

from .conftest import ISSUER, NOW, claims

RULES = TokenRules(ISSUER, ("shop",))
Sign = Callable[..., str]


def b64(value: Any) -> str:
    """Return *value* as a segment of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def published(*keys: Any, **changes: Any) -> KeySet:
    """Return the JWKS that an issuer would publish for *keys*."""
    return read_jwks({"keys": [key.as_dict(private=False) | changes for key in keys]})


def reason(text: str, keys: KeySet, rules: TokenRules = RULES, now: float = NOW) -> Reason | None:
    """Return why *text* is refused; None when it is admitted."""
    try:
        judge(read_token(text), "customers", rules, keys, now)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("rsa", "RS256"), ("rsa", "RS512"), ("rsa", "PS256"), ("ec", "ES256"), ("okp", "EdDSA"), ("okp", "Ed25519")],
)
def test_a_good_token(kind: str, algorithm: str, signed: Sign, request: pytest.FixtureRequest) -> None:
    """A token of each family of algorithms is admitted: who, with which scopes and roles, until when."""
    key = request.getfixturevalue(kind)
    body = claims(realm_access={"roles": ["admin"]})
    rules = TokenRules(ISSUER, ("shop",), roles_at=("realm_access", "roles"))
    caller = judge(read_token(signed(key, algorithm, body)), "customers", rules, published(key), NOW)
    assert (caller.scheme, caller.subject, caller.issuer) == ("customers", "ada", ISSUER)
    assert (caller.scopes, caller.roles) == (("a", "b"), ("admin",))
    assert caller.until == NOW + 330


@pytest.mark.parametrize(
    ("changes", "now", "refused"),
    [
        ({}, 0, None),
        ({"exp": None}, 0, Reason.MISSING_CLAIM),
        ({"exp": "never"}, 0, Reason.MISSING_CLAIM),
        ({"exp": True}, 0, Reason.MISSING_CLAIM),
        ({"exp": 10**400}, 0, Reason.MISSING_CLAIM),
        ({"nbf": -(10**400)}, 0, Reason.MISSING_CLAIM),
        ({}, 329, None),
        ({}, 330, Reason.EXPIRED),
        ({"nbf": NOW + 30}, 0, None),
        ({"nbf": NOW + 31}, 0, Reason.NOT_YET_VALID),
        ({"iss": None}, 0, Reason.WRONG_ISSUER),
        ({"iss": ISSUER + "/"}, 0, Reason.WRONG_ISSUER),
        ({"iss": [ISSUER]}, 0, Reason.WRONG_ISSUER),
        ({"aud": None}, 0, Reason.WRONG_AUDIENCE),
        ({"aud": "shopper"}, 0, Reason.WRONG_AUDIENCE),
        ({"aud": ["other", "shop"]}, 0, None),
        ({"aud": {"shop": 1}}, 0, Reason.WRONG_AUDIENCE),
        ({"sub": None}, 0, None),
        ({"sub": ["ada"]}, 0, Reason.MALFORMED),
        ({"sub": 7}, 0, Reason.MALFORMED),
    ],
)
def test_claims(changes: dict[str, Any], now: float, refused: Reason | None, signed: Sign, ec: ECKey) -> None:
    """Issuer and audience are exact, the time is that of the claims and 30 s of grace, `exp` has to be there."""
    assert reason(signed(ec, "ES256", claims(**changes)), published(ec), now=NOW + now) is refused


def test_required_claims(signed: Sign, ec: ECKey) -> None:
    """A claim that the file asks for has to be there."""
    rules = TokenRules(ISSUER, ("shop",), require=("jti",))
    assert reason(signed(ec, "ES256", claims()), published(ec), rules) is Reason.MISSING_CLAIM
    assert reason(signed(ec, "ES256", claims(jti="1")), published(ec), rules) is None


@pytest.mark.parametrize(
    ("header", "refused"),
    [
        ({"typ": "JWT"}, None),
        ({"typ": "at+jwt"}, None),
        ({"typ": "application/at+jwt"}, None),
        ({"typ": "logout+jwt"}, Reason.WRONG_TYPE),
        ({"typ": 1}, Reason.WRONG_TYPE),
        ({"cty": "JWT"}, Reason.WRONG_TYPE),
        ({"crit": ["exp"], "exp": 1}, Reason.MALFORMED),
        ({"jku": "https://evil.test/jwks"}, Reason.MALFORMED),
        ({"x5u": "https://evil.test/cert"}, Reason.MALFORMED),
        ({"x5c": []}, Reason.MALFORMED),
        ({"kid": None}, None),
        ({"kid": "other"}, Reason.UNKNOWN_KEY),
    ],
)
def test_headers(header: dict[str, Any], refused: Reason | None, ec: ECKey) -> None:
    """A token brings no key, no extension and no other token along, and is of a type that opens doors."""
    protected = {"alg": "ES256", "kid": "ec"} | header
    protected = {name: value for name, value in protected.items() if value is not None}
    text = _signed_by_hand(protected, claims(), ec)
    assert reason(text, published(ec)) is refused


def _signed_by_hand(protected: dict[str, Any], body: Any, key: ECKey) -> str:
    """Return a token whose header no library would write."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    signing = f"{b64(protected)}.{b64(body)}"
    r, s = decode_dss_signature(key.private_key.sign(signing.encode(), ECDSA(SHA256())))
    return f"{signing}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


def test_a_key_in_the_header_is_not_used(ec: ECKey) -> None:
    """A sender that signs with a key of its own, and sends it along, is refused."""
    own = ECKey.generate_key("P-256")
    text = _signed_by_hand({"alg": "ES256", "jwk": own.as_dict(private=False)}, claims(), own)
    assert reason(text, published(ec)) is Reason.MALFORMED


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS256", "HS512", "ES384", "RS1", None, 1, ["ES256"]])
def test_algorithms(algorithm: Any, ec: ECKey) -> None:
    """Only declared algorithms are taken, none of them is `none`, and symmetric ones are not among them."""
    text = f"{b64({'alg': algorithm, 'kid': 'ec'})}.{b64(claims())}."
    assert reason(text, published(ec)) in (Reason.WRONG_ALGORITHM, Reason.UNKNOWN_KEY)


def test_a_public_key_is_no_secret(rsa: RSAKey) -> None:
    """A token that is signed by HMAC with the public key of the issuer is refused, even where HS256 is declared."""
    pem = rsa.as_pem(private=False)
    signing = f"{b64({'alg': 'HS256', 'kid': 'rsa'})}.{b64(claims())}"
    text = f"{signing}.{b64(hmac.digest(pem, signing.encode(), 'sha256'))}"
    rules = TokenRules(ISSUER, ("shop",), algorithms=("RS256", "HS256"))
    assert reason(text, published(rsa), rules) is Reason.UNKNOWN_KEY
    assert reason(text, read_pem(pem), rules) is Reason.UNKNOWN_KEY


def test_another_key(signed: Sign, ec: ECKey) -> None:
    """A signature of somebody else is refused, under the name of a good key and under none."""
    other = ECKey.generate_key("P-256", {"kid": "ec"})
    assert reason(signed(other, "ES256", claims()), published(ec)) is Reason.WRONG_SIGNATURE
    assert reason(signed(other, "ES256", claims(), kid=None), published(ec)) is Reason.WRONG_SIGNATURE


def test_changed_parts(signed: Sign, ec: ECKey) -> None:
    """Whatever part is changed, the signature does not fit any more."""
    head, body, signature = signed(ec, "ES256", claims()).split(".")
    keys = published(ec)
    assert reason(f"{head}.{b64(claims(sub='eve'))}.{signature}", keys) is Reason.WRONG_SIGNATURE
    assert reason(f"{b64({'alg': 'ES256', 'kid': 'ec', 'x': 1})}.{body}.{signature}", keys) is Reason.WRONG_SIGNATURE
    for cheat in ("", b64(b"\0" * 64), b64(b"\0" * 63), b64(b"\xff" * 64), signature[:-4], signature + "AAAA"):
        assert reason(f"{head}.{body}.{cheat}", keys) is Reason.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d.e",
        "..",
        f"{b64([])}.{b64({})}.",
        f"{b64({'alg': 'ES256'})}.{b64(b'{')}.",
        f"{b64({'alg': 'ES256'})}.{b64(b'[' * 5000)}.",
        b64(b'{"alg":"none","alg":"ES256"}') + "." + b64({}) + ".",
        b64({"alg": "ES256"}) + "." + b64(b'{"sub":"a","sub":"b"}') + ".",
        "." * 10_000,
        "a" * 1_000_000 + ".b.c",
        f"{b64({'alg': 'ES256'})}=.{b64({})}.",
        "ü.ü.ü",
    ],
)
def test_what_is_no_token(text: str, ec: ECKey) -> None:
    """Texts of any size and shape are refused before any key is looked at; a member twice is one of them."""
    with pytest.raises(Refused) as refused:
        read_token(text)
    assert refused.value.reason is Reason.MALFORMED


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    """No text makes the reader fail in another way than by refusing."""
    with suppress(Refused):
        read_token(text)


@pytest.mark.parametrize(
    "member",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "secp256k1"},
        {"crv": "P-999"},
        {"x": "AAAA"},
        {"alg": "RS256"},
        {"kty": None},
    ],
)
def test_keys_that_cannot_be_used_are_skipped(member: dict[str, Any], signed: Sign, ec: ECKey) -> None:
    """One strange key in a JWKS does not take the good one along, and is never used itself."""
    good = ec.as_dict(private=False)
    keys = read_jwks({"keys": [good | {"kid": "odd"} | member, 1, good]})
    assert (len(keys), keys.skipped) == (1, 2)
    assert reason(signed(ec, "ES256", claims()), keys) is None


def test_a_small_key_is_skipped() -> None:
    """RSA keys of fewer than 2048 bits are not trusted (RFC 7518 §3.3)."""
    small = {"kty": "RSA", "n": b64(b"\xff" * 128), "e": "AQAB"}
    assert len(read_jwks({"keys": [small]})) == 0


@pytest.mark.parametrize("document", [{}, [], {"keys": {}}, None, "keys"])
def test_what_is_no_jwks(document: Any) -> None:
    """A document without a list of keys is refused as a whole."""
    with pytest.raises(ValueError, match="no JWKS"):
        read_jwks(document)


@pytest.mark.parametrize("kind", ["rsa", "ec", "okp"])
def test_a_key_in_a_file(kind: str, signed: Sign, request: pytest.FixtureRequest) -> None:
    """A PEM file holds the one key that tokens are signed with; they need not name it."""
    key = request.getfixturevalue(kind)
    algorithm = {"rsa": "RS256", "ec": "ES256", "okp": "EdDSA"}[kind]
    keys = read_pem(key.as_pem(private=False))
    assert reason(signed(key, algorithm, claims(), kid="any"), keys) is None


def test_a_file_without_a_key() -> None:
    """A PEM file that is none is refused."""
    with pytest.raises(ValueError, match="no key"):
        read_pem(b"-----BEGIN NONSENSE-----")


def test_a_shared_secret(signed: Sign) -> None:
    """A declared secret verifies what was signed with it, and is as long as the hash."""
    secret = b"s" * 32
    keys = shared_secret(secret, ("HS256",))
    rules = TokenRules(ISSUER, ("shop",), algorithms=("HS256",))
    assert reason(signed(OctKey.import_key(secret), "HS256", claims()), keys, rules) is None
    assert reason(signed(OctKey.import_key(b"t" * 32), "HS256", claims()), keys, rules) is Reason.WRONG_SIGNATURE
    with pytest.raises(ValueError, match="wants 64"):
        shared_secret(secret, SYMMETRIC)


def test_the_issuer_of_a_token_chooses_a_scheme(signed: Sign, ec: ECKey) -> None:
    """Who made a token is read before it is verified, to know by which rules."""
    assert issuer_of(read_token(signed(ec, "ES256", claims()))) == ISSUER
    assert issuer_of(read_token(signed(ec, "ES256", claims(iss=[1])))) == ""


def test_a_token_without_a_subject_is_nobody_else(signed: Sign, ec: ECKey, okp: OKPKey) -> None:
    """Identities carry the lengths of their pieces, so that no two of them are one text."""
    one = judge(read_token(signed(ec, "ES256", claims(sub=""))), "a", RULES, published(ec), NOW)
    two = judge(read_token(signed(ec, "ES256", claims(sub="1:a"))), "a", RULES, published(ec), NOW)
    assert one.identity != two.identity


@pytest.mark.parametrize(
    ("typ", "wanted"), [("at+jwt", None), ("AT+JWT", None), ("JWT", Reason.WRONG_TYPE), (None, Reason.WRONG_TYPE)]
)
def test_a_type_that_is_declared(typ: str | None, wanted: Reason | None, ec: ECKey, signed: Sign) -> None:
    """A token has to say one of the kinds that the file names (RFC 9068 §4)."""
    rules = TokenRules(ISSUER, ("shop",), types=frozenset({"at+jwt"}))
    assert reason(signed(ec, "ES256", claims(), typ=typ), published(ec), rules) is wanted


@pytest.mark.parametrize("depth", [500, *range(880, 1000, 5), 2000])
def test_a_deep_header(depth: int, ec: ECKey) -> None:
    """However deep a token is, it is refused: those who read it have bounds that differ."""
    header = b'{"alg":"ES256","x":' + b"[" * depth + b"]" * depth + b"}"
    assert reason(f"{b64(header)}.{b64(claims())}.{b64(b'x' * 64)}", published(ec)) in (
        Reason.MALFORMED,
        Reason.WRONG_SIGNATURE,
    )


@pytest.mark.parametrize(
    ("sent", "scopes"),
    [
        ("a b", ("a", "b")),
        (" a  b ", ("a", "b")),
        ("a\u2003b", ("a\u2003b",)),
        ("a\tb", ("a\tb",)),
        (["a b", 7, None], ("a b",)),
        (7, ()),
        ({"a": 1}, ()),
    ],
)
def test_scopes(sent: Any, scopes: tuple[str, ...], signed: Sign, ec: ECKey) -> None:
    """A list of texts, or one text with blanks between; nothing else makes a scope of a text that holds one."""
    caller = judge(read_token(signed(ec, "ES256", claims(scope=sent))), "customers", RULES, published(ec), NOW)
    assert caller.scopes == scopes
