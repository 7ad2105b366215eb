"""What the operating system, OpenSSL and the resolver raise, as the causes of CallError: one table each.

Messages never hold an address, a name or the text of the foreign error.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from time import monotonic

from aggregator.errors import CallError, Cause

REFUSED = (Cause.REFUSED, "The upstream refused the connection.")
UNREACHABLE = (Cause.UNREACHABLE, "The upstream cannot be reached.")
RESET = (Cause.RESET, "The upstream reset the connection.")

TOO_LATE = {
    Cause.DEADLINE: "The upstream did not answer in time.",
    Cause.CONNECT_TIMEOUT: "The upstream did not accept a connection in time.",
    Cause.READ_TIMEOUT: "The upstream fell silent.",
    Cause.WRITE_TIMEOUT: "The upstream stopped taking the request.",
    Cause.QUEUE_TIMEOUT: "No connection to the upstream became free in time.",
}

_GRAIN = 0.002  # seconds by which the clocks of loops differ

BY_ERRNO: dict[int, tuple[Cause, str]] = {
    errno.ECONNREFUSED: REFUSED,
    errno.ENOENT: REFUSED,  # no such Unix socket
    errno.ECONNRESET: RESET,
    errno.ECONNABORTED: RESET,
    errno.EPIPE: RESET,
    errno.ETIMEDOUT: UNREACHABLE,
    errno.EMFILE: (Cause.QUEUE_FULL, "The gateway has no free sockets."),
    errno.ENFILE: (Cause.QUEUE_FULL, "The gateway has no free sockets."),
}

_UNKNOWN = "The certificate of the upstream is from an unknown authority; `tls.ca` says whom to trust."

BY_VERIFY_CODE: dict[int, str] = {
    # X509_verify_cert_error_string(3)
    9: "The certificate of the upstream is not valid yet.",
    10: "The certificate of the upstream has expired.",
    18: "The certificate of the upstream is self-signed; `tls.ca` says whom to trust.",
    19: _UNKNOWN,
    20: _UNKNOWN,
    21: _UNKNOWN,
    23: "The certificate of the upstream has been revoked.",
    62: "The certificate of the upstream is for another name.",
    64: "The certificate of the upstream is for another address.",
}

_OLD_VERSION = "The upstream offers no supported version of TLS; `tls.security` says which are."
_UNSAFE = "The upstream cannot renegotiate safely (RFC 5746); `tls.security: legacy` accepts that."
_NOTHING_SHARED = "The upstream shares no cipher suite with us; `tls.security` says which are offered."

BY_TLS_REASON: dict[str, str] = {
    "WRONG_VERSION_NUMBER": "The upstream does not speak TLS.",
    "HTTP_REQUEST": "The upstream does not speak TLS.",
    "UNSUPPORTED_PROTOCOL": _OLD_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD_VERSION,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": _NOTHING_SHARED,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": _NOTHING_SHARED,
    "NO_CIPHERS_AVAILABLE": _NOTHING_SHARED,
    "DH_KEY_TOO_SMALL": "The key of the upstream is too short; `tls.security` says what is accepted.",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": _UNSAFE,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "The upstream wants a client certificate.",
    "TLSV1_ALERT_UNKNOWN_CA": "The upstream does not accept our certificate.",
    "SSLV3_ALERT_BAD_CERTIFICATE": "The upstream does not accept our certificate.",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "The upstream does not accept our certificate.",
    "TLSV1_UNRECOGNIZED_NAME": "The upstream does not know the server name asked for.",
}


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and what it came from, innermost last."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def connect_failure(error: BaseException) -> CallError:
    """Return what an *error* while connecting means; the first in its chain that is known decides."""
    for link in chain(error):
        if isinstance(link, ssl.SSLError):
            return tls_failure(link)
        if isinstance(link, socket.gaierror | UnicodeError):
            return CallError(Cause.DNS, "The name of the upstream cannot be resolved.")
        if isinstance(link, OSError) and link.errno in BY_ERRNO:
            return CallError(*BY_ERRNO[link.errno])
        if isinstance(link, ConnectionError | EOFError):  # asyncio raises some without a number
            return CallError(*RESET)
    return CallError(*UNREACHABLE)


def tls_failure(error: ssl.SSLError) -> CallError:
    """Return the failure that *error* means; its fault is the reason that OpenSSL names."""
    reason = getattr(error, "reason", None) or None
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = "The certificate of the upstream is not valid."
        return CallError(
            Cause.TLS, BY_VERIFY_CODE.get(getattr(error, "verify_code", 0), unknown), fault=reason, lasts=True
        )
    return CallError(Cause.TLS, BY_TLS_REASON.get(reason or "", "TLS with the upstream failed."), fault=reason)


def lost_failure(error: BaseException | None, *, answering: bool) -> CallError:
    """Return what the loss of a connection in use means; *error* is None when the upstream closed it."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return tls_failure(error)
    if error is not None and not isinstance(error, ssl.SSLError | EOFError):
        return CallError(*RESET)
    if answering:
        return CallError(Cause.INCOMPLETE, "The upstream closed the connection in the middle of its answer.")
    return CallError(Cause.INCOMPLETE, "The upstream closed the connection without an answer.")


def late(cause: Cause, retry_after: float | None = None) -> CallError:
    """Return the failure of a call that is overdue for *cause*; *retry_after* is told when it waited for us."""
    return CallError(cause, TOO_LATE[cause], retry_after=retry_after if cause == Cause.QUEUE_TIMEOUT else None)


def crowded(retry_after: float) -> CallError:
    """Return the refusal of a call for which there is no place to wait."""
    return CallError(Cause.QUEUE_FULL, "Too many calls wait for the upstream.", retry_after=retry_after)


def waited_in_vain(deadline: float, retry_after: float) -> CallError:
    """Return the failure of a call dropped from its line, since it cannot be answered by its *deadline* (loop time)."""
    return late(Cause.DEADLINE) if deadline <= monotonic() + _GRAIN else crowded(retry_after)


def closing() -> CallError:
    """Return the refusal of a call on a pool that is being closed."""
    return CallError(Cause.QUEUE_FULL, "The gateway is closing its connections to the upstream.", retry_after=1.0)
