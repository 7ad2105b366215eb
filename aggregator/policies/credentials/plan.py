"""As whom an upstream is called, as data. What is secret is shown by no ``repr``."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from aggregator.telemetry.redaction import MASK


class Secret(Struct, frozen=True):
    """A text that nobody may read: its *value* is for what sends it."""

    value: str

    def __repr__(self) -> str:
        return f"Secret({MASK})"


class ConstantPlan(Struct, frozen=True):
    """A header that is the same in every call."""

    scheme: Literal["bearer", "basic"]
    authorization: Secret


class OauthPlan(Struct, frozen=True):
    """A request for a token (RFC 6749 §4.4, §6).

    *form* are the parameters that are no secret, *authorization* is the header that says who asks; without it they are
    in the form, with *client_secret*.
    """

    token_url: str
    form: tuple[tuple[str, str], ...]
    authorization: Secret | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None

    @property
    def scheme(self) -> str:
        """How it is called in the file."""
        return "oauth2"


CredentialsPlan = ConstantPlan | OauthPlan


def can_fail(plan: CredentialsPlan | None) -> bool:
    """Return whether a call can fail with the cause ``credentials``: what is known at load cannot be missing."""
    return isinstance(plan, OauthPlan)


def headers_of(plan: CredentialsPlan | None) -> frozenset[bytes]:
    """Return the names of the headers that *plan* writes, in lower case."""
    return frozenset() if plan is None else frozenset({b"authorization"})


def secrets_of(plan: CredentialsPlan | None) -> frozenset[str]:
    """Return the texts in *plan* that nobody may read, those included that are made of secrets of the file."""
    if plan is None:
        return frozenset()
    fields = (getattr(plan, name) for name in plan.__struct_fields__)
    texts = (field.value for field in fields if isinstance(field, Secret))
    return frozenset(text.removeprefix("Basic ").removeprefix("Bearer ") for text in texts)


class CallerPlace(Struct, frozen=True):
    """Where callers that *scheme* admits have their credential: in the header or cookie called *field*."""

    scheme: str
    where: Literal["header", "cookie"]
    field: str
