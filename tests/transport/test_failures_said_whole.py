"""What a call to an upstream failed for, as a whole: cause, sentence, what OpenSSL said, and whether it lasts."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from aggregator.errors import CallError, Cause
from aggregator.transport.failures import chain, closing, connect_failure, crowded, late, lost_failure, tls_failure

UNREACHABLE = (Cause.UNREACHABLE, "The upstream cannot be reached.")
RESET = (Cause.RESET, "The upstream reset the connection.")
REFUSED = (Cause.REFUSED, "The upstream refused the connection.")
NO_NAME = (Cause.DNS, "The name of the upstream cannot be resolved.")
NO_SOCKETS = (Cause.QUEUE_FULL, "The gateway has no free sockets.")
NO_TLS = (Cause.TLS, "TLS with the upstream failed.")
SILENT = (Cause.INCOMPLETE, "The upstream closed the connection without an answer.")
HALF = (Cause.INCOMPLETE, "The upstream closed the connection in the middle of its answer.")


def whole(error: CallError) -> tuple[Cause, str, str | None, bool, float | None]:
    """Return all that *error* says."""
    return error.cause, error.message, error.fault, error.lasts, error.retry_after


def of_tls(reason: str | None, code: int | None = None) -> ssl.SSLError:
    """Return an error of OpenSSL for *reason*; of a certificate that was refused with *code*."""
    error = ssl.SSLError(1, "x") if code is None else ssl.SSLCertVerificationError(1, "x")
    error.reason = reason  # type: ignore[assignment]
    if code is not None:
        error.verify_code = code  # type: ignore[attr-defined]
    return error


def after(outer: BaseException, inner: BaseException, *, by_context: bool = False) -> BaseException:
    """Return *outer*, which came from *inner*."""
    if by_context:
        outer.__context__ = inner
    else:
        outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ECONNREFUSED, "x"), REFUSED), (OSError(errno.ENOENT, "x"), REFUSED),
        (OSError(errno.ECONNRESET, "x"), RESET), (OSError(errno.ECONNABORTED, "x"), RESET),
        (OSError(errno.EPIPE, "x"), RESET), (OSError(errno.ETIMEDOUT, "x"), UNREACHABLE),
        (OSError(errno.EMFILE, "x"), NO_SOCKETS), (OSError(errno.ENFILE, "x"), NO_SOCKETS),
        (OSError(errno.EINVAL, "x"), UNREACHABLE), (ConnectionError(), RESET), (EOFError(), RESET),
        (socket.gaierror(socket.EAI_NONAME, "x"), NO_NAME), (UnicodeError("x"), NO_NAME), (RuntimeError("x"), UNREACHABLE),
        (after(RuntimeError("x"), OSError(errno.ECONNREFUSED, "x")), REFUSED),
        (after(RuntimeError("x"), EOFError(), by_context=True), RESET),
        (after(OSError(errno.EINVAL, "x"), UnicodeError("x")), NO_NAME),
        (after(EOFError(), OSError(errno.ECONNREFUSED, "x")), RESET),
    ],
)  # fmt: skip
def test_why_no_connection_was_made(error: BaseException, told: tuple[Cause, str]) -> None:
    """The first in the chain that means something decides; nothing of the system's own words is told."""
    assert whole(connect_failure(error)) == (*told, None, False, None)


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Each is looked at once, what it was raised from before what it was raised beside."""
    first, second, beside = RuntimeError("1"), RuntimeError("2"), RuntimeError("3")
    first.__cause__, first.__context__, second.__context__ = second, beside, first
    assert list(chain(first)) == [first, second]
    assert list(chain(second)) == [second, first]
    assert list(chain(beside)) == [beside]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (of_tls("HTTP_REQUEST"), (Cause.TLS, "The upstream does not speak TLS.", "HTTP_REQUEST", False, None)),
        (of_tls("NEVER_HEARD_OF"), (*NO_TLS, "NEVER_HEARD_OF", False, None)),
        (of_tls(None), (*NO_TLS, None, False, None)), (of_tls(""), (*NO_TLS, None, False, None)),
        (of_tls("CERTIFICATE_VERIFY_FAILED", 10),
         (Cause.TLS, "The certificate of the upstream has expired.", "CERTIFICATE_VERIFY_FAILED", True, None)),
        (of_tls(None, 9), (Cause.TLS, "The certificate of the upstream is not valid yet.", None, True, None)),
        (of_tls(None, 1), (Cause.TLS, "The certificate of the upstream is not valid.", None, True, None)),
        (of_tls(None, 0), (Cause.TLS, "The certificate of the upstream is not valid.", None, True, None)),
    ],
)  # fmt: skip
def test_why_tls_failed(error: ssl.SSLError, told: tuple[object, ...]) -> None:
    """A certificate that was refused is refused again tomorrow: that lasts, and nothing else does."""
    assert whole(tls_failure(error)) == told
    assert whole(connect_failure(error)) == told
    assert whole(lost_failure(error, answering=True)) == told


@pytest.mark.parametrize(
    ("error", "silent", "answering"),
    [
        (None, SILENT, HALF), (EOFError(), SILENT, HALF), (ssl.SSLEOFError(8, "x"), SILENT, HALF),
        (ssl.SSLZeroReturnError(6, "x"), SILENT, HALF), (ConnectionResetError(), RESET, RESET),
        (OSError(errno.ETIMEDOUT, "x"), RESET, RESET), (ssl.SSLError(1, "x"), NO_TLS, NO_TLS),
    ],
)  # fmt: skip
def test_what_the_loss_of_a_connection_means(
    error: BaseException | None, silent: tuple[Cause, str], answering: tuple[Cause, str]
) -> None:
    """Before an answer has begun, and within one."""
    found = [whole(lost_failure(error, answering=begun)) for begun in (False, True)]
    assert found == [(*silent, None, False, None), (*answering, None, False, None)]


def test_when_a_refused_call_may_come_again() -> None:
    """Told where it waited for us, or found no place to wait, and never where the upstream was slow."""
    assert whole(late(Cause.QUEUE_TIMEOUT, 2.5)) == (
        Cause.QUEUE_TIMEOUT, "No connection to the upstream became free in time.", None, False, 2.5,
    )  # fmt: skip
    assert whole(late(Cause.DEADLINE, 2.5)) == (
        Cause.DEADLINE, "The upstream did not answer in time.", None, False, None,
    )  # fmt: skip
    assert whole(crowded(3.0)) == (Cause.QUEUE_FULL, "Too many calls wait for the upstream.", None, False, 3.0)
    assert whole(closing()) == (
        Cause.QUEUE_FULL, "The gateway is closing its connections to the upstream.", None, False, 1.0,
    )  # fmt: skip
