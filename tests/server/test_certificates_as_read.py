"""The certificate of a client as expressions see it: every name of its subject, escaped, and the others beside it."""

from __future__ import annotations

import ssl
from hashlib import sha256
from typing import Any, cast

import pytest

from aggregator.server.listeners.certificates import client_certificate


class Shaken:
    """Stands for a connection whose client has shown a certificate, or none."""

    def __init__(self, encoded: bytes | None, told: dict[str, Any]) -> None:
        self._encoded, self._told = encoded, told

    def getpeercert(self, binary_form: bool = False) -> bytes | dict[str, Any] | None:
        """Return it as bytes or in words."""
        return self._encoded if binary_form else self._told


def seen(told: dict[str, Any], encoded: bytes | None = b"der") -> dict[str, Any] | None:
    """Return what expressions see of the certificate that is *told*."""
    return client_certificate(cast("ssl.SSLSocket", Shaken(encoded, told)))


def test_who_shows_no_certificate_has_none() -> None:
    """There is nothing to read."""
    assert seen({"subject": ()}, None) is None


def test_all_that_is_read_of_a_certificate() -> None:
    """The subject from its last name to its first, several of one step by `+`; all other names; and a fingerprint."""
    subject = (
        (("countryName", "DE"),),
        (("organizationName", "Acme"), ("organizationalUnitName", "Shop")),
        (("commonName", "till"), ("serialNumber", "7")),
    )
    names = (("DNS", "till.test"), ("IP Address", "192.0.2.1"), ("URI", "spiffe://till"))
    assert seen({"subject": subject, "subjectAltName": names}) == {
        "subject": "CN=till+serialNumber=7,O=Acme+OU=Shop,C=DE",
        "san": ["DNS:till.test", "IP:192.0.2.1", "URI:spiffe://till"],
        "fingerprint": sha256(b"der").hexdigest(),
    }
    assert seen({}) == {"subject": "", "san": [], "fingerprint": sha256(b"der").hexdigest()}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"), ('a,b+c"d\\e<f>g;h', 'a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h'), ("#a", "\\#a"), ("a#", "a#"),
        (" a", "\\ a"), ("a ", "a\\ "), (" ", "\\ "), ("  ", "\\ \\ "), (" a b ", "\\ a b\\ "), ("", ""), ("=", "="),
    ],
)  # fmt: skip
def test_what_would_be_read_otherwise_is_escaped(value: str, written: str) -> None:
    """Separators anywhere, a hash at the beginning, spaces at both ends (RFC 4514, section 2.4)."""
    told = seen({"subject": ((("commonName", value),),)})
    assert told is not None
    assert told["subject"] == f"CN={written}"
