"""Values as text: inside a longer string, as compact JSON, as the bytes of a header."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.data import MISSING, kind_of
from aggregator.templates.expressions.pieces import PIECE, pieces_of

MAX_HEADER: Final = 8192
"""Bytes of a field value; servers and proxies take lines of that length, and hardly one takes longer ones."""
_NOT_IN_A_HEADER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def text_of(value: Any) -> str:
    """*value* as it stands in a longer text: text as it is, null and missing as nothing, the rest as JSON."""
    if isinstance(value, str):
        return str(value)
    return "" if value is None or value is MISSING else json_text(value)


def json_text(value: Any) -> str:
    """*value* as compact JSON; numbers keep their size, text its characters.

    Raises `ExpressionError` for what JSON cannot say.
    """
    if type(value) is float and not math.isfinite(value):
        raise ExpressionError("a number without a finite value cannot be written")
    try:
        return _written(value).decode()
    except ExpressionError:
        raise
    except Exception as error:
        raise ExpressionError("a value cannot be written as JSON") from error


def _written(value: Any) -> bytes:
    """Return *value* as JSON; the elements of a long array in pieces."""
    if type(value) is not list or len(value) <= PIECE:
        return msgspec.json.encode(value, enc_hook=_as_object)
    return (
        b"[" + b",".join([msgspec.json.encode(piece, enc_hook=_as_object)[1:-1] for piece in pieces_of(value)]) + b"]"
    )


def header_value(text: str) -> bytes:
    """Return *text* as a field value, no space around it (RFC 9110 §5.5): ISO-8859-1, or UTF-8 for what does not fit.

    Who reads UTF-8 where it is UTF-8, as we do, gets *text* again: what would be taken for UTF-8 is sent as UTF-8.
    Raises `ExpressionError` for a control character, such as a line break, for half of a surrogate pair, and for more
    than `MAX_HEADER` bytes.
    """
    value = _field_bytes(text)
    if len(value) > MAX_HEADER:
        raise ExpressionError(f"a header value has at most {MAX_HEADER} bytes")
    return value


def _field_bytes(text: str) -> bytes:
    if _NOT_IN_A_HEADER.search(text):
        raise ExpressionError("a header value cannot hold a line break or another control character")
    text = text.strip(" \t")
    if text.isascii():
        return text.encode("ascii")
    try:
        unicode = text.encode()
    except UnicodeEncodeError:
        raise ExpressionError("a header value holds half of a surrogate pair") from None
    try:
        latin = text.encode("latin-1")
    except UnicodeEncodeError:
        return unicode
    return unicode if _is_utf8(latin) else latin


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_object(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise ExpressionError(f"{kind_of(value)} cannot be written as JSON")
