"""Signed webhooks: an HMAC over the raw body, as the well-known senders make it, and in a general form."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from aggregator.identity.caller import Reason, Refused

Encoding = Literal["hex", "base64"]


class SignatureRules(Struct, frozen=True):
    """The signing of a sender.

    *header* holds the signature, or several, each behind *prefix*. What is signed is *over*, in which ``{body}``,
    ``{timestamp}`` and ``{id}`` stand for the raw body and the values of *timestamp* and *id*. *tolerance* is how many
    seconds the signed time may lie from now.
    """

    header: str
    encoding: Encoding = "hex"
    prefix: str = ""
    algorithm: str = "sha256"
    over: str = "{body}"
    timestamp: str | None = None
    id: str | None = None
    tolerance: float = 300.0
    separator: str = ""

    def with_tolerance(self, seconds: float) -> SignatureRules:
        """Return the same rules with another tolerance."""
        return replace(self, tolerance=seconds)


PRESETS: Mapping[str, SignatureRules] = {
    "github": SignatureRules("x-hub-signature-256", prefix="sha256="),
    "shopify": SignatureRules("x-shopify-hmac-sha256", "base64"),
    "slack": SignatureRules(
        "x-slack-signature", prefix="v0=", over="v0:{timestamp}:{body}", timestamp="x-slack-request-timestamp"
    ),
    "stripe": SignatureRules(
        "stripe-signature", prefix="v1=", over="{timestamp}.{body}", timestamp="stripe-signature", separator=","
    ),
    "standard": SignatureRules(
        "webhook-signature", "base64", "v1,", over="{id}.{timestamp}.{body}", timestamp="webhook-timestamp",
        id="webhook-id", separator=" ",
    ),
}  # fmt: skip
"""Sources: the documentation of GitHub, Shopify, Slack and Stripe on webhooks, and standardwebhooks.com."""


def secret_bytes(secret: str, preset: str | None) -> bytes:
    """Return the key that *secret* stands for: Standard Webhooks write it as base64 behind ``whsec_``.

    Raises ``ValueError`` for one that is not.
    """
    if preset == "standard" and secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return secret.encode()


class Delivery(Struct, frozen=True):
    """A delivery whose signature is right: its *id* tells it from others, for the *seconds* in which it could be used.

    The id is the sender's where that is signed; otherwise a digest of what was signed, so that nobody can change it.
    """

    id: str
    seconds: float


def fields_of(rules: SignatureRules) -> frozenset[str]:
    """Return the names of the header fields that *rules* read."""
    return frozenset(name for name in (rules.header, rules.timestamp, rules.id) if name is not None)


def check_signature(
    rules: SignatureRules, secrets: tuple[bytes, ...], headers: Mapping[str, str], body: bytes, now: float
) -> Delivery:
    """Return the delivery, to be remembered; raises ``Refused``.

    *headers* have names in lower case; bytes that are no UTF-8 are surrogates in them (PEP 383). Any of
    *secrets* will do: two are known while one is replaced. A delivery whose signed time is ahead of *now* can be used
    for longer than the tolerance.
    """
    sent = headers.get(rules.header)
    if sent is None:
        raise Refused(Reason.MISSING)
    moment = _timestamp(rules, headers)
    signed = _signed(rules, headers, body, moment)
    expected = [hmac.digest(secret, signed, rules.algorithm) for secret in secrets]
    candidates = _candidates(rules, sent)
    if not candidates:
        raise Refused(Reason.MALFORMED)
    # every pair is compared: the time says nothing of which one fits
    matches = [hmac.compare_digest(one, other) for one in candidates for other in expected]
    if not any(matches):
        raise Refused(Reason.WRONG_SIGNATURE)
    if moment is not None and abs(now - float(moment)) > rules.tolerance:
        raise Refused(Reason.EXPIRED)
    ahead = 0.0 if moment is None else max(0.0, float(moment) - now)
    name = headers.get(rules.id or "")
    return Delivery(name or hashlib.sha256(signed).hexdigest(), rules.tolerance + ahead)


def _timestamp(rules: SignatureRules, headers: Mapping[str, str]) -> str | None:
    if rules.timestamp is None:
        return None
    text = headers.get(rules.timestamp, "")
    if rules.timestamp == rules.header:  # Stripe: t=1700000000,v1=…
        pairs = (pair.partition("=") for pair in text.split(","))
        text = next((value for name, _, value in pairs if name.strip() == "t"), "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Refused(Reason.MALFORMED)
    return text


def _signed(rules: SignatureRules, headers: Mapping[str, str], body: bytes, moment: str | None) -> bytes:
    before, _, after = rules.over.partition("{body}")
    name = headers.get(rules.id or "", "")

    def filled(text: str) -> bytes:
        sent = text.replace("{timestamp}", moment or "").replace("{id}", name)
        return sent.encode("utf-8", "surrogateescape")

    return filled(before) + body + filled(after)


def _candidates(rules: SignatureRules, sent: str) -> list[bytes]:
    found: list[bytes] = []
    for part in sent.split(rules.separator)[:10] if rules.separator else [sent]:
        text = part.strip()
        if not text.startswith(rules.prefix):
            continue
        try:
            text = text.removeprefix(rules.prefix)
            found.append(bytes.fromhex(text) if rules.encoding == "hex" else base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error):
            continue
    return found
