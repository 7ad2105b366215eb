"""What is read of a credential, at the bounds: the longest that is, the latest that is, and what is one too many."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import bcrypt
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from aggregator.identity.caller import Caller, Reason, Refused
from aggregator.identity.keys import KeyFileError, KeyRing, new_key, read_entries
from aggregator.identity.keysets import KeySet, read_jwks, shared_secret
from aggregator.identity.passwords import PasswordFileError, is_right, read_basic, read_htpasswd
from aggregator.identity.signatures import PRESETS, SignatureRules, check_signature
from aggregator.identity.tokens import TokenRules, judge, read_token
from aggregator.stores.rate import Rate

from .conftest import ISSUER, NOW, claims
from .test_tokens import Sign, b64, published, reason

NOON = 1_801_396_800.0
"""2027-01-31T12:00:00Z."""


def ring(text: str, **members: Any) -> KeyRing:
    """Return a ring of the one key *text*."""
    return KeyRing(
        read_entries([{"name": "acme", "sha256": hashlib.sha256(text.encode()).hexdigest().upper(), **members}])
    )


def test_the_longest_key_is_found() -> None:
    """Of 512 bytes; a longer one is nobody's, even if its hash stands in the file."""
    assert ring("k" * 512).find(b"k" * 512, NOON).name == "acme"
    with pytest.raises(Refused) as refused:
        ring("k" * 513).find(b"k" * 513, NOON)
    assert refused.value.reason is Reason.UNKNOWN


@pytest.mark.parametrize(("now", "why"), [(NOON - 0.5, Reason.NOT_YET_VALID), (NOON, None)])
def test_a_key_is_good_from_its_first_moment(now: float, why: Reason | None) -> None:
    """At it, and not before."""
    found = None
    try:
        ring("k", not_before="2027-01-31T12:00:00Z").find(b"k", now)
    except Refused as refused:
        found = refused.reason
    assert found is why


def test_the_caller_of_a_key_in_whole() -> None:
    """With the limit of its key, and until when it is good; from then on it is known without its hash."""
    keys = ring("k", scopes=["a", "b"], not_before="2027-01-30", not_after="2027-01-31", rate_limit="5/m")
    caller = keys.caller(b"k", "partners", NOON)
    assert caller == Caller(
        "partners", "acme", scopes=("a", "b"), key="acme", until=NOON + 43_200, rate=Rate(5, 60.0, 5)
    )
    assert keys.caller(b"k", "partners", NOON) is caller
    assert keys.right == {b"k": (NOON - 129_600, NOON + 43_200, caller)}


DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("entry", "steps", "said"),
    [
        ({"name": "", "sha256": DIGEST}, (1,), "an entry has a name"),
        ({"name": 7, "sha256": DIGEST}, (1,), "an entry has a name"),
        ({"name": "a"}, (1, "sha256"), "`sha256` is not 64 hexadecimal digits"),
        ({"name": "a", "sha256": DIGEST + "0"}, (1, "sha256"), "`sha256` is not 64 hexadecimal digits"),
        ({"name": "a", "sha256": DIGEST, 7: 1}, (1, "7"), "`7` is no key of an entry"),
        ({"name": "a", "sha256": DIGEST, "scopes": ["x", 7]}, (1, "scopes"), "`scopes` is not a list of texts"),
        ({"name": "a", "sha256": DIGEST, "not_before": 7}, (1, "not_before"), "`not_before` is not a moment"),
        ({"name": "a", "sha256": DIGEST, "rate_limit": "5"}, (1, "rate_limit"), "`rate_limit` is not a rate"),
        ({"name": "a\udfff", "sha256": DIGEST}, (1,), "a text holds half of a surrogate pair"),
    ],
)
def test_a_wrong_entry_in_whole(entry: dict[Any, Any], steps: tuple[int | str, ...], said: str) -> None:
    """By its number, from nought."""
    with pytest.raises(KeyFileError) as problem:
        read_entries([{"name": "good", "sha256": "cd" * 32}, entry])
    assert (problem.value.message, problem.value.steps) == (said, steps)


def test_texts_beside_surrogates_are_good() -> None:
    """The last code point before them, and the first behind."""
    (entry,) = read_entries([{"name": "\ud7ff\ue000", "sha256": DIGEST}])
    assert (entry.name, entry.scopes, entry.rate_limit) == ("\ud7ff\ue000", (), None)


@pytest.mark.parametrize(
    ("name", "written"), [("a.b_c-1", "a.b_c-1"), ("1a", '"1a"'), ("Yes", '"Yes"'), ('a\\"', '"a\\\\\\""')]
)
def test_the_line_of_a_new_key(name: str, written: str) -> None:
    """Names are quoted where YAML would take them for something else; what is not given is not there."""
    text, line = new_key(name)
    assert line == f"- {{name: {written}, sha256: {hashlib.sha256(text.encode()).hexdigest()}}}"
    assert (text[:4], len(text)) == ("agk_", 47)


