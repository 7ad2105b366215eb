"""Values of MessagePack are counted by their heads, whatever their kind: so many are read, and one more is refused."""

from __future__ import annotations

import pytest

from aggregator.codecs.formats import messagepack
from aggregator.codecs.formats.messagepack import decode_messagepack
from aggregator.errors import CallError

KINDS = {
    "small number": b"\x7f", "negative number": b"\xff", "nil": b"\xc0", "true": b"\xc3",
    "uint 8": b"\xcc\xff", "uint 16": b"\xcd\xff\xff", "uint 32": b"\xce" + b"\xff" * 4, "uint 64": b"\xcf" + b"\xff" * 8,
    "int 8": b"\xd0\x80", "int 16": b"\xd1\x80\x00", "int 32": b"\xd2\x80" + bytes(3), "int 64": b"\xd3\x80" + bytes(7),
    "float 32": b"\xca" + bytes(4), "float 64": b"\xcb" + bytes(8),
    "short text": b"\xa5\xc3\xa9\xc3\xa9x", "empty text": b"\xa0", "longest short text": b"\xbf" + b"x" * 31,
    "text 8": b"\xd9\x02\xc3\xa9", "text 16": b"\xda\x00\x02\xc3\xa9", "text 32": b"\xdb\x00\x00\x00\x02\xc3\xa9",
    "bin 8": b"\xc4\x02\x91\x91", "bin 16": b"\xc5\x00\x02\x91\x91", "bin 32": b"\xc6\x00\x00\x00\x02\x91\x91",
    "timestamp 32": b"\xd6\xff" + bytes(4), "timestamp 64": b"\xd7\xff" + bytes(8),
    "timestamp 96": b"\xc7\x0c\xff" + bytes(12),
    "empty list": b"\x90", "list 16": b"\xdc\x00\x00", "list 32": b"\xdd" + bytes(4),
    "empty object": b"\x80", "object 16": b"\xde\x00\x00", "object 32": b"\xdf" + bytes(4),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_is_one_value(monkeypatch: pytest.MonkeyPatch, kind: bytes) -> None:
    """With all of its bytes, of which some look like the heads of others; the list around them is one, too."""
    monkeypatch.setattr(messagepack, "MAX_VALUES", 300)  # as many as there are take half a second each time

    def listed(rest: int) -> bytes:
        return b"\xdd" + (100 + rest).to_bytes(4) + kind * 100 + b"\x01" * rest

    assert len(decode_messagepack(listed(199))) == 299
    with pytest.raises(CallError) as refused:
        decode_messagepack(listed(200))
    assert refused.value.message == "The body is MessagePack of more than 300 values."
