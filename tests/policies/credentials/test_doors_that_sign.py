"""The way of a request through a door that signs it: what is signed, and what becomes of one that cannot be."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import Any, Unpack

import pytest

from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.policies.credentials.plan import (
    ConstantPlan,
    CredentialsPlan,
    HmacPlan,
    Secret,
    SigV4Plan,
    can_fail,
    headers_of,
    identity_of,
    is_for_callers,
    secrets_of,
)
from aggregator.policies.credentials.signing.door import SigningDoor
from aggregator.policies.credentials.signing.shared import SharedSecret
from aggregator.templates import compile_value
from aggregator.transport import Origin, PoolSettings, Reply, StreamReply
from aggregator.transport.door import CallTerms, OuterDoor, StreamTerms

AWS = SigV4Plan("eu-west-1", "s3", "AKID", Secret("s3cr3t"), Secret("session"))


class Ticket:
    """A call that cannot be cancelled any more."""

    def cancel(self) -> None:
        """Do nothing."""


class Upstream(OuterDoor):
    """A door that keeps what it is sent."""

    def __init__(self) -> None:
        self.settings = PoolSettings(Origin("http", "a.test", 80))
        self.sent: list[tuple[Any, ...]] = []

    def start(
        self, method: bytes, target: bytes, headers: bytes, body: bytes | None, **terms: Unpack[CallTerms]
    ) -> Ticket:
        """Answer at once."""
        self.sent.append((method, target, headers, body))
        terms["done"](Reply(200, [], b""))
        return Ticket()

    async def stream(
        self, method: bytes, target: bytes, headers: bytes, body: Any, **terms: Unpack[StreamTerms]
    ) -> StreamReply:
        """Keep it."""
        self.sent.append((method, target, headers, body, terms))
        return StreamReply(200, [], None)  # type: ignore[arg-type]


class Signer:
    """Signs with nothing; *asked* is what of, and a target of ``/no`` cannot be signed."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def lines(self, method: bytes, target: bytes, headers: Any, body: bytes | None, now: float, /) -> bytes:
        """Return the line."""
        self.asked.append((method, target, headers, body, now))
        if target == b"/no":
            raise ExpressionError("no reason")
        return b"signed: yes\r\n"


FIELDS = b"Host: a.test\r\nX-A:  1 : 2 \r\n"
READ = [(b"host", b"a.test"), (b"x-a", b"1 : 2")]
UNSIGNED = (Cause.CREDENTIALS, "The request could not be signed: no reason", 0)


@pytest.mark.parametrize(("body", "signed"), [(b"ab", b"ab"), (None, b""), (b"", b"")])
def test_a_call_is_signed_as_it_leaves(body: bytes | None, signed: bytes) -> None:
    """With the fields and the body that it has; no body is an empty one."""
    upstream, signer, told = Upstream(), Signer(), []  # type: tuple[Upstream, Signer, list[Any]]
    door = SigningDoor(upstream, signer, lambda: 12.5)
    door.start(b"PUT", b"/a", FIELDS, body, deadline=1.0, done=told.append)
    assert signer.asked == [(b"PUT", b"/a", READ, signed, 12.5)]
    assert upstream.sent == [(b"PUT", b"/a", FIELDS + b"signed: yes\r\n", body)]
    assert [reply.status for reply in told] == [200]


def test_a_call_that_cannot_be_signed_was_not_tried() -> None:
    """Who makes it is told later, as of any other end."""

    async def main() -> None:
        upstream, told = Upstream(), []  # type: tuple[Upstream, list[Any]]
        ticket = SigningDoor(upstream, Signer(), lambda: 0.0).start(
            b"GET", b"/no", b"", None, deadline=1.0, done=told.append
        )
        assert (told, hasattr(ticket, "cancel")) == ([], True)
        await asyncio.sleep(0)
        assert [(error.cause, error.message, error.attempts) for error in told] == [UNSIGNED]
        assert upstream.sent == []

    asyncio.run(main())


async def _pieces() -> Any:
    yield b"a"


