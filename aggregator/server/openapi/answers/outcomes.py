"""What a client can get from an endpoint: a status with its text, media type, schema; and those that all share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from msgspec import Struct

from aggregator.http import phrase
from aggregator.server.openapi.components import PROBLEM_TYPE, Schema, schema_ref

ANY_TYPE = "*/*"


class Outcome(Struct, frozen=True):
    """One thing that an endpoint may answer; *status* is a key of a Responses Object.

    *media* None means no body. *shared* names the component that says all of this.
    """

    status: str
    text: str
    media: str | None = PROBLEM_TYPE
    schema: Schema | None = None
    headers: tuple[str, ...] = ()
    example: Any = None
    shared: str | None = None


def problem_example(status: int, detail: str, **members: Any) -> dict[str, Any]:
    """Return a problem document as a client would read it."""
    return {"type": "about:blank", "title": phrase(status), "status": status, "detail": detail, **members}


def shared(name: str, status: int, text: str, detail: str, headers: tuple[str, ...] = (), **members: Any) -> Outcome:
    """Return an outcome that is the same for every endpoint."""
    example = problem_example(status, detail, **members)
    return Outcome(str(status), text, PROBLEM_TYPE, schema_ref("Problem"), headers, example, name)


_INVALID = {"pointer": "/page", "location": "query", "message": "must be at least 1", "keyword": "minimum"}
_PARTS = ("aggregator-parts",)
NOT_FOUND = shared(
    "NotFound", 404, "An upstream did not find it.", "The upstream 'example' did not find it.",
    _PARTS, cause="status", upstream="example", upstream_status=404,
)  # fmt: skip
FUNCTION_FAILED = shared(
    "FunctionFailed", 500, "A function of a plug-in failed.", "The function 'example:change' failed.",
    _PARTS, cause="fault",
)  # fmt: skip
UPSTREAM_FAILED = shared(
    "UpstreamFailed", 502, "An upstream failed, or its answer cannot be used.",
    "The upstream 'example' answered with status 500.", ("retry-after", *_PARTS),
    cause="status", upstream="example", upstream_status=500,
)  # fmt: skip
OVERLOADED = shared(
    "Overloaded", 503, "Too many calls of an upstream are waiting already.",
    "Too many calls of the upstream 'example' are waiting.", ("retry-after", *_PARTS),
    cause="queue_full", upstream="example",
)  # fmt: skip
TIMED_OUT = shared(
    "TimedOut", 504, "An upstream did not answer in time.", "The upstream 'example' did not answer in time.",
    _PARTS, cause="deadline", upstream="example",
)  # fmt: skip
BAD_REQUEST = shared(
    "BadRequest", 400, "The path, the query or the body cannot be read.", "The query is not percent-encoded UTF-8.",
)  # fmt: skip
NOT_ACCEPTABLE = shared(
    "NotAcceptable", 406, "None of the formats of this endpoint is accepted.",
    "This endpoint answers as application/json.",
)  # fmt: skip
BODY_TOO_SLOW = shared(
    "BodyTooSlow", 408, "The body took too long to arrive.", "The request body took too long to arrive.",
)  # fmt: skip
BODY_TOO_LARGE = shared("BodyTooLarge", 413, "The body is too large.", "The request body is larger than 1048576 bytes.")
UNSUPPORTED = shared(
    "UnsupportedMediaType", 415, "The body is not said to be JSON.", "This endpoint takes application/json.",
)  # fmt: skip
INVALID = shared(
    "InvalidRequest", 422, "The request does not fit what is declared here; `errors` lists all that is wrong.",
    "The request does not fit what this endpoint declares.", errors=[_INVALID],
)  # fmt: skip

UNAUTHENTICATED = shared(
    "Unauthenticated", 401, "No valid credential came.", "This needs a valid credential.",
    ("www-authenticate",), cause="unauthenticated",
)  # fmt: skip
FORBIDDEN = shared(
    "Forbidden", 403, "The caller may not do this.", "You are not allowed to do this.", cause="forbidden",
)  # fmt: skip
UNDER_WAY = shared(
    "UnderWay", 409, "The same signed delivery is being answered.", "This delivery is being answered already.",
    ("retry-after",), cause="under_way",
)  # fmt: skip
FAILED_TOO_OFTEN = shared(
    "FailedTooOften", 429, "Too many wrong credentials came from this address.",
    "Too many wrong credentials came from your address.", ("retry-after",), cause="limited",
)  # fmt: skip
KEY_MISSING = shared(
    "KeyMissing", 400, "The request has no idempotency key.", "This needs an idempotency key.", cause="key_missing",
)  # fmt: skip
KEY_UNDER_WAY = shared(
    "KeyUnderWay", 409, "A request with the same idempotency key is being answered.",
    "A request with this idempotency key is being answered already.", ("retry-after",), cause="under_way",
)  # fmt: skip
KEY_REUSED = shared(
    "KeyReused", 422, "The idempotency key was used for another request.",
    "This idempotency key was used for another request.", cause="key_reused",
)  # fmt: skip
STATE_UNAVAILABLE = shared(
    "StateUnavailable", 503, "Whether the request was answered before cannot be told now.",
    "Whether this request was answered before cannot be told now.", ("retry-after",), cause="state_unavailable",
)  # fmt: skip
REPEATS: tuple[Outcome, ...] = (KEY_MISSING, KEY_UNDER_WAY, KEY_REUSED, STATE_UNAVAILABLE)
"""What is shared by endpoints with `idempotency`."""
LIMITED = shared(
    "TooManyRequests", 429, "A limit is reached.", "Too many requests.",
    ("retry-after", "ratelimit", "ratelimit-policy"), cause="limited",
)  # fmt: skip
AUTH_UNAVAILABLE = shared(
    "AuthUnavailable", 503, "Whether the credential is valid cannot be told now.",
    "Whether the credential is valid cannot be told now.", ("retry-after",), cause="auth_unavailable",
)  # fmt: skip

SHARED: tuple[Outcome, ...] = (
    BAD_REQUEST, NOT_FOUND, NOT_ACCEPTABLE, BODY_TOO_SLOW, BODY_TOO_LARGE, UNSUPPORTED, INVALID,
    FUNCTION_FAILED, UPSTREAM_FAILED, OVERLOADED, TIMED_OUT,
)  # fmt: skip


@lru_cache(maxsize=256)
def status_keys(statuses: frozenset[int]) -> tuple[str, ...]:
    """Return *statuses* as keys of a Responses Object: one by one, or as ``4XX`` where they are most of a class."""
    keys: list[str] = []
    for hundred in range(200, 600, 100):
        found = sorted(status for status in statuses if hundred <= status < hundred + 100)
        keys.extend([f"{hundred // 100}XX"] if len(found) > 20 else map(str, found))
    return tuple(keys)