@pytest.mark.parametrize("length", [1022, 1023])
def test_the_longest_header_of_basic(length: int) -> None:
    """A name and a password of 1024 bytes, with the colon between."""
    value = base64.b64encode(b"a:" + b"x" * length).decode()
    if length == 1022:
        assert read_basic(value) == ("a", b"x" * 1022)
        return
    with pytest.raises(Refused):
        read_basic(value)


@pytest.mark.parametrize(("line", "number"), [(":$2b$04$x", 3), ("ada$2b$04$x", 3)])
def test_a_line_without_a_name_or_a_hash(line: str, number: int) -> None:
    """Lines count from one, comments and blank lines among them."""
    with pytest.raises(PasswordFileError) as problem:
        read_htpasswd(["# ops", "", line])
    assert (problem.value.message, problem.value.line) == ("a line is NAME:HASH", number)


def test_a_long_password_of_argon2_is_read_whole() -> None:
    """It hashes all of a password, so that none is too long for it."""
    from argon2 import PasswordHasher

    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("s" * 73)
    assert [is_right({"bob": hashed}, "bob", b"s" * size) for size in (73, 72)] == [True, False]


def test_an_unknown_name_is_never_right() -> None:
    """Whichever hash of the file it is verified by, and though the password is the one of that."""
    users = {"ada": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()}
    assert not is_right(users, "eve", b"secret")


def why(text: str, keys: KeySet, **rules: Any) -> Reason | None:
    """Return why *text* is refused by such rules."""
    return reason(text, keys, TokenRules(ISSUER, ("shop",), **rules))


def test_the_longest_token(signed: Sign, ec: ECKey) -> None:
    """Of 16 KiB; one character more is refused before anything of it is read."""
    text = signed(ec, "ES256", claims())
    head, body, _ = text.split(".")
    assert read_token(f"{head}.{body}." + "A" * (16_384 - len(head) - len(body) - 2)).claims["sub"] == "ada"
    with pytest.raises(Refused) as refused:
        read_token(f"{head}.{body}." + "A" * (16_385 - len(head) - len(body) - 2))
    assert refused.value.reason is Reason.MALFORMED


@pytest.mark.parametrize(
    ("latest", "refused"), [(2**53, None), (2**53 + 1, Reason.MISSING_CLAIM), (True, Reason.MISSING_CLAIM)]
)
def test_the_latest_end_of_a_token(latest: Any, refused: Reason | None, signed: Sign, ec: ECKey) -> None:
    """As long as seconds can be counted."""
    assert why(signed(ec, "ES256", claims(exp=latest)), published(ec)) is refused


def test_a_token_without_grace(signed: Sign, ec: ECKey) -> None:
    """Where the file gives none, a token is over at its end, and good until then."""
    rules = TokenRules(ISSUER, leeway=0.0)
    text = signed(ec, "ES256", claims(exp=NOW + 1, nbf=NOW, aud=None))
    assert reason(text, published(ec), rules, NOW) is None
    assert reason(text, published(ec), rules, NOW + 1) is Reason.EXPIRED
    assert reason(text, published(ec), rules, NOW - 1) is Reason.NOT_YET_VALID


@pytest.mark.parametrize(
    ("header", "refused"), [({"x-own": 1}, None), ({"kid": 7}, Reason.MALFORMED), ({"b64": True}, Reason.MALFORMED)]
)
def test_members_of_a_header(header: dict[str, Any], refused: Reason | None, ec: ECKey) -> None:
    """What nobody knows is ignored (RFC 7515 §4); a name of a key is a text."""
    from .test_tokens import _signed_by_hand

    assert why(_signed_by_hand({"alg": "ES256", "kid": "ec", **header}, claims(), ec), published(ec)) is refused


def test_so_many_keys_are_tried_for_a_token_that_names_none(signed: Sign, ec: ECKey) -> None:
    """Four: the fifth is not, however right it is."""
    others = [ECKey.generate_key("P-256") for _ in range(4)]
    text = signed(ec, "ES256", claims(), kid=None)
    assert why(text, published(*others[:3], ec)) is None
    assert why(text, published(*others, ec)) is Reason.WRONG_SIGNATURE


def test_a_caller_without_roles_or_a_subject(signed: Sign, ec: ECKey) -> None:
    """Where no place of roles is declared nobody has any, whatever the token says."""
    text = signed(ec, "ES256", claims(sub=None, roles=["admin"]))
    caller = judge(read_token(text), "customers", TokenRules(ISSUER, ("shop",)), published(ec), NOW)
    assert (caller.subject, caller.roles, caller.claims["roles"], caller.until) == ("", (), ["admin"], NOW + 330)


@pytest.mark.parametrize("member", [{"key_ops": ["verify"]}, {"key_ops": "sign"}, {"use": None, "alg": "ES256"}])
def test_keys_that_can_be_used(member: dict[str, Any], ec: ECKey) -> None:
    """Whose operations are those of a signature, or are said in no list that could be read."""
    said = {name: value for name, value in (ec.as_dict(private=False) | member).items() if value is not None}
    keys = read_jwks({"keys": [said]})
    assert (len(keys), keys.skipped, len(keys.candidates("ec", "ES256"))) == (1, 0, 1)