@pytest.mark.parametrize(("body", "signed"), [(b"ab", b"ab"), (None, b""), (b"", b""), (_pieces(), None)])
def test_a_stream_is_signed_as_it_leaves(body: Any, signed: bytes | None) -> None:
    """A body that is sent as it comes is in no signature."""
    upstream, signer = Upstream(), Signer()
    door = SigningDoor(upstream, signer, lambda: 12.5)
    assert asyncio.run(door.stream(b"PUT", b"/a", FIELDS, body, deadline=None, decode=True)).status == 200
    assert signer.asked == [(b"PUT", b"/a", READ, signed, 12.5)]
    assert upstream.sent == [(b"PUT", b"/a", FIELDS + b"signed: yes\r\n", body, {"deadline": None, "decode": True})]


def test_a_stream_that_cannot_be_signed_is_not_sent() -> None:
    """It says why."""
    upstream = Upstream()
    with pytest.raises(CallError, match=r"^The request could not be signed: no reason$"):
        asyncio.run(SigningDoor(upstream, Signer(), lambda: 0.0).stream(b"GET", b"/no", b"", None, deadline=None))
    assert upstream.sent == []


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize(
    ("over", "signed"),
    [
        ("{{ sent.method }} {{ sent.path }}?{{ sent.query }}", b"PUT /a?b=1?2"), ("{{ sent.body }}", b"\xff\xc3\xa9"),
        ("{{ sent.headers['x-a'] }}", b"1 : 2"), ("{{ sent | length }}", b"5"), ("", b""), ("{{ sent.headers.none }}", b""),
    ],
)  # fmt: skip
def test_a_shared_secret_signs_what_the_file_says(over: str, signed: bytes, encoding: Any) -> None:
    """Bytes that are no text go through unchanged."""
    plan = HmacPlan(b"x-sign", Secret("s3cr3t"), compile_value(over), "sha256", encoding, "v1=")
    digest = hmac.digest(b"s3cr3t", signed, hashlib.sha256)
    written = digest.hex().encode() if encoding == "hex" else base64.b64encode(digest)
    line = SharedSecret(plan).lines(b"PUT", b"/a?b=1?2", READ, b"\xff\xc3\xa9", 0.0)
    assert line == b"x-sign: v1=%b\r\n" % written


HMAC = HmacPlan(b"x-sign", Secret("shared"), compile_value("{{ sent.body }}"), "sha256", "hex", "")


@pytest.mark.parametrize(
    ("plan", "scheme", "fails", "headers", "secrets"),
    [
        (AWS, "sigv4", False, {b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"},
         {"s3cr3t", "session"}),
        (HMAC, "hmac", True, {b"x-sign"}, {"shared"}),
        (ConstantPlan("basic", Secret("Basic dTpw")), "basic", False, {b"authorization"}, {"dTpw"}),
        (ConstantPlan("bearer", Secret("Bearer t")), "bearer", False, {b"authorization"}, {"t"}),
        (None, None, False, set(), set()),
    ],
)  # fmt: skip
def test_what_is_known_of_credentials(
    plan: CredentialsPlan | None, scheme: str | None, fails: bool, headers: set[bytes], secrets: set[str]
) -> None:
    """Their scheme, whether a call can fail by them, what they write, and what nobody may read."""
    assert (None if plan is None else plan.scheme, can_fail(plan), is_for_callers(plan)) == (scheme, fails, False)
    assert (set(headers_of(plan)), set(secrets_of(plan))) == (headers, secrets)


def test_an_identity_is_that_of_all_its_settings() -> None:
    """Another secret is another identity; nobody's is empty."""
    plans = [AWS, SigV4Plan("eu-west-1", "s3", "AKID", Secret("other"), Secret("session")), HMAC,
             SigV4Plan("eu-west-2", "s3", "AKID", Secret("s3cr3t"), Secret("session"))]  # fmt: skip
    assert len({identity_of(plan) for plan in plans}) == 4
    assert {len(identity_of(plan)) for plan in plans} == {32}
    again = SigV4Plan("eu-west-1", "s3", "AKID", Secret("s3cr3t"), Secret("session"))
    assert (identity_of(again) == identity_of(AWS), identity_of(None)) == (True, b"")
