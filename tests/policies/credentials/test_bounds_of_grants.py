"""Tokens and who asks for them, at their bounds: the longest answer, the last status that is none, and whose is what."""

from __future__ import annotations

import json

import pytest

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller
from aggregator.policies.credentials.callers import caller_line, caller_token
from aggregator.policies.credentials.oauth.granting import LONGEST_TOKEN, Granted, NotGranted, read_answer
from aggregator.policies.credentials.oauth.sharing import MOST, put_last
from aggregator.policies.credentials.plan import (
    CallerPlace,
    ConstantPlan,
    CredentialsPlan,
    HmacPlan,
    OauthPlan,
    Secret,
    SigV4Plan,
    can_fail,
    headers_of,
    identity_of,
    is_for_callers,
    secrets_of,
)
from aggregator.templates import compile_value


def answer(**said: object) -> bytes:
    """Return an answer with a token."""
    return json.dumps({"access_token": "t", **said}).encode()


@pytest.mark.parametrize(("status", "is_granted"), [(199, False), (200, True), (299, True), (300, False)])
def test_which_statuses_grant(status: int, is_granted: bool) -> None:
    """Those of success."""
    if is_granted:
        assert read_answer(status, answer(expires_in=5, refresh_token="r")) == Granted("t", 5.0, "r")
        return
    with pytest.raises(NotGranted, match=rf"^the token endpoint answered {status}$"):
        read_answer(status, answer())


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_the_longest_token_of_an_answer(name: str) -> None:
    """Of 16 KiB; one character more is too long."""
    longest = "t" * LONGEST_TOKEN
    granted = read_answer(200, answer(**{name: longest}))
    assert longest in (granted.token, granted.refresh_token)
    with pytest.raises(NotGranted, match=r"token is longer than 16384 characters$"):
        read_answer(200, answer(**{name: longest + "t"}))


def test_the_code_of_a_failure_is_told() -> None:
    """With what it says, for who has to know."""
    with pytest.raises(NotGranted) as failed:
        read_answer(400, b'{"error": "invalid_grant"}')
    assert (failed.value.code, str(failed.value)) == (
        "invalid_grant",
        "the token endpoint answered 400 (invalid_grant)",
    )
    assert NotGranted("because").code == ""


def test_so_many_grants_are_kept() -> None:
    """The one whose token has been the same for longest is forgotten first."""
    known: dict[str, str] = {}
    for number in range(MOST):
        put_last(known, str(number), "a")
    put_last(known, "0", "b")
    assert (len(known), known["0"]) == (MOST, "b")
    put_last(known, "new", "c")
    assert (len(known), "1" in known, known["0"], known["new"]) == (MOST, False, "b", "c")


S = Secret("s3cr3t")
OVER = compile_value("{{ body }}", lambda _: None)
BEARER, BASIC = ConstantPlan("bearer", Secret("Bearer abc")), ConstantPlan("basic", Secret("Basic eDp5"))
OAUTH = OauthPlan("https://id.test", (("grant_type", "client_credentials"),), Secret("Basic aWQ6cHc="), S)
EXCHANGE = OauthPlan("https://id.test", (), subjects=(CallerPlace("a", "header", "authorization"),))
AWS = SigV4Plan("eu", "s3", "key", S)
HMAC = HmacPlan(b"x-sig", S, OVER, "sha256", "hex", "v1=")
AUTHORIZATION = frozenset({b"authorization"})


@pytest.mark.parametrize(
    ("plan", "scheme", "fails", "callers", "headers", "secrets"),
    [
        (BEARER, "bearer", False, False, AUTHORIZATION, {"abc"}),
        (BASIC, "basic", False, False, AUTHORIZATION, {"eDp5"}),
        (OAUTH, "oauth2", True, False, AUTHORIZATION, {"aWQ6cHc=", "s3cr3t"}),
        (EXCHANGE, "oauth2", True, True, AUTHORIZATION, set[str]()),
        (AWS, "sigv4", False, False,
         {b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"}, {"s3cr3t"}),
        (HMAC, "hmac", True, False, {b"x-sig"}, {"s3cr3t"}),
        (None, None, False, False, set[bytes](), set[str]()),
    ],
)  # fmt: skip
def test_what_is_known_of_credentials(
    plan: CredentialsPlan | None, scheme: str | None, fails: bool, callers: bool, headers: set[bytes], secrets: set[str]
) -> None:
    """Their name, whether a call can fail for want of them, whose they are, and what they write and hide."""
    assert (None if plan is None else plan.scheme) == scheme
    assert (can_fail(plan), is_for_callers(plan), headers_of(plan)) == (fails, callers, headers)
    assert secrets_of(plan) == secrets
    assert "s3cr3t" not in repr(plan)


def test_an_identity_is_that_of_all_that_is_declared() -> None:
    """Secrets included; of no credentials it is empty, and nobody reads a secret out of it."""
    plans = [None, BEARER, BASIC, OAUTH, EXCHANGE, AWS, HMAC, SigV4Plan("eu", "s3", "key", Secret("other"))]
    identities = [identity_of(plan) for plan in plans]
    assert len(set(identities)) == len(plans)
    assert (identities[0], {len(one) for one in identities[1:]}) == (b"", {32})
    assert identity_of(SigV4Plan("eu", "s3", "key", Secret("s3cr3t"))) == identity_of(AWS)


PLACES = (CallerPlace("site", "cookie", "session"), CallerPlace("app", "header", "authorization"))


@pytest.mark.parametrize(
    ("scheme", "fields", "line", "token"),
    [
        ("app", [("authorization", "Bearer a.b")], b"authorization: Bearer a.b\r\n", "a.b"),
        ("app", [("authorization", "bearer  a.b ")], b"authorization: bearer  a.b \r\n", "a.b"),
        ("app", [("authorization", "Basic eDp5")], b"authorization: Basic eDp5\r\n", None),
        ("app", [], b"", None),
        ("app", [("cookie", "session=a.b")], b"", None),
        ("site", [("cookie", "x=1; session=a.b")], b"authorization: Bearer a.b\r\n", "a.b"),
        ("site", [("cookie", "x=1")], b"", None),
        ("site", [("authorization", "Bearer a.b")], b"", None),
        ("other", [("authorization", "Bearer a.b"), ("cookie", "session=a.b")], b"", None),
        (None, [("authorization", "Bearer a.b"), ("cookie", "session=a.b")], b"", None),
    ],
)
def test_the_credential_of_a_caller(
    scheme: str | None, fields: list[tuple[str, str]], line: bytes, token: str | None
) -> None:
    """It is the one by which the caller was admitted, where that scheme has it; a cookie becomes a bearer token."""
    exchange = Exchange("GET", "/", b"", [(name.encode(), value.encode()) for name, value in fields])
    exchange.caller = None if scheme is None else Caller(scheme, "ada")
    assert (caller_line(PLACES, exchange), caller_token(PLACES, exchange)) == (line, token)
