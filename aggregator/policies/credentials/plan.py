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


CredentialsPlan = ConstantPlan


def headers_of(plan: CredentialsPlan | None) -> frozenset[bytes]:
    """Return the names of the headers that *plan* writes, in lower case."""
    return frozenset() if plan is None else frozenset({b"authorization"})


def secrets_of(plan: CredentialsPlan | None) -> frozenset[str]:
    """Return the texts in *plan* that the log must not show: those that are made of secrets of the file."""
    return frozenset() if plan is None else frozenset({plan.authorization.value.partition(" ")[2]})


class CallerPlace(Struct, frozen=True):
    """Where callers that *scheme* admits have their credential: in the header or cookie called *field*."""

    scheme: str
    where: Literal["header", "cookie"]
    field: str
