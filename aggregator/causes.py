"""The one table of what becomes of calls and parts: causes of failures, their families, and states.

YAML (``status_map``), problems, headers, logs, schema and docs take their words from here. A new cause is one row of
``_TABLE``. Rows that are *reserved* name failures of policies that do not exist yet: nothing fails with them, so
a file must not speak of them. Those that *refuse* requests stand in problems and logs; no call fails with them, so no
row speaks of them either.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class State(StrEnum):
    """What became of a part; the one vocabulary of headers, problems, logs and ``meta``."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    DEFAULT = "default"
    STALE = "stale"
    CANCELLED = "cancelled"


class Cause(StrEnum):
    """Why a call failed, as written in ``status_map``, problems, headers and logs."""

    DEADLINE = "deadline"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"
    WRITE_TIMEOUT = "write_timeout"
    REFUSED = "refused"
    DNS = "dns"
    TLS = "tls"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    INCOMPLETE = "incomplete"
    PROTOCOL = "protocol"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    CODING = "coding"
    CONTENT_TYPE = "content_type"
    QUEUE_FULL = "queue_full"
    QUEUE_TIMEOUT = "queue_timeout"
    UNSUCCESSFUL = "unsuccessful"
    EXPRESSION = "expression"
    INPUT = "input"
    STATUS = "status"
    FAULT = "fault"
    LIMITED = "limited"
    BREAKER_OPEN = "breaker_open"
    OVER_BUDGET = "over_budget"
    DEGRADED = "degraded"
    SWITCHED_OFF = "switched_off"
    UNKNOWN_KEY = "unknown_key"
    CREDENTIALS = "credentials"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    AUTH_UNAVAILABLE = "auth_unavailable"
    UNDER_WAY = "under_way"
    KEY_MISSING = "key_missing"
    KEY_REUSED = "key_reused"
    STATE_UNAVAILABLE = "state_unavailable"

    @property
    def families(self) -> tuple[str, ...]:
        """The groups that a ``status_map`` row may name instead of the cause itself, the main one first."""
        return _TABLE[self].families or (self.value,)

    @property
    def family(self) -> str:
        """The main family, by which failures are told apart in tables and get their default status."""
        return self.families[0]

    @property
    def names(self) -> tuple[str, ...]:
        """All that a ``status_map`` row may call this cause: its own name, then its families."""
        return tuple(dict.fromkeys((self.value, *self.families)))

    @property
    def default_status(self) -> int:
        """The status of the answer when no row of a ``status_map`` speaks of this cause."""
        return _TABLE[self].status

    @property
    def meaning(self) -> str:
        """One sentence for the reference."""
        return _TABLE[self].meaning

    @property
    def refuses_requests(self) -> bool:
        """Whether it is why a request was refused before any call, of which no status map speaks."""
        return _TABLE[self].refuses

    @property
    def is_reserved(self) -> bool:
        """Whether nothing can fail with this cause yet."""
        return _TABLE[self].reserved


class _Row(NamedTuple):
    """One cause: its families (none: itself), the status that it becomes by default, and its meaning."""

    families: tuple[str, ...]
    status: int
    meaning: str
    reserved: bool = False
    refuses: bool = False


