"""Certificates of clients: what proxies tell of them, and which ones a rule admits."""

from __future__ import annotations

import base64
import hashlib
import ssl
from urllib.parse import quote

import pytest
import trustme

from aggregator.identity.caller import Reason, Refused
from aggregator.identity.certificates import Certificate, CertificateRules, compile_rules, read_certificate

NAMES = ("sensor-1.example.com", "10.0.0.7", "ops@example.com")


@pytest.fixture(scope="module")
def shown() -> trustme.LeafCert:
    """A certificate of a client."""
    return trustme.CA().issue_cert(*NAMES, common_name="sensor-1", organization_name="Shop, Ltd")


@pytest.fixture(scope="module")
def encoded(shown: trustme.LeafCert) -> bytes:
    """The same as DER."""
    return ssl.PEM_cert_to_DER_cert(shown.cert_chain_pems[0].bytes().decode())


def reason(value: str, form: str) -> Reason | None:
    """Return why *value* is refused; None when it is read."""
    try:
        read_certificate(value, form)
    except Refused as refused:
        return refused.reason
    return None


def test_the_forms_say_the_same(shown: trustme.LeafCert, encoded: bytes) -> None:
    """RFC 9440 and a percent-encoded PEM carry the certificate itself."""
    field = f":{base64.b64encode(encoded).decode()}:"
    pem = quote(shown.cert_chain_pems[0].bytes().decode())
    found = read_certificate(field, "rfc9440")
    assert found == read_certificate(pem, "pem")
    assert found.subject.startswith("CN=sensor-1,")
    assert "O=Shop\\, Ltd" in found.subject
    assert set(found.san) == {"DNS:sensor-1.example.com", "IP:10.0.0.7", "email:ops@example.com"}
    assert found.fingerprint == hashlib.sha256(encoded).hexdigest()


def told(encoded: bytes) -> str:
    """Return the header field of a certificate."""
    return f":{base64.b64encode(encoded).decode()}:"


def test_a_certificate_of_no_version(encoded: bytes) -> None:
    """One that says it is of a version that there is not is refused as anything else that is none."""
    assert encoded.count(b"\xa0\x03\x02\x01\x02") == 1
    wrong = encoded.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x21")
    assert reason(told(wrong), "rfc9440") is Reason.MALFORMED


def test_alternative_names_of_a_kind_that_nobody_reads(encoded: bytes) -> None:
    """A certificate with an X.400 address among its names is known by its subject and fingerprint alone."""
    name = b"sensor-1.example.com"
    other = encoded.replace(b"\x82\x14" + name, b"\xa3\x14" + name)  # the tag of x400Address (RFC 5280 §4.2.1.6)
    assert other != encoded
    found = read_certificate(told(other), "rfc9440")
    assert (found.san, found.subject[:12], found.fingerprint) == ((), "CN=sensor-1,", hashlib.sha256(other).hexdigest())


