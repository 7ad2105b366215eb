"""JSON by RFC 8259: proof without parsing, exact decoding, compact encoding, and splicing of bodies as bytes.

The rules, the same for every part of the program: UTF-8 (``charset.utf8_of`` makes it that); of duplicate keys the last
one counts; integers are exact up to 4300 digits; NaN, Infinity and numbers that no float can hold (``1e400``)
are refused; nesting is bounded by the interpreter's recursion limit. What is only spliced keeps every digit
and key as it was sent.
"""

from __future__ import annotations

import json as stdlib_json
import math
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.templates.expressions.json_pieces import decode_text, in_pieces

WHITESPACE = b" \t\n\r"
_BOM = b"\xef\xbb\xbf"
_ESCAPED_COLON = b"\\u003"
_CHUNK = 1 << 16
_MOST_DIGITS = 4300  # of an integer; what Python reads
_NO_JSON = "The body is not valid JSON: %s."
_NO_UTF8 = "it is not UTF-8"
_MALFORMED = Cause.MALFORMED
_TRUNCATED = "it ends too early, or holds half of a surrogate pair"

_raw_decode = msgspec.json.Decoder(msgspec.Raw).decode
_exact_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def validate(body: bytes) -> None:
    """Prove that *body* is one JSON text in UTF-8, without building its objects.

    Raises ``CallError`` (``malformed``) otherwise.
    """
    if (fault := fault_in(body)) is not None:
        raise fault


