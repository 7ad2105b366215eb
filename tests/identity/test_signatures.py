"""Signed webhooks, as their senders make them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from msgspec.structs import replace

from aggregator.identity.caller import Reason, Refused
from aggregator.identity.signatures import PRESETS, SignatureRules, check_signature, secret_bytes

SECRET, BODY, NOW = b"it is a secret", b'{"a": 1}', 1_700_000_000.0


def mac(signed: bytes, encoding: str = "hex", secret: bytes = SECRET) -> str:
    """Return the HMAC-SHA256 of *signed*."""
    raw = hmac.digest(secret, signed, hashlib.sha256)
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()


SENT = {
    "github": {"x-hub-signature-256": f"sha256={mac(BODY)}"},
    "shopify": {"x-shopify-hmac-sha256": mac(BODY, "base64")},
    "slack": {
        "x-slack-request-timestamp": "1700000000",
        "x-slack-signature": f"v0={mac(b'v0:1700000000:' + BODY)}",
    },
    "stripe": {"stripe-signature": f"t=1700000000,v1={mac(b'1700000000.' + BODY)},v0=abc"},
    "standard": {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": f"v1,{mac(b'msg_1.1700000000.' + BODY, 'base64')} v1a,xyz",
    },
}


def reason(rules: SignatureRules, headers: dict[str, str], body: bytes = BODY, now: float = NOW) -> Reason | None:
    """Return why a delivery is refused; None when it is admitted."""
    try:
        check_signature(rules, (SECRET,), headers, body, now)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("preset", PRESETS)
def test_a_signed_delivery(preset: str) -> None:
    """Each sender's own form is admitted, with any of two secrets; another body, header or secret is not."""
    rules, headers = PRESETS[preset], SENT[preset]
    assert reason(rules, headers) is None
    assert check_signature(rules, (b"new", SECRET), headers, BODY, NOW)
    assert reason(rules, headers, BODY + b" ") is Reason.WRONG_SIGNATURE
    assert reason(rules, {}) is Reason.MISSING
    with pytest.raises(Refused):
        check_signature(rules, (b"new",), headers, BODY, NOW)


@pytest.mark.parametrize("preset", ["slack", "stripe", "standard"])
def test_the_signed_time(preset: str) -> None:
    """A delivery that was recorded is not admitted later; one whose time was changed fits no signature."""
    rules, headers = PRESETS[preset], SENT[preset]
    assert reason(rules, headers, now=NOW + 300) is None
    assert reason(rules, headers, now=NOW + 301) is Reason.EXPIRED
    assert reason(rules, headers, now=NOW - 301) is Reason.EXPIRED
    changed = {name: value.replace("1700000000", "1700000100") for name, value in headers.items()}
    assert reason(rules, changed) is Reason.WRONG_SIGNATURE


@pytest.mark.parametrize("preset", ["slack", "stripe", "standard"])
@pytest.mark.parametrize("moment", ["", "soon", "-1", "1e9", "9" * 40, "١"])
def test_a_time_that_is_none(preset: str, moment: str) -> None:
    """A time is a number of seconds."""
    headers = {name: value.replace("1700000000", moment) for name, value in SENT[preset].items()}
    assert reason(PRESETS[preset], headers) is Reason.MALFORMED


@pytest.mark.parametrize("sent", ["", "sha256=", "sha256=zz", "sha1=abc", "sha256=" + "00" * 32, "x" * 10_000])
def test_a_signature_that_is_none(sent: str) -> None:
    """Whatever stands in the header is compared, or refused."""
    assert reason(PRESETS["github"], {"x-hub-signature-256": sent}) in (Reason.MALFORMED, Reason.WRONG_SIGNATURE)


def test_the_general_form() -> None:
    """A sender of one's own names header, encoding, algorithm and what is signed."""
    rules = SignatureRules(
        "x-sig", "base64", algorithm="sha512", over="{timestamp}|{body}|{id}", timestamp="x-t", id="x-id"
    )
    raw = hmac.digest(SECRET, b"1700000000|" + BODY + b"|7", hashlib.sha512)
    headers = {"x-sig": base64.b64encode(raw).decode(), "x-t": "1700000000", "x-id": "7"}
    assert check_signature(rules, (SECRET,), headers, BODY, NOW).id == "7"
    assert reason(replace(rules, algorithm="sha256"), headers) is Reason.WRONG_SIGNATURE


def test_an_id_of_any_bytes() -> None:
    """The id is signed as it was sent, whatever its bytes are; with a wrong signature it is refused as any other."""
    rules, name = PRESETS["standard"], b"\xff\xfe"
    headers = SENT["standard"] | {"webhook-id": name.decode("utf-8", "surrogateescape")}
    assert reason(rules, headers) is Reason.WRONG_SIGNATURE
    tag = base64.b64encode(hmac.digest(SECRET, name + b".1700000000." + BODY, hashlib.sha256)).decode()
    assert reason(rules, headers | {"webhook-signature": f"v1,{tag}"}) is None


def test_what_tells_deliveries_apart() -> None:
    """The sender's id where it is signed; otherwise what was signed, so that an unsigned id cannot be changed."""
    assert check_signature(PRESETS["standard"], (SECRET,), SENT["standard"], BODY, NOW).id == "msg_1"
    one = check_signature(PRESETS["github"], (SECRET,), SENT["github"], BODY, NOW)
    assert one == check_signature(PRESETS["github"], (SECRET,), SENT["github"] | {"x-github-delivery": "2"}, BODY, NOW)


@pytest.mark.parametrize(("now", "seconds"), [(NOW, 300), (NOW - 200, 500), (NOW + 200, 300)])
def test_how_long_a_delivery_can_be_used(now: float, seconds: float) -> None:
    """One whose signed time is ahead is good for longer, so it has to be remembered for longer."""
    assert check_signature(PRESETS["slack"], (SECRET,), SENT["slack"], BODY, now).seconds == seconds


def test_secrets() -> None:
    """Standard Webhooks write their secrets as base64; others are the text itself."""
    assert secret_bytes("whsec_" + base64.b64encode(b"abc").decode(), "standard") == b"abc"
    assert secret_bytes("whsec_abc", "github") == b"whsec_abc"
    with pytest.raises(ValueError, match=r"."):
        secret_bytes("whsec_?", "standard")
