"""Signatures of tokens in forms that verifiers have taken by mistake.

The kinds are those of the JOSE vectors of the project Wycheproof (C2SP, json_web_signature and ecdsa_webcrypto), of
CVE-2022-21449 and of RFC 8725 §2 and §3; each case is written anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as curves
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import ECKey, OKPKey, RSAKey

from aggregator.identity.caller import Refused
from aggregator.identity.keysets import KeySet, read_jwks, shared_secret
from aggregator.identity.tokens import ASYMMETRIC, TokenRules, judge, read_token

from .conftest import ISSUER, NOW, claims

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256."""
HALF = 2**255 - 19
SECRET = b"s" * 64
Sign = Callable[..., str]


def b64(raw: bytes) -> str:
    """Return *raw* as a segment of a token."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(segment: str) -> bytes:
    """Return the bytes of a segment."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def is_admitted(text: str, keys: KeySet, algorithms: tuple[str, ...] = ASYMMETRIC) -> bool:
    """Return whether *text* is admitted."""
    rules = TokenRules(ISSUER, ("shop",), algorithms=algorithms)
    try:
        judge(read_token(text), "customers", rules, keys, NOW)
    except Refused:
        return False
    return True


def published(*keys: Any) -> KeySet:
    """Return the JWKS of *keys*."""
    return read_jwks({"keys": [key.as_dict(private=False) for key in keys]})


@pytest.fixture
def good(signed: Sign, ec: ECKey) -> str:
    """A good token of ES256."""
    return signed(ec, "ES256", claims())


def with_signature(text: str, signature: bytes) -> str:
    """Return *text* with another *signature*."""
    return f"{text.rpartition('.')[0]}.{b64(signature)}"


def numbers(r: int, s: int, size: int = 32) -> bytes:
    """Return *r* and *s* as JWS writes them."""
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        numbers(0, 0),
        numbers(0, 1),
        numbers(1, 0),
        numbers(1, 1),
        numbers(ORDER, ORDER),
        numbers(ORDER, 1),
        numbers(ORDER - 1, ORDER - 1),
        numbers(1, ORDER),
        b"\xff" * 64,
        b"\x00" * 63,
        b"\x00" * 65,
        bytes.fromhex("3006020100020100"),
        bytes.fromhex("3006020101020101"),
    ],
)
def test_signatures_of_nobody(good: str, ec: ECKey, signature: bytes) -> None:
    """Zeros, the order of the group, and other lengths are signatures of nothing (CVE-2022-21449)."""
    assert not is_admitted(with_signature(good, signature), published(ec))


def test_other_forms_of_a_right_signature(good: str, ec: ECKey) -> None:
    """DER, leading zeros, bytes behind, halves changed round, and r + n, are none of it."""
    assert is_admitted(good, published(ec))
    signature = raw(good.rpartition(".")[2])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    der = ec.get_op_key("sign").sign(good.rpartition(".")[0].encode(), curves.ECDSA(hashes.SHA256()))
    forms = [
        der,
        b"\x00" + signature,
        signature + b"\x00",
        numbers(r, s, 33),
        numbers(s, r),
        signature[:-1],
        signature[:32],
    ]
    assert [form for form in forms if is_admitted(with_signature(good, form), published(ec))] == []


@pytest.mark.parametrize("end", ["=", "==", "\n", " ", "%3D", "+", "/", "A", ".", ".x"])
def test_other_writings_of_a_right_token(good: str, ec: ECKey, end: str) -> None:
    """Padding, blanks and the other alphabet of base64 are no part of a token (RFC 7515 §2)."""
    assert not is_admitted(good + end, published(ec))
    head, body, signature = good.split(".")
    assert not is_admitted(f"{head}{end}.{body}.{signature}", published(ec))
    assert not is_admitted(f"{head}.{body}{end}.{signature}", published(ec))


