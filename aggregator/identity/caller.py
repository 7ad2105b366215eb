"""The caller that a scheme admits, and the refusal that it gives instead."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from aggregator.errors import AggregatorError
from aggregator.stores.rate import Rate


class Caller(Struct, frozen=True, dict=True):
    """The caller of a request. *scheme* is the name under ``auth:``; *issuer* and *subject* are unique within it.

    *key* is the name of an API key, never its text. *until* is the Unix time from which this has to be judged anew.
    *rate* is the limit of that key, if it has one. *apart* tells callers without a subject from one another.
    """

    scheme: str
    subject: str
    issuer: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    key: str | None = None
    until: float = float("inf")
    rate: Rate | None = None
    apart: str = ""

    def told_apart(self, credential: bytes) -> Caller:
        """Return the same caller; one without a subject is told from others by a hash of the *credential*."""
        return self if self.subject else replace(self, apart=hashlib.sha256(credential).hexdigest())

    @property
    def identity(self) -> str:
        """Scheme, issuer and subject as one text that no other caller has: each piece carries its length."""
        pieces = (self.scheme, self.issuer, self.subject, *((self.apart,) if self.apart else ()))
        return "".join(f"{len(piece)}:{piece}" for piece in pieces)

    @cached_property
    def names(self) -> dict[str, Any]:
        """The value of ``auth`` in expressions: read-only data, made once for a caller who is remembered."""
        return {
            "subject": self.subject or None,
            "claims": self.claims,
            "scopes": list(self.scopes),
            "roles": list(self.roles),
            "scheme": self.scheme,
            "key": self.key,
        }


NOBODY: dict[str, Any] = {"subject": None, "claims": {}, "scopes": [], "roles": [], "scheme": None, "key": None}
"""What expressions see as ``auth`` where a credential is optional and none came."""


class Reason(StrEnum):
    """The reason for which a credential was refused; for the log alone, clients are not told."""

    MISSING = "missing"
    MALFORMED = "malformed"
    FOREIGN_PAGE = "foreign_page"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_TYPE = "wrong_type"
    WRONG_ALGORITHM = "wrong_algorithm"
    WRONG_SIGNATURE = "wrong_signature"
    MISSING_CLAIM = "missing_claim"
    UNKNOWN_KEY = "unknown_key"
    REVOKED = "revoked"
    DENIED = "denied"
    FORBIDDEN = "forbidden"

    @property
    def is_failure(self) -> bool:
        """Whether it counts against the address that it came from.

        No credential at all is none, and so is one that was right at another time, or that is right and not enough, and
        one that a page of another origin made a browser send: whoever wrote that page guesses nothing.
        """
        return self not in _NO_FAILURES


_NO_FAILURES = frozenset({Reason.MISSING, Reason.EXPIRED, Reason.NOT_YET_VALID, Reason.FORBIDDEN, Reason.FOREIGN_PAGE})


class Refused(AggregatorError):  # noqa: N818 - an outcome, not a fault
    """A credential was refused for *reason*."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)

    def copy(self) -> Refused:
        """Return the same, not yet raised."""
        return Refused(self.reason)


class Denied(Refused):
    """Somebody else who was asked has refused, with *status* 401 or 403 and the *challenges* of a 401."""

    def __init__(self, status: int, challenges: tuple[bytes, ...] = ()) -> None:
        self.status, self.challenges = status, challenges
        super().__init__(Reason.FORBIDDEN if status == 403 else Reason.DENIED)

    def copy(self) -> Denied:
        """Return the same, not yet raised."""
        return Denied(self.status, self.challenges)


def texts_at(claims: Mapping[str, Any], path: Sequence[str]) -> tuple[str, ...]:
    """Return the texts at *path* in *claims*: a list of them, or one text with blanks between (RFC 6749 §3.3)."""
    value: Any = claims
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return texts_of(value)


def texts_of(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, or those between the blanks of one text; none of anything else."""
    if isinstance(value, str):
        return tuple(text for text in value.split(" ") if text)  # no other blank divides scopes (RFC 6749 §3.3)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
