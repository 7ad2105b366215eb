"""Signatures of AWS, against the examples that its documentation and its published test suite print."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from aggregator.policies.credentials.plan import Secret, SigV4Plan
from aggregator.policies.credentials.signing.sigv4 import SigV4

EXAMPLE = SigV4Plan("us-east-1", "service", "AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
IAM = SigV4Plan("us-east-1", "iam", "AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
S3 = SigV4Plan("us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
NOW = {
    "service": datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp(),
    "iam": datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp(),
    "s3": datetime(2013, 5, 24, tzinfo=UTC).timestamp(),
}
HOSTS = {"service": b"example.amazonaws.com", "iam": b"iam.amazonaws.com", "s3": b"examplebucket.s3.amazonaws.com"}
FORM = (b"content-type", b"application/x-www-form-urlencoded")


def signed(plan, method=b"GET", target=b"/", fields=(), body=b"") -> dict[str, str]:
    """Return the header fields that sign a request."""
    headers = [(b"host", HOSTS[plan.service]), *fields]
    lines = SigV4(plan).lines(method, target, headers, body, NOW[plan.service])
    return dict(line.split(": ", 1) for line in lines.decode().split("\r\n") if line)


def signature(plan, *request, **more) -> str:
    """Return the signature alone."""
    return signed(plan, *request, **more)["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("plan", "request_", "wanted"),
    [
        # aws-sig-v4-test-suite: get-vanilla, get-vanilla-query-order-key-case, post-vanilla, post-x-www-form-urlencoded
        (EXAMPLE, {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            EXAMPLE,
            {"target": b"/?Param2=value2&Param1=value1"},
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (EXAMPLE, {"method": b"POST"}, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            EXAMPLE,
            {"method": b"POST", "fields": (FORM,), "body": b"Param1=value1"},
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        # AWS General Reference, "Examples of how to derive a signing key": ListUsers of IAM
        (
            IAM,
            {
                "target": b"/?Action=ListUsers&Version=2010-05-08",
                "fields": ((FORM[0], FORM[1] + b"; charset=utf-8"),),
            },
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
        # Amazon S3 API Reference, "Examples: Signature Calculations": bucket lifecycle, list of objects
        (S3, {"target": b"/?lifecycle"}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (S3, {"target": b"/?max-keys=2&prefix=J"}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_published_examples_come_out(plan, request_, wanted: str) -> None:
    """Requests whose signatures AWS prints."""
    assert signature(plan, **request_) == wanted


@pytest.mark.parametrize(
    ("plan", "one", "other", "is_same"),
    [
        (EXAMPLE, {"target": b"/"}, {"target": b"/./"}, True),
        (EXAMPLE, {"target": b"/"}, {"target": b"/a/.."}, True),
        (EXAMPLE, {"target": b"/a/"}, {"target": b"//a//"}, True),
        (EXAMPLE, {"target": b"/a"}, {"target": b"/a/"}, False),
        (EXAMPLE, {"target": b"/.a"}, {"target": b"/a"}, False),
        (EXAMPLE, {"target": b"/../a"}, {"target": b"/a"}, True),
        (EXAMPLE, {"target": b"/a%20b"}, {"target": b"/a b"}, False),
        (EXAMPLE, {"target": b"/?a=1&b"}, {"target": b"/?b=&a=1"}, True),
        (EXAMPLE, {"target": b"/?a=%7E"}, {"target": b"/?a=~"}, True),
        (EXAMPLE, {"target": b"/?a=2&a=1"}, {"target": b"/?a=1&a=2"}, True),
        (EXAMPLE, {"fields": ((b"x-amz-a", b" b   c "),)}, {"fields": ((b"x-amz-a", b"b c"),)}, True),
        (EXAMPLE, {"fields": ((b"x-amz-a", b"1"), (b"x-amz-a", b"2"))}, {"fields": ((b"x-amz-a", b"1,2"),)}, True),
        (EXAMPLE, {"fields": ((b"accept", b"1"),)}, {"fields": ((b"accept", b"2"),)}, True),
        (EXAMPLE, {"fields": ((b"content-type", b"1"),)}, {"fields": ((b"content-type", b"2"),)}, False),
        (EXAMPLE, {"body": b"1"}, {"body": b"2"}, False),
        (S3, {"target": b"/a//b"}, {"target": b"/a/b"}, False),
        (S3, {"target": b"/a/../b"}, {"target": b"/b"}, False),
        (S3, {"target": b"/a:b%3Ac"}, {"target": b"/a%3Ab:c"}, True),
        (S3, {"target": "/ä".encode()}, {"target": b"/%C3%A4"}, True),
    ],
)
def test_what_is_the_same_request_and_what_is_not(plan, one, other, is_same: bool) -> None:
    """Canonical form: paths are normalised but for S3, parameters sorted, values trimmed; the rest is not signed."""
    assert (signature(plan, **one) == signature(plan, **other)) is is_same


def test_parameters_are_sorted_by_their_names() -> None:
    """A name that goes on comes after the shorter one, whatever it goes on with; equal ones are sorted by value."""
    plain = b"A=0&a=x&a=y&a-=3&a1=z&b%20=2"
    nothing = hashlib.sha256(b"").hexdigest().encode()
    stamp, names = b"x-amz-date:20150830T123600Z", b"host;x-amz-date"
    canonical = b"\n".join([b"GET", b"/", plain, b"host:example.amazonaws.com", stamp, b"", names, nothing])
    scope = "20150830/us-east-1/service/aws4_request"
    text = f"AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    for piece in (*scope.split("/"), text):
        key = hmac.digest(key, piece.encode(), "sha256")
    assert signature(EXAMPLE, target=b"/?b%20=2&a1=z&a=y&a-=3&a=x&A=0") == key.hex()


def test_a_session_has_its_token_signed() -> None:
    """Keys that are good for a while go with the token of their session."""
    plan = SigV4Plan("eu-central-1", "service", "A", Secret("s"), Secret("session"))
    fields = signed(plan)
    assert fields["x-amz-security-token"] == "session"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in fields["authorization"]


def test_s3_is_told_of_the_body() -> None:
    """By its hash, or that it is not signed; other services do not want the header."""
    assert signed(S3, body=b"x")["x-amz-content-sha256"].startswith("2d711642")
    assert signed(S3, body=None)["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "x-amz-content-sha256" not in signed(EXAMPLE)


def test_the_key_follows_the_day() -> None:
    """It is made once a day, and anew on the next one."""
    signer = SigV4(EXAMPLE)
    first, again, later = (
        signer.lines(b"GET", b"/", [(b"host", HOSTS["service"])], b"", NOW["service"] + seconds)
        for seconds in (0, 0, 86_400)
    )
    assert first == again
    fresh = SigV4(EXAMPLE).lines(b"GET", b"/", [(b"host", HOSTS["service"])], b"", NOW["service"] + 86_400)
    assert later == fresh != first
