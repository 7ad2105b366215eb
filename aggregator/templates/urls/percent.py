"""Percent-encoding, one form only: RFC 3986 unreserved characters stand, every other byte is ``%XX``."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_to_bytes

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.data import MISSING, Joined, kind_of
from aggregator.templates.text import json_text, text_of

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]*").fullmatch
_PLAIN_BYTES: Final = re.compile(rb"[A-Za-z0-9._~-]*").fullmatch
_BROKEN: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_ENCODED: Final = tuple(bytes([byte]) if _PLAIN_BYTES(bytes([byte])) else b"%%%02X" % byte for byte in range(256))
is_canonical_path: Final = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+").fullmatch
"""Returns a match for a path all of whose segments are plainly canonical: none is empty or begins with a dot."""
Dots: TypeAlias = tuple[bytes, bytes]
"""Literal dots of a path directly before and behind a value."""
NO_DOTS: Final[Dots] = (b"", b"")
NO_SEGMENT: Final = frozenset((b"", b".", b".."))
"""What no value may become in a path: these change which resource a path names (RFC 3986 §5.2.4)."""


_DOTS: Final = frozenset((b".", b".."))


def percent_encode(value: str | bytes) -> bytes:
    """*value* in the canonical form, text as UTF-8. Raises `ExpressionError` for a lone surrogate."""
    if isinstance(value, str):
        if _PLAIN(value):
            return value.encode("ascii")
        try:
            value = value.encode()
        except UnicodeEncodeError:
            raise ExpressionError("a value for a URL is not valid Unicode") from None
    elif _PLAIN_BYTES(value):
        return value
    return b"".join([_ENCODED[byte] for byte in value])


def canonical_segment(raw: bytes) -> bytes:
    """A path segment as sent, in the canonical form: ``%41`` and ``%2f`` become ``A`` and ``%2F``.

    Raises `ExpressionError` where ``%`` is not followed by two hexadecimal digits, and for an empty
    segment, ``.`` and ``..``, however they are written.
    """
    if _PLAIN_BYTES(raw):
        encoded = raw
    elif _BROKEN(raw):
        raise ExpressionError("a `%` in the path is not followed by two hexadecimal digits")
    else:
        encoded = percent_encode(unquote_to_bytes(raw))
    if encoded in NO_SEGMENT:
        raise ExpressionError("a path segment cannot be empty, `.` or `..`")
    return encoded


def encode_value(value: Any, name: str) -> bytes:
    """A scalar as one part of a URL: text, number (as in JSON) or boolean; or a `Joined` list of them.

    Raises `ExpressionError`, naming *name*, for anything else.
    """
    kind = type(value)
    if isinstance(value, str):
        return percent_encode(value)
    if kind is int or kind is float or kind is bool:
        return percent_encode(json_text(value))  # JSON may write an exponent with a `+`
    if value is None or value is MISSING:
        raise ExpressionError(f"`{{{name}}}` in a URL is {'null' if value is None else 'missing'}")
    if kind is Joined:
        return percent_encode(value.separator.join(map(text_of, value)))
    raise ExpressionError(f"`{{{name}}}` in a URL is {kind_of(value)}, not text or a number")


def encode_segment(value: Any, name: str = "value", *, raw: bool = False, dots: Dots = NO_DOTS) -> bytes:
    """A scalar as one path segment, or a piece of one; `encode_value` that refuses what `check_segment` does."""
    return check_segment(encode_value(value, name), name, raw=raw, dots=dots)


def encode_segments(value: Any, name: str = "value", *, raw: bool = False) -> bytes:
    """A scalar as one or more path segments; slashes in a text stand, each piece is as `encode_segment` has it.

    One slash at the end stands too: a path with it is another resource.
    """
    if type(value) is not str:
        return encode_segment(value, name, raw=raw)
    slash = b"/" if value.endswith("/") else b""
    pieces = (value[:-1] if slash else value).split("/")
    return b"/".join([encode_segment(piece, name, raw=raw) for piece in pieces]) + slash


def check_segment(encoded: bytes, name: str, *, raw: bool = False, dots: Dots = NO_DOTS) -> bytes:
    """Return *encoded*, a canonical segment, or several with slashes between them.

    Raises `ExpressionError`, naming *name*, where it is empty, ``.`` or ``..``; and, unless it may be anything (*raw*),
    where it would hold one of the two if a server behind took its slashes for those of the path; *dots* stand before
    and behind it.
    """
    if encoded in NO_SEGMENT:
        raise ExpressionError(f"`{{{name}}}` in a path is empty, `.` or `..`")
    if b"%" in encoded and not raw and _leads_elsewhere(dots[0] + encoded + dots[1]):
        raise ExpressionError(f"`{{{name}}}` in a path has `.` or `..` between slashes")
    return encoded


def _leads_elsewhere(encoded: bytes) -> bool:
    """Return whether ``.`` or ``..`` stands between slashes, as it is or after one or two more decodings.

    Backslashes are slashes to some servers, and to some what follows a semicolon is not part of the name.
    """
    for _ in range(3):
        encoded = unquote_to_bytes(encoded)
        if any(piece.partition(b";")[0] in _DOTS for piece in encoded.replace(b"\\", b"/").split(b"/")):
            return True
    return False