def fault_in(body: bytes) -> CallError | None:
    """Return why *body* is no JSON text in UTF-8 (``malformed``), None for one; no object of it is built."""
    try:
        _raw_decode(body)
        if not body.isascii():
            _check_utf8(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _malformed(body, error)
    return None


def decode(body: bytes) -> Any:
    """Return the value of the JSON text *body*; raise ``CallError`` (``malformed``) when it is none."""
    try:
        return decode_text(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(body, error) from None


def decode_exact(body: bytes) -> Any:
    """Return the value of *body* for a change of its structure: numbers with a point or exponent are ``Decimal``.

    ``encode`` writes every digit of them again. For arithmetic ``decode`` is right. Raises as that does.
    """
    try:
        return in_pieces(body, _exact_decode)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(body, error) from None
    except ArithmeticError:
        raise _too_large(body) from None


def repeated_key(body: bytes, value: Any) -> str | None:
    """Return a key that an object anywhere in *body* has twice, None when there is none; *value* is *body* decoded.

    Of two such members *value* holds the last, and so the encoding of it has fewer colons than *body*: only where
    the counts differ, or a colon may be written as an escape, is *body* read once more.
    """
    if _ESCAPED_COLON not in body and body.count(b":") == encode(value).count(b":"):
        return None
    try:
        stdlib_json.loads(body, object_pairs_hook=_refuse_repeated, parse_int=str, parse_float=str)
    except _Repeated as found:
        return str(found)
    except RecursionError as error:
        raise _malformed(body, error) from None
    return None


class _Repeated(Exception):  # noqa: N818 - carries a key out of the parser
    """A key that an object has twice."""


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = Counter(key for key, _ in pairs)
        raise _Repeated(next(name for name, count in names.items() if count > 1))
    return made


def _check_utf8(body: bytes) -> None:
    """Raise ``UnicodeDecodeError`` for bytes that are no UTF-8.

    In slices that stay in the cache: four times as fast as decoding at once, and no copy of a large body.
    """
    view, start, size = memoryview(body), 0, len(body)
    while start < size:
        end = min(start + _CHUNK, size)
        while start < end < size and body[end] & 0xC0 == 0x80:
            end -= 1
        if end == start:  # continuation bytes only: nothing that a shorter slice could make valid
            end = min(start + _CHUNK, size)
        str(view[start:end], "utf-8")
        start = end


def _too_large(body: bytes) -> CallError:
    """Return the error for a number that is JSON and that no number here can hold, with its place if it is found."""
    at = next((f" (byte {found.start(1)})" for found in islice(_LARGE(body), 100) if _is_too_large(found[1])), "")
    return CallError(Cause.MALFORMED, f"The body holds a number that is too large to be read{at}.")


def _is_too_large(text: bytes) -> bool:
    if text.lstrip(b"-").isdigit():
        return len(text) > _MOST_DIGITS
    return math.isinf(float(text))


# Texts and small numbers are stepped over in one go, without a way back.
_LARGE = re.compile(
    rb'(?:[^"0-9-]++|"(?:[^"\\]++|\\.)*+"|-?[0-9.]{1,300}+(?![0-9.eE])|-?[0-9.]{1,200}+[eE][+-]?[0-9]{1,2}(?![0-9]))*+'
    rb"(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)",
    re.DOTALL,
).finditer


def _malformed(body: bytes, error: Exception) -> CallError:
    if type(error) is msgspec.DecodeError and b" " < body[:1] < b"\x80":
        return CallError(_MALFORMED, _as_sentence(str(error)))  # as nearly always
    if isinstance(error, msgspec.ValidationError):
        return _too_large(body)
    if not body.strip(WHITESPACE):
        return CallError(Cause.MALFORMED, "The body is empty where JSON was expected.")
    if body.startswith(_BOM):
        return CallError(Cause.MALFORMED, _NO_JSON % "it starts with a byte order mark")
    if isinstance(error, msgspec.MsgspecError):
        return CallError(Cause.MALFORMED, _as_sentence(str(error)))
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else _NO_UTF8
    return CallError(Cause.MALFORMED, _NO_JSON % reason)


@lru_cache(256)  # an upstream that is broken sends the same thousands of times
def _as_sentence(text: str) -> str:
    """Return what the decoder says, *text*, as a sentence of ours."""
    reason = text.removeprefix("JSON is malformed: ")
    if reason.startswith("Invalid UTF-8"):  # since msgspec 0.23, which raised UnicodeDecodeError before
        reason = _NO_UTF8
    return _NO_JSON % (_TRUNCATED if reason.startswith("Input data was truncated") else reason)


def with_lines(message: str, body: bytes) -> str:
    """Return *message*, of an error of ``decode``, with line and column in *body* in place of a byte offset."""
    found = _OFFSET.search(message)
    if found is None:
        return message
    before = body[: int(found[1])]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f"{message[: found.start()]}(line {line}, column {column}){message[found.end() :]}"


_OFFSET = re.compile(r"\(byte (\d+)\)")


def encode(value: Any) -> bytes:
    """Return *value* as compact JSON in UTF-8, keys in their own order, integers exact.

    Raises ``ExpressionError`` for what JSON cannot say: NaN, infinities, half surrogate pairs, foreign types.
    Keys that are numbers become their text.
    """
    try:
        text = _encode(value)
    except RecursionError:
        raise ExpressionError("The value is nested too deeply to be written as JSON.") from None
    except UnicodeEncodeError:
        raise ExpressionError("The value holds half of a surrogate pair, which JSON cannot carry.") from None
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        raise ExpressionError("The value holds something that JSON cannot say.") from None
    # The encoder writes NaN as null: only a text with a null in it can hide one.
    if b"null" in text and not _is_finite(value):
        raise ExpressionError("The value holds NaN or an infinity, which JSON cannot say.")
    return text


def _plain(value: Any) -> Any:
    """Return a value of a derived or wrapped type as the plain one that it stands for."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


_encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode


def _is_finite(value: Any) -> bool:
    pending = [value]
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind in _LEAVES:
            continue
        if kind is float:
            if not math.isfinite(node):
                return False
        elif kind is list or kind is tuple:
            pending.extend(node)
        elif kind is dict or isinstance(node, Mapping):
            pending.extend(node.values())
    return True


_LEAVES = frozenset([str, int, bool, type(None)])