_TIMEOUT, _BODY, _OVERLOADED = ("timeout",), ("invalid_body",), ("overloaded",)
_TABLE: Final[dict[Cause, _Row]] = {
    Cause.DEADLINE: _Row(_TIMEOUT, 504, "The time of the call, or of its endpoint, was over."),
    Cause.CONNECT_TIMEOUT: _Row(("timeout", "connect"), 504, "No connection within `timeout.connect`."),
    Cause.READ_TIMEOUT: _Row(_TIMEOUT, 504, "The upstream was silent for `timeout.read`."),
    Cause.WRITE_TIMEOUT: _Row(_TIMEOUT, 504, "The upstream took no bytes for `timeout.write`."),
    Cause.REFUSED: _Row(("network", "connect"), 502, "The upstream refused the connection."),
    Cause.DNS: _Row(("network", "connect"), 502, "The name of the upstream could not be resolved."),
    Cause.TLS: _Row(("network", "connect"), 502, "The certificate or the TLS handshake failed."),
    Cause.RESET: _Row(("network", "reset"), 502, "The upstream dropped the connection."),
    Cause.UNREACHABLE: _Row(("network", "connect"), 502, "There is no way to the upstream."),
    Cause.INCOMPLETE: _Row(("network", "reset"), 502, "The body ended before its announced length."),
    Cause.PROTOCOL: _Row(("network",), 502, "The answer is not HTTP/1.1."),
    Cause.MALFORMED: _Row(_BODY, 502, "The body is not what its content type says."),
    Cause.TOO_LARGE: _Row(_BODY, 502, "The body is larger than `max_body`, or the head too large."),
    Cause.CODING: _Row(_BODY, 502, "The content coding is unknown, or the body does not follow it."),
    Cause.CONTENT_TYPE: _Row(_BODY, 502, "The content type has no codec here."),
    Cause.QUEUE_FULL: _Row(_OVERLOADED, 503, "`limits.max_waiting` calls wait already."),
    Cause.QUEUE_TIMEOUT: _Row(_OVERLOADED, 503, "No connection became free within `timeout.pool`."),
    Cause.UNSUCCESSFUL: _Row((), 502, "`success.when` did not hold, or GraphQL answered with errors."),
    Cause.EXPRESSION: _Row((), 502, "An expression met data that it cannot use."),
    Cause.INPUT: _Row((), 400, "The client sent what an expression or a URL cannot use."),
    Cause.STATUS: _Row((), 502, "The upstream answered with a status that is no success. 404 stays 404."),
    Cause.FAULT: _Row((), 500, "The program, or a plug-in, made a mistake."),
    Cause.LIMITED: _Row(_OVERLOADED, 503, "The upstream may not be called more often (`rate_limit`)."),
    Cause.BREAKER_OPEN: _Row(_OVERLOADED, 503, "The breaker of the upstream is open."),
    Cause.OVER_BUDGET: _Row((), 503, "The request has made all calls that it may make (`call_budget`)."),
    Cause.DEGRADED: _Row(_OVERLOADED, 503, "The optional part was skipped under pressure (`server.degrade`)."),
    Cause.SWITCHED_OFF: _Row((), 503, "An operator switched it off."),
    Cause.UNKNOWN_KEY: _Row((), 404, "The `route` of the upstream has no service for the key of the request."),
    Cause.CREDENTIALS: _Row((), 502, "Credentials for the upstream could not be had."),
    Cause.UNAUTHENTICATED: _Row((), 401, "The caller has no valid credential.", refuses=True),
    Cause.FORBIDDEN: _Row((), 403, "The caller may not do this.", refuses=True),
    Cause.AUTH_UNAVAILABLE: _Row((), 503, "What judges credentials cannot be reached.", refuses=True),
    Cause.UNDER_WAY: _Row((), 409, "The same delivery, or idempotency key, is being answered.", refuses=True),
    Cause.KEY_MISSING: _Row((), 400, "The request has no idempotency key.", refuses=True),
    Cause.KEY_REUSED: _Row((), 422, "The idempotency key was used for another request.", refuses=True),
    Cause.STATE_UNAVAILABLE: _Row((), 503, "What has to be kept of the request cannot be kept now.", refuses=True),
}

CAUSES: Final = tuple(cause for cause in Cause if not (cause.is_reserved or cause.refuses_requests))
"""The causes that calls and answers can fail with."""

RENAMED: Final = {"pool_full": Cause.QUEUE_FULL, "pool_timeout": Cause.QUEUE_TIMEOUT}
"""Former words, with those of today."""


def causes_called(name: str) -> frozenset[Cause]:
    """Return the causes that a ``status_map`` row with this *name* speaks of: one, those of a family, or none."""
    return frozenset(cause for cause in CAUSES if name in cause.names)
