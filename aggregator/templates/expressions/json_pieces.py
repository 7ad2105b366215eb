"""Large JSON texts decoded piece by piece: the decoder holds the interpreter, and other threads run between pieces.

A piece is cut at a comma. That it is one between two members shows when the piece, in brackets, is a JSON text itself.
Where members are larger than a piece, the decoder steps over them once, and each is decoded by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from math import isinf
from typing import Any

import msgspec

LARGE = 256 * 1024
"""Bytes that are decoded at once; as many small objects as that hold take five milliseconds."""
_PIECE = 128 * 1024
_TRIES = 4
_MOST_LEVELS = 8
_PAIRS = {b"[": b"]", b"{": b"}"}
_CUTS = (b"},", b"],", b",")
"""Where members may end, the likeliest first: in most large texts they are objects."""

Decode = Callable[[bytes], Any]


_SHORT = 4096
_LONG_EXPONENTS = tuple(e + sign + digit for e in (b"e", b"E") for sign in (b"", b"+") for digit in (b"1", b"2", b"3"))
_LONG_EXPONENT = re.compile(rb"[0-9][eE]\+?[123][0-9][0-9]").search
_any_decode = msgspec.json.Decoder().decode


def _finite(text: str) -> float:
    """Return the number of *text*; raises ``ValidationError`` for one that is too large, as the decoder itself does."""
    number = float(text)
    if isinf(number):
        raise msgspec.ValidationError("Number out of range")
    return number


_patient_decode = msgspec.json.Decoder(float_hook=_finite).decode


class NoPieces(Exception):  # noqa: N818 - says that the whole has to be decoded
    """The text is no JSON, or cannot be cut."""


def decode_text(body: bytes) -> Any:
    """Return the value of the JSON text *body*.

    Raises ``MsgspecError``, ``UnicodeDecodeError`` or ``RecursionError`` for what is none.
    """
    return in_pieces(body, _decode)


def in_pieces(body: bytes, decode_one: Decode) -> Any:
    """Return the value of the JSON text *body*, by *decode_one*, whose errors it raises: a large one in pieces."""
    if len(body) > LARGE:
        with suppress(NoPieces):
            return decode_pieces(body, decode_one)
    return decode_one(body)


def _decode(body: bytes) -> Any:
    return (_any_decode if len(body) <= _SHORT or not _has_long_exponent(body) else _patient_decode)(body)


def _has_long_exponent(body: bytes) -> bool:
    """Return whether a number in *body* may have an exponent of three digits, as ``1e300``.

    Each takes the decoder a hundred times as long as another number; Python's own ``float`` reads all alike.
    """
    return any(start in body for start in _LONG_EXPONENTS) and _LONG_EXPONENT(body) is not None


def decode_pieces(text: bytes, decode: Decode) -> Any:
    """Return the value of the JSON *text*, each piece of which *decode* reads; of a repeated key the last one counts.

    Raises ``NoPieces`` where the whole has to be decoded to get its value, or to learn what is wrong with it.
    """
    try:
        return _value(text.strip(b" \t\r\n"), decode, _MOST_LEVELS)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NoPieces from None


def _value(text: bytes, decode: Decode, levels: int) -> Any:
    opening, closing = text[:1], text[-1:]
    if len(text) <= LARGE or not levels or _PAIRS.get(opening) != closing:
        return decode(text)
    made: list[Any] | dict[str, Any] = [] if opening == b"[" else {}
    at, end = 1, len(text) - 1
    while at <= end:
        cut = _cut(text, at, end, opening, closing)
        if cut is None:
            _add(made, _members(opening + text[at:], decode, levels - 1))
            break
        _add(made, decode(opening + text[at:cut] + closing))
        at = cut + 1
    return made


def _cut(text: bytes, at: int, end: int, opening: bytes, closing: bytes) -> int | None:
    """Return where the members from *at* on that make a piece end in *text*; None when that is not found."""
    latest = at + _PIECE
    if end <= latest:
        return end
    for mark in _CUTS:
        before = latest
        for _ in range(_TRIES):
            found = text.rfind(mark, at, before)
            if found == -1:
                break
            cut = before = found + len(mark) - 1
            if _is_whole(opening + text[at:cut] + closing):
                return cut
    return None


def _is_whole(piece: bytes) -> bool:
    try:
        _step_over(piece)
    except msgspec.MsgspecError:
        return False
    return True


def _members(text: bytes, decode: Decode, levels: int) -> list[Any] | dict[str, Any]:
    parted = _part(text)
    if isinstance(parted, dict):
        return {name: _value(bytes(raw), decode, levels) for name, raw in parted.items()}
    return [_value(bytes(raw), decode, levels) for raw in parted]


def _add(made: list[Any] | dict[str, Any], more: Any) -> None:
    if not more:  # two commas in a row, or one at the end
        raise NoPieces
    if isinstance(made, dict):
        made.update(more)
    else:
        made += more


_step_over = msgspec.json.Decoder(msgspec.Raw).decode
_part = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw]).decode
