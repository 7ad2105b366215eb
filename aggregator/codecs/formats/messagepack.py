"""MessagePack ↔ JSON data.

Binary becomes Base64 text, a timestamp its RFC 3339 text, and a key that is a number its text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aggregator.errors import CallError, Cause, ExpressionError

_decode = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode


def decode_messagepack(body: bytes, _content_type: bytes | None = None) -> Any:
    """Return the value as JSON data; raise ``CallError`` (``malformed``) when it is none."""
    try:
        return msgspec.to_builtins(_decode(body), str_keys=True)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError):
        raise CallError(Cause.MALFORMED, "The body is not MessagePack data.") from None


def encode_messagepack(value: Any) -> bytes:
    """Return *value* as MessagePack; raise ``ExpressionError`` for integers over 64 bits and foreign types."""
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError):
        raise ExpressionError("The value holds something that MessagePack cannot say.") from None
