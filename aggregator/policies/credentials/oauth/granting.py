"""Answers of a token endpoint: only what RFC 6749 §5 allows is accepted."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.policies.credentials.compiling import is_token

LARGEST = 64 * 1024
"""Bytes that an answer may have."""
LONGEST_TOKEN = 16 * 1024
LIFE = 300.0
"""Seconds that a token is used of which nothing is said; one that ends before is noticed by a 401."""
_LONGEST_LIFE = 86_400.0 * 365
_ERRORS = (
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope", "invalid_target", "access_denied", "server_error", "temporarily_unavailable",
)  # fmt: skip
"""Codes that are told (RFC 6749 §5.2, RFC 8693 §2.2.2); any other text of the server might hold a secret."""


class Granted(Struct, frozen=True):
    """A token, how many seconds it is good for, and the refresh token that takes the place of the last one."""

    token: str
    life: float
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"<Granted, for {self.life:g} s>"


class NotGranted(AggregatorError):  # noqa: N818 - an outcome, not a fault
    """No token came: *reason* holds nothing that the server wrote but a *code* of the RFC."""

    def __init__(self, reason: str, code: str = "") -> None:
        self.code = code
        super().__init__(f"{reason} ({code})" if code else reason)


def read_answer(status: int, body: bytes) -> Granted:
    """Return what an answer with *status* and *body* grants; raises ``NotGranted``."""
    document = _document(body)
    if not 200 <= status < 300:
        code = document.get("error") if isinstance(document, dict) else None
        raise NotGranted(f"the token endpoint answered {status}", code if code in _ERRORS else "")
    if not isinstance(document, dict):
        raise NotGranted("the answer of the token endpoint is no JSON object")
    if str(document.get("token_type", "bearer")).lower() != "bearer":
        raise NotGranted("the token is of another type than Bearer")
    refresh = document.get("refresh_token")
    return Granted(
        _token(document.get("access_token"), "token"),
        _life(document.get("expires_in")),
        None if refresh is None else _token(refresh, "refresh token"),
    )


def _document(body: bytes) -> Any:
    try:
        return json_codec.decode(body)
    except AggregatorError:
        return None


def _token(value: Any, what: str) -> str:
    """Return *value* as a token that can be sent in a header: nothing in it ends the line, or begins another one."""
    if value is None:
        raise NotGranted(f"the answer of the token endpoint has no {what}")
    if not isinstance(value, str) or not is_token(value):
        raise NotGranted(f"the {what} has characters that cannot be sent")
    if len(value) > LONGEST_TOKEN:
        raise NotGranted(f"the {what} is longer than {LONGEST_TOKEN} characters")
    return value


def _life(value: Any) -> float:
    """Return ``expires_in`` in seconds; some servers write it as text, and some not at all."""
    if value is None:
        return LIFE
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotGranted("`expires_in` is no number of seconds")
    if not value > 0:
        raise NotGranted("the token has ended already: `expires_in` is not above 0")
    return float(min(value, _LONGEST_LIFE))
