"""Requests as bytes: the request line, the caller's header block and the framing that belongs to the body."""

from __future__ import annotations

import re

from aggregator.errors import CallError, Cause
from aggregator.http import WITH_CONTENT

_LENGTH = re.compile(rb"(?:^|\n)content-length:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)


def whole_request(method: bytes, target: bytes, headers: bytes, body: bytes | None) -> bytes:
    """Return the request with *body*, ready to be written."""
    if body is not None:
        return b"%b %b HTTP/1.1\r\n%bcontent-length: %d\r\n\r\n%b" % (method, target, headers, len(body), body)
    if method in WITH_CONTENT:
        return b"%b %b HTTP/1.1\r\n%bcontent-length: 0\r\n\r\n" % (method, target, headers)
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, headers)


def request_head(method: bytes, target: bytes, headers: bytes) -> tuple[bytes, int | None]:
    """Return the head of a request whose body follows, and the length that *headers* declare for it.

    Without one the body goes in chunks (RFC 9112 §7.1).
    """
    declared = _LENGTH.search(headers)
    if declared is not None:
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, headers), int(declared[1])
    return b"%b %b HTTP/1.1\r\n%btransfer-encoding: chunked\r\n\r\n" % (method, target, headers), None


def bad_target() -> CallError:
    """Return the refusal of a target that would end the request line early."""
    return CallError(Cause.PROTOCOL, "The request target is empty or holds white space.")
