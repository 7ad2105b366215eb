"""Certificates of clients: what a proxy tells of one, and which ones a scheme admits."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from aggregator.identity.caller import Reason, Refused

FINGERPRINT = re.compile(r"[0-9a-f]{64}")
MOST_STARS = 4
"""Stars in one pattern: the time that a match may take grows with them."""
_LONGEST = 16 * 1024
_WITHIN_NAME = "[^,+]*"
_WITHIN_SAN = "[^./:@]*"
_KINDS = {"DNSName": "DNS", "UniformResourceIdentifier": "URI", "RFC822Name": "email", "IPAddress": "IP"}


class Certificate(Struct, frozen=True):
    """A client certificate; *fingerprint* is its SHA-256 in hex, empty where a proxy told only a name."""

    subject: str
    san: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def claims(self) -> dict[str, Any]:
        """The value of ``auth.claims`` in expressions."""
        return {"subject": self.subject, "san": list(self.san), "fingerprint": self.fingerprint or None}


class CertificateRules(Struct, frozen=True):
    """The admitted certificates: those that match one of the patterns; all where there is none."""

    subjects: tuple[str, ...] = ()
    sans: tuple[str, ...] = ()
    fingerprints: frozenset[str] = frozenset()


def compile_rules(rules: CertificateRules) -> Callable[[Certificate], bool]:
    """Return what says whether a certificate is admitted."""
    subjects = tuple(_compiled(pattern, _WITHIN_NAME) for pattern in rules.subjects)
    sans = tuple(_compiled(pattern, _WITHIN_SAN) for pattern in rules.sans)
    if not (subjects or sans or rules.fingerprints):
        return lambda _: True

    def admits(certificate: Certificate) -> bool:
        return (
            certificate.fingerprint in rules.fingerprints
            or any(pattern.fullmatch(certificate.subject) for pattern in subjects)
            or any(pattern.fullmatch(name) for pattern in sans for name in certificate.san)
        )

    return admits


def _compiled(pattern: str, star: str) -> re.Pattern[str]:
    return re.compile(star.join(map(re.escape, pattern.split("*"))))


def read_certificate(value: str, form: str) -> Certificate:
    """Return the certificate that *value* tells in *form*; raises ``Refused`` for what it cannot be."""
    if len(value) > _LONGEST:
        raise Refused(Reason.MALFORMED)
    try:
        return _READERS[form](value)
    except (ValueError, binascii.Error, KeyError):
        raise Refused(Reason.MALFORMED) from None


def _of_der(encoded: bytes) -> Certificate:
    from cryptography import x509
    from cryptography.x509.oid import ExtensionOID

    try:
        found = x509.load_der_x509_certificate(encoded)
        names: Any = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, x509.UnsupportedGeneralNameType):  # names of a kind that no rule can speak of
        names = ()
    except (x509.InvalidVersion, x509.DuplicateExtension) as error:
        raise ValueError("it is no certificate of X.509") from error
    told = tuple(f"{kind}:{name.value}" for name in names if (kind := _KINDS.get(type(name).__name__)))
    return Certificate(found.subject.rfc4514_string(), told, sha256(encoded).hexdigest())


def _of_field(value: str) -> Certificate:
    """Return the certificate of a Byte Sequence (RFC 9440 §2.1, RFC 8941 §3.3.5)."""
    if len(value) < 2 or value[0] != ":" or value[-1] != ":":
        raise ValueError("it is no byte sequence")
    return _of_der(base64.b64decode(value[1:-1], validate=True))


def _of_pem(value: str) -> Certificate:
    text = unquote_to_bytes(value).decode("ascii")
    match = re.fullmatch(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*", text)
    if match is None:
        raise ValueError("it is no PEM of one certificate")
    return _of_der(base64.b64decode("".join(match[1].split()), validate=True))


def _of_envoy(value: str) -> Certificate:
    """Return the certificate that Envoy tells of; of several, which proxies in a row have added, none is meant."""
    pairs = list(_pairs(value))
    told: Mapping[str, str] = dict(pairs)
    san = tuple(f"{kind.upper()}:{name}" for kind, name in pairs if kind in ("uri", "dns"))
    fingerprint = told.get("hash", "").lower()
    if not FINGERPRINT.fullmatch(fingerprint):
        raise ValueError("it names no certificate")
    return Certificate(told.get("subject", ""), san, fingerprint)


_PAIR = re.compile(r'([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,"]*))(;|$)')


def _pairs(value: str) -> Iterator[tuple[str, str]]:
    position, seen = 0, set[str]()
    while position < len(value):
        match = _PAIR.match(value, position)
        if match is None:
            raise ValueError("it is no element of X-Forwarded-Client-Cert")
        key = match[1].lower()
        if key in seen and key not in ("uri", "dns"):
            raise ValueError("a key is there twice")
        seen.add(key)
        yield key, re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        position = match.end()


_READERS: dict[str, Callable[[str], Certificate]] = {
    "rfc9440": _of_field, "pem": _of_pem, "xfcc": _of_envoy, "subject": Certificate,
}  # fmt: skip

ENCODED = frozenset({"rfc9440", "pem"})
"""Forms that carry a certificate as it is, for which it is read by ``cryptography``, of the extra ``auth``."""