def test_what_envoy_tells() -> None:
    """One element of X-Forwarded-Client-Cert; the names of a client may be quoted."""
    print_of = "ab" * 32
    seen = read_certificate(
        f'By=spiffe://gate;Hash={print_of};Subject="CN=a\\"b,O=x;y";URI=spiffe://shop/a;DNS=a.test;DNS=b.test', "xfcc"
    )
    assert seen == Certificate('CN=a"b,O=x;y', ("URI:spiffe://shop/a", "DNS:a.test", "DNS:b.test"), print_of)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("", "rfc9440"),
        (":", "rfc9440"),
        (":!!:", "rfc9440"),
        (":AAAA:", "rfc9440"),
        ("x" * 20_000, "rfc9440"),
        ("-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----", "pem"),
        ("%ff", "pem"),
        ("Subject=CN=a", "xfcc"),
        (f"Hash={'ab' * 32},Hash={'cd' * 32}", "xfcc"),
        (f"Hash={'ab' * 32};Hash={'cd' * 32}", "xfcc"),
        (f'Hash={"ab" * 32};Subject="CN=a', "xfcc"),
        ("Hash=abc", "xfcc"),
    ],
)
def test_what_is_no_certificate(value: str, form: str) -> None:
    """Whatever stands in the header is read, or refused."""
    assert reason(value, form) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("pattern", "subject", "admitted"),
    [
        ("CN=sensor-*", "CN=sensor-17", True),
        ("CN=sensor-*", "CN=sensor-17,O=Evil", False),
        ("CN=sensor-*", "CN=sensor-17+OU=x", False),
        ("CN=sensor-*", "CN=x,CN=sensor-1", False),
        ("CN=sensor-*,O=Shop", "CN=sensor-1,O=Shop", True),
        ("CN=a.c", "CN=abc", False),
        ("CN=sensor-*", "CN=sensor-1\\,O=Shop", False),
    ],
)
def test_a_star_stays_within_a_piece_of_a_subject(pattern: str, subject: str, admitted: bool) -> None:
    """A pattern is the whole name, so that nobody is let in who has it as a part of theirs."""
    assert compile_rules(CertificateRules(subjects=(pattern,)))(Certificate(subject)) is admitted


@pytest.mark.parametrize(
    ("pattern", "name", "admitted"),
    [
        ("DNS:*.example.com", "DNS:a.example.com", True),
        ("DNS:*.example.com", "DNS:a.b.example.com", False),
        ("DNS:*.example.com", "URI:a.example.com", False),
        ("URI:spiffe://shop/sensors/*", "URI:spiffe://shop/sensors/7", True),
        ("URI:spiffe://shop/sensors/*", "URI:spiffe://shop/sensors/7/x", False),
    ],
)
def test_a_star_stays_within_a_piece_of_an_alternative_name(pattern: str, name: str, admitted: bool) -> None:
    """Kind and level are those of the pattern."""
    assert compile_rules(CertificateRules(sans=(pattern,)))(Certificate("CN=x", (name,))) is admitted


def test_a_fingerprint() -> None:
    """One certificate by its hash, whatever else it says; without any rule all are admitted."""
    rules = CertificateRules(subjects=("CN=other",), fingerprints=frozenset({"ab" * 32}))
    assert compile_rules(rules)(Certificate("CN=x", (), "ab" * 32))
    assert not compile_rules(rules)(Certificate("CN=x"))
    assert compile_rules(CertificateRules())(Certificate("CN=x"))


def test_what_expressions_see_of_a_certificate() -> None:
    """Lists for tuples, and nothing for a fingerprint that no proxy told."""
    assert Certificate("CN=a", ("DNS:a",), "ab").claims == {"subject": "CN=a", "san": ["DNS:a"], "fingerprint": "ab"}
    assert Certificate("CN=a").claims == {"subject": "CN=a", "san": [], "fingerprint": None}


def test_what_is_around_or_within_a_certificate(shown: trustme.LeafCert, encoded: bytes) -> None:
    """A field without its colons, and base64 with anything else in it, are none, however good the rest is."""
    good, pem = told(encoded), shown.cert_chain_pems[0].bytes().decode()
    body, _, end = pem.rpartition("-----END")
    wrong = [f"a{good[1:]}", f"{good[:-1]}a", f":!{good[1:]}"]
    assert [reason(value, "rfc9440") for value in (good, *wrong)] == [None, *[Reason.MALFORMED] * 3]
    assert [reason(quote(value), "pem") for value in (pem, f"{body[:40]}={body[40:]}-----END{end}")] == [
        None,
        Reason.MALFORMED,
    ]


def test_the_longest_field_of_a_certificate() -> None:
    """16 KiB."""
    assert read_certificate("x" * 16_384, "subject") == Certificate("x" * 16_384)
    assert reason("x" * 16_385, "subject") is Reason.MALFORMED