def test_bits_that_nobody_reads(good: str, ec: ECKey) -> None:
    """Of a signature in base64 the last bits say nothing: whichever they are, the token is one identity at most.

    What is remembered goes by the text, so that a text which is written otherwise is judged anew.
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in alphabet:
        text = good[:-1] + other
        if raw(text.rpartition(".")[2]) != raw(good.rpartition(".")[2]):
            assert not is_admitted(text, published(ec))


@pytest.mark.parametrize(
    ("signed_by", "said"), [("PS256", "RS256"), ("RS256", "PS256"), ("RS256", "RS512"), ("RS256", "ES256"), ("RS256", "EdDSA")]
)  # fmt: skip
def test_another_algorithm_than_it_says(rsa: RSAKey, ec: ECKey, okp: OKPKey, signed_by: str, said: str) -> None:
    """A signature is good for the algorithm that the header names, and a key for those of its kind."""
    header, body = (b64(json.dumps(part).encode()) for part in ({"alg": said, "kid": "rsa"}, claims()))
    key, hashed = rsa.get_op_key("sign"), hashes.SHA256()
    pads = {"RS256": padding.PKCS1v15(), "PS256": padding.PSS(padding.MGF1(hashed), 32)}
    signature = key.sign(f"{header}.{body}".encode(), pads[signed_by], hashed)
    assert not is_admitted(f"{header}.{body}.{b64(signature)}", published(rsa, ec, okp))


def test_a_salt_of_another_length(rsa: RSAKey) -> None:
    """PS256 has a salt as long as its hash (RFC 7518 §3.5)."""
    header, body = (b64(json.dumps(part).encode()) for part in ({"alg": "PS256", "kid": "rsa"}, claims()))
    found = []
    for length in (0, 20, 32):
        pad = padding.PSS(padding.MGF1(hashes.SHA256()), length)
        signature = rsa.get_op_key("sign").sign(f"{header}.{body}".encode(), pad, hashes.SHA256())
        found.append(is_admitted(f"{header}.{body}.{b64(signature)}", published(rsa)))
    assert found == [False, False, True]


@pytest.mark.parametrize(("curve", "algorithm"), [("P-384", "ES384"), ("P-521", "ES512")])
def test_another_curve_than_the_key(signed: Sign, ec: ECKey, curve: str, algorithm: str) -> None:
    """A token of another curve under the name of a good key is refused, and so is the key itself under ES256."""
    other = ECKey.generate_key(curve, {"kid": "ec"})
    text = signed(other, algorithm, claims())
    assert not is_admitted(text, published(ec))
    assert is_admitted(text, published(other))
    header = b64(json.dumps({"alg": "ES256", "kid": "ec"}).encode())
    assert not is_admitted(f"{header}.{text.partition('.')[2]}", published(other))


@pytest.mark.parametrize("flip", [0, 31, 32, 63])
def test_one_bit_of_a_signature(signed: Sign, ec: ECKey, okp: OKPKey, flip: int) -> None:
    """Each bit counts, of ES256 and of Ed25519, whose s is below the order of its group (RFC 8032 §5.1.7)."""
    for key, algorithm in ((ec, "ES256"), (okp, "EdDSA")):
        text = signed(key, algorithm, claims())
        changed = bytearray(raw(text.rpartition(".")[2]))
        changed[flip] ^= 1
        assert not is_admitted(with_signature(text, bytes(changed)), published(key))
    text = signed(okp, "EdDSA", claims())
    signature = raw(text.rpartition(".")[2])
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little") + order
    assert not is_admitted(with_signature(text, signature[:32] + s.to_bytes(32, "little")), published(okp))


@pytest.mark.parametrize("length", [0, 1, 16, 31, 33, 64])
def test_a_tag_of_another_length(length: int) -> None:
    """An HMAC that is cut short, or longer, is refused; so is that of another hash."""
    header, body = (b64(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims()))
    text = f"{header}.{body}"
    keys = shared_secret(SECRET, ("HS256",))
    tag = hmac.digest(SECRET, text.encode(), hashlib.sha256)
    assert is_admitted(f"{text}.{b64(tag)}", keys, ("HS256",))
    assert not is_admitted(f"{text}.{b64((tag + tag)[:length])}", keys, ("HS256",))
    assert not is_admitted(f"{text}.{b64(hmac.digest(SECRET, text.encode(), hashlib.sha512))}", keys, ("HS256",))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS256", "ES256 ", "es256", None, 1, ["ES256"]])
def test_a_header_that_lets_everybody_in(good: str, ec: ECKey, alg: Any) -> None:
    """No writing of `none`, and no other name, admits what the issuer has not signed so."""
    header = b64(json.dumps({"alg": alg, "kid": "ec"}).encode())
    body, signature = good.split(".")[1:]
    assert not is_admitted(f"{header}.{body}.", published(ec))
    assert not is_admitted(f"{header}.{body}.{signature}", published(ec))
