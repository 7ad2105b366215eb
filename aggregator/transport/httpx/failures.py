"""What httpx raises, as the causes of CallError: one table, which names every exception that httpx has."""

from __future__ import annotations

import re

import httpx

from aggregator.errors import CallError, Cause, place_of
from aggregator.transport.failures import RESET, TOO_LATE, UNREACHABLE, chain, connect_failure

_SILENT = (Cause.READ_TIMEOUT, TOO_LATE[Cause.READ_TIMEOUT])
_MISUSED = (Cause.PROTOCOL, "The HTTP client could not make the call.")
_INVALID = (Cause.PROTOCOL, "The upstream did not answer in valid HTTP.")

BY_EXCEPTION: dict[type[Exception], tuple[Cause, str]] = {
    httpx.CloseError: RESET,
    httpx.ConnectError: UNREACHABLE,  # what it came from tells more
    httpx.ConnectTimeout: (Cause.CONNECT_TIMEOUT, TOO_LATE[Cause.CONNECT_TIMEOUT]),
    httpx.CookieConflict: _MISUSED,
    httpx.DecodingError: (Cause.CODING, "The body is not in the content coding that it claims."),
    httpx.HTTPError: _MISUSED,
    httpx.HTTPStatusError: (Cause.STATUS, "The status of the upstream was refused by the HTTP client."),
    httpx.InvalidURL: _MISUSED,
    httpx.LocalProtocolError: _MISUSED,
    httpx.NetworkError: RESET,
    httpx.PoolTimeout: (Cause.QUEUE_TIMEOUT, TOO_LATE[Cause.QUEUE_TIMEOUT]),
    httpx.ProtocolError: _INVALID,
    httpx.ProxyError: (Cause.UNREACHABLE, "The proxy did not reach the upstream."),
    httpx.ReadError: RESET,
    httpx.ReadTimeout: _SILENT,
    httpx.RemoteProtocolError: _INVALID,  # unless the connection ended: see `failure_of`
    httpx.RequestError: _MISUSED,
    httpx.RequestNotRead: _MISUSED,
    httpx.ResponseNotRead: _MISUSED,
    httpx.StreamClosed: _MISUSED,
    httpx.StreamConsumed: _MISUSED,
    httpx.StreamError: _MISUSED,
    httpx.TimeoutException: _SILENT,
    httpx.TooManyRedirects: (Cause.PROTOCOL, "The upstream redirected too often."),
    httpx.TransportError: UNREACHABLE,
    httpx.UnsupportedProtocol: _MISUSED,
    httpx.WriteError: RESET,
    httpx.WriteTimeout: (Cause.WRITE_TIMEOUT, TOO_LATE[Cause.WRITE_TIMEOUT]),
}

# httpcore's, h11's and h2's words for a connection that ended too early
_ENDED = ("disconnected", "peer closed", "ConnectionTerminated")
_STREAM_RESET, _UNTOUCHED = "<StreamReset", "error_code:7,"  # h2's words; REFUSED_STREAM


def was_answered(error: Exception) -> bool:
    """Return whether an HTTP/2 upstream has answered with *error*, a reset of this one call (RFC 9113 §8.7)."""
    return _STREAM_RESET in str(error) and _UNTOUCHED not in str(error)


def failure_of(error: Exception) -> CallError:
    """Return what *error*, raised by a client, means; one of ours on its way through httpx stays what it was."""
    for link in chain(error):
        if isinstance(link, CallError):
            return CallError(link.cause, link.message, retry_after=link.retry_after, fault=link.fault, lasts=link.lasts)
    if isinstance(error, httpx.ConnectError):
        return connect_failure(error)
    if isinstance(error, httpx.RemoteProtocolError) and _STREAM_RESET in str(error):
        return CallError(*RESET)
    if isinstance(error, httpx.RemoteProtocolError) and any(word in str(error) for word in _ENDED):
        return CallError(Cause.INCOMPLETE, "The upstream closed the connection before its answer was complete.")
    known = (BY_EXCEPTION[kind] for kind in type(error).__mro__ if kind in BY_EXCEPTION)
    found = next(known, None)
    if found is None:
        return CallError(*_MISUSED, fault=place_of(error))
    return CallError(*found, fault=_fault_in(error) if found is _INVALID else None)


def is_foreign(error: Exception) -> bool:
    """Return whether *error* is of no kind that an HTTP client raises for what happens on a network."""
    return not isinstance(error, (*BY_EXCEPTION, OSError))


def _fault_in(error: Exception) -> str | None:
    """Return what h11 or h2 say of a fault, up to where they quote the upstream."""
    words = re.split(r"[:(<'\"]|\bb'", str(error), maxsplit=1)[0].strip()
    return words or None