@pytest.mark.parametrize(
    ("alg", "usable"), [(None, True), ("RS256", True), ("RS512", False), ("ES256", False), ("EdDSA", False)]
)
def test_a_key_is_for_the_algorithm_that_it_names(alg: str | None, usable: bool, rsa: RSAKey) -> None:
    """A curve says nothing of a key of RSA; one that names no algorithm is for all of its kind."""
    member = rsa.as_dict(private=False) | {"crv": "P-256"} | ({} if alg is None else {"alg": alg})
    keys = read_jwks({"keys": [member]})
    assert bool(keys.candidates("rsa", "RS256")) is usable
    assert bool(keys.candidates("rsa", "PS512")) is (alg is None)


@pytest.mark.parametrize("named", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("said", ["EdDSA", "Ed25519"])
def test_the_old_and_the_new_name_of_an_algorithm(
    named: str, said: str, signed: Sign, request: pytest.FixtureRequest
) -> None:
    """A key that names the one is good for tokens that say the other (RFC 9864)."""
    key = request.getfixturevalue("okp")
    assert why(signed(key, said, claims()), published(key, alg=named)) is None


def test_a_key_without_a_name_is_any_key(signed: Sign, ec: ECKey) -> None:
    """And a token without one means any."""
    nameless = {name: value for name, value in ec.as_dict(private=False).items() if name != "kid"}
    keys = read_jwks({"keys": [nameless, {**nameless, "kid": 7}]})
    assert [len(keys.candidates(name, "ES256")) for name in ("any", None)] == [2, 2]
    assert why(signed(ec, "ES256", claims(), kid="any"), keys) is None


def test_a_jwks_is_read_up_to_a_hundred_keys(ec: ECKey) -> None:
    """The others are skipped."""
    keys = read_jwks({"keys": [ec.as_dict(private=False)] * 102})
    assert (len(keys), keys.skipped) == (100, 2)


@pytest.mark.parametrize(("size", "usable"), [(255, False), (256, True)])
def test_the_shortest_modulus(size: int, usable: bool, rsa: RSAKey) -> None:
    """2048 bits."""
    member = {"kty": "RSA", "e": "AQAB", "n": b64(rsa.public_key.public_numbers().n.to_bytes(256)[:size])}
    assert bool(len(read_jwks({"keys": [member]}))) is usable


@pytest.mark.parametrize(("algorithm", "shortest"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_hash(algorithm: str, shortest: int, signed: Sign) -> None:
    """And no byte shorter (RFC 7518 §3.2)."""
    secret = b"s" * shortest
    text = signed(OctKey.import_key(secret), algorithm, claims())
    assert why(text, shared_secret(secret, (algorithm,)), algorithms=(algorithm,)) is None
    with pytest.raises(ValueError, match=f"^it has {shortest - 1} bytes, and {algorithm} wants {shortest}$"):
        shared_secret(secret[:-1], (algorithm,))
    with pytest.raises(ValueError, match="it is a key in PEM"):
        shared_secret(b"-----BEGIN PUBLIC KEY-----" + secret, (algorithm,))


SECRET, BODY = b"it is a secret", b"{}"


def refusal(rules: SignatureRules, headers: dict[str, str], now: float = 0.0) -> Reason | None:
    """Return why a delivery is refused."""
    try:
        check_signature(rules, (SECRET,), headers, BODY, now)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(
    ("moment", "refused"), [("9" * 12, None), ("9" * 13, Reason.MALFORMED), ("1.5", Reason.MALFORMED)]
)
def test_the_longest_time_of_a_delivery(moment: str, refused: Reason | None) -> None:
    """Of twelve digits."""
    signature = hmac.digest(SECRET, f"v0:{moment}:".encode() + BODY, "sha256").hex()
    headers = {"x-slack-request-timestamp": moment, "x-slack-signature": f"v0={signature}"}
    assert refusal(PRESETS["slack"], headers, 999_999_999_999.0) is refused


@pytest.mark.parametrize(("before", "refused"), [(9, None), (10, Reason.WRONG_SIGNATURE)])
def test_so_many_signatures_are_read(before: int, refused: Reason | None) -> None:
    """Ten, of a sender that sends several."""
    wrong, right = (base64.b64encode(hmac.digest(key, b"m.5." + BODY, "sha256")).decode() for key in (b"no", SECRET))
    sent = " ".join([f"v1,{wrong}"] * before + [f"v1,{right}"])
    headers = {"webhook-id": "m", "webhook-timestamp": "5", "webhook-signature": sent}
    assert refusal(PRESETS["standard"], headers) is refused


def test_base64_is_read_as_it_is() -> None:
    """A signature with something else between is none."""
    good = base64.b64encode(hmac.digest(SECRET, BODY, "sha256")).decode()
    assert refusal(PRESETS["shopify"], {"x-shopify-hmac-sha256": good}) is None
    assert refusal(PRESETS["shopify"], {"x-shopify-hmac-sha256": f"{good[:4]}!{good[4:]}"}) is Reason.MALFORMED
