"""MessagePack ↔ JSON data.

Binary becomes Base64 text, a timestamp its RFC 3339 text, and a key that is a number its text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aggregator.codecs.bounds import MAX_VALUES, exceeds
from aggregator.errors import CallError, Cause, ExpressionError

_decode = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode


def decode_messagepack(body: bytes, _content_type: bytes | None = None) -> Any:
    """Return the value as JSON data.

    Raises ``CallError`` (``malformed``) when it is none, or made of more than ``MAX_VALUES`` values.
    """
    if len(body) > MAX_VALUES and _has_more_values(body, MAX_VALUES):
        raise CallError(Cause.MALFORMED, f"The body is MessagePack of more than {MAX_VALUES} values.")
    try:
        return msgspec.to_builtins(_decode(body), str_keys=True)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError):
        raise CallError(Cause.MALFORMED, "The body is not MessagePack data.") from None


def _has_more_values(body: bytes, most: int) -> bool:
    """Return whether *body* begins with more than *most* values, keys and containers counted; nothing is built."""
    at = 0
    for _ in range(most):
        first = body[at]
        at += _HEADS[first]
        if (size := _SIZES.get(first)) is not None:
            at += int.from_bytes(body[at - size : at], "big") + (first in _TYPED)
        if at >= len(body):
            return False
    return True


def _head(first: int) -> int:
    """Return how many bytes a value has that begins with *first*, as far as that tells."""
    if 0xA0 <= first <= 0xBF:  # a short text
        return 1 + (first & 0x1F)
    return 1 + _AFTER.get(first, 0)


_SIZES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
"""How many bytes tell the length of what follows: of binary data, extensions and texts."""
_TYPED = frozenset({0xC7, 0xC8, 0xC9})
_NUMBERS = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_EXTENSIONS = {0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}
_CONTAINERS = {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
_AFTER = _SIZES | _NUMBERS | _EXTENSIONS | _CONTAINERS
_HEADS = tuple(map(_head, range(256)))


def encode_messagepack(value: Any) -> bytes:
    """Return *value* as MessagePack.

    Raises ``ExpressionError`` for integers over 64 bits, foreign types, and more than ``MAX_VALUES`` values.
    """
    if exceeds(value, MAX_VALUES):
        raise ExpressionError(f"The value has more than {MAX_VALUES} values, which are too many for MessagePack.")
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        raise ExpressionError("The value holds something that MessagePack cannot say.") from None
