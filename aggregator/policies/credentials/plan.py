"""As whom an upstream is called, as data. What is secret is shown by no ``repr``."""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec import Struct

from aggregator.telemetry.redaction import MASK
from aggregator.templates import Template


class Secret(Struct, frozen=True):
    """A text that nobody may read: its *value* is for what sends it."""

    value: str

    def __repr__(self) -> str:
        return f"Secret({MASK})"


class ConstantPlan(Struct, frozen=True):
    """A header that is the same in every call."""

    scheme: Literal["bearer", "basic"]
    authorization: Secret


class CallerPlace(Struct, frozen=True):
    """The place of the credential of callers that *scheme* admits: the header or cookie *field*."""

    scheme: str
    where: Literal["header", "cookie"]
    field: str


class OauthPlan(Struct, frozen=True):
    """A request for a token (RFC 6749 §4.4, §6, RFC 8693).

    *form* are the parameters that are no secret, *authorization* is the header that says who asks; without it that is
    in the form, with *client_secret*. *subjects* are where the tokens of callers are that are exchanged, None when none
    are.
    """

    token_url: str
    form: tuple[tuple[str, str], ...]
    authorization: Secret | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    subjects: tuple[CallerPlace, ...] | None = None

    @property
    def scheme(self) -> str:
        """The name of the scheme in the file."""
        return "oauth2"


class SigV4Plan(Struct, frozen=True):
    """The signing of requests to a *service* of AWS."""

    region: str
    service: str
    access_key: str
    secret_key: Secret
    session_token: Secret | None = None

    @property
    def scheme(self) -> str:
        """The name of the scheme in the file."""
        return "sigv4"


class HmacPlan(Struct, frozen=True):
    """The signing of requests with a shared secret: *over* these parts, in *header*, after *prefix*."""

    header: bytes
    secret: Secret
    over: Template
    algorithm: str
    encoding: Literal["hex", "base64"]
    prefix: str

    @property
    def scheme(self) -> str:
        """The name of the scheme in the file."""
        return "hmac"


CredentialsPlan = ConstantPlan | OauthPlan | SigV4Plan | HmacPlan
SIGV4_HEADERS = frozenset({b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"})


def can_fail(plan: CredentialsPlan | None) -> bool:
    """Return whether a call can fail with the cause ``credentials``: what is known at load cannot be missing."""
    return isinstance(plan, OauthPlan | HmacPlan)


def identity_of(plan: CredentialsPlan | None) -> bytes:
    """Return a digest of as whom an upstream is called; what is kept of it belongs to that identity."""
    if plan is None:
        return b""
    fields = (getattr(plan, name) for name in plan.__struct_fields__)
    texts = [field.value if isinstance(field, Secret) else repr(field) for field in fields]
    return hashlib.sha256(repr((plan.scheme, texts)).encode("utf-8", "surrogateescape")).digest()


def is_for_callers(plan: CredentialsPlan | None) -> bool:
    """Return whether an upstream is called in the name of each caller, with a token for theirs (RFC 8693)."""
    return isinstance(plan, OauthPlan) and plan.subjects is not None


def headers_of(plan: CredentialsPlan | None) -> frozenset[bytes]:
    """Return the names of the headers that *plan* writes, in lower case."""
    match plan:
        case None:
            return frozenset()
        case SigV4Plan():
            return SIGV4_HEADERS
        case HmacPlan():
            return frozenset({plan.header})
        case ConstantPlan() | OauthPlan():
            return frozenset({b"authorization"})


def secrets_of(plan: CredentialsPlan | None) -> frozenset[str]:
    """Return the texts in *plan* that nobody may read, those included that are made of secrets of the file."""
    if plan is None:
        return frozenset()
    fields = (getattr(plan, name) for name in plan.__struct_fields__)
    texts = (field.value for field in fields if isinstance(field, Secret))
    return frozenset(text.removeprefix("Basic ").removeprefix("Bearer ") for text in texts)
