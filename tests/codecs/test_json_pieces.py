"""Large JSON texts are decoded in pieces, and come to what they would come to at once."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from aggregator.codecs import json as json_codec
from aggregator.errors import CallError
from aggregator.templates.expressions.json_pieces import LARGE, NoPieces, decode_pieces

RECORDS = [{"id": number, "name": '},],{[",\\' * (number % 5), "of": [{"a": [number]}]} for number in range(9000)]
MANY = LARGE // 2


def text(value: Any, indent: int | None = None) -> bytes:
    """Return *value* as JSON."""
    return json.dumps(value, indent=indent, ensure_ascii=False).encode()


def dense(member: bytes, count: int, pair: bytes = b"[]") -> bytes:
    """Return an array or object of *count* times *member*."""
    return pair[:1] + b",".join([member] * count) + pair[1:]


@pytest.mark.parametrize(
    ("body", "most"),
    [
        (text(RECORDS), 20),
        (text(RECORDS, indent=2), 40),
        (text({"data": {"rows": RECORDS, "next": 1}, "of": [1.5]}), 25),
        (dense(b"1", MANY), 3),
        (dense(b"[]", MANY), 4),
        (dense(b'""', MANY), 4),
        (dense(b'{"a":{}}', MANY), 10),
        (text({f"{number:x}": number for number in range(MANY // 4)}), 8),
    ],
)
def test_a_large_text_is_decoded_in_pieces(body: bytes, most: int) -> None:
    """Of which none is much larger than another, wherever its members end."""
    sizes: list[int] = []

    def decode(piece: bytes) -> Any:
        sizes.append(len(piece))
        return json.loads(piece)

    assert len(body) > LARGE
    assert decode_pieces(body, decode) == json.loads(body)
    assert max(sizes) <= LARGE
    assert 1 < sum(size > 64 * 1024 for size in sizes) <= most


def test_of_a_repeated_key_the_last_one_counts_also_in_pieces() -> None:
    """It stands where the first one stood, as ever."""
    body = b"{" + b",".join(b'"k%d":%d' % (number % 7, number) for number in range(MANY // 4)) + b"}"
    assert list(json_codec.decode(body).items()) == list(json.loads(body).items())


def test_numbers_keep_their_digits_in_pieces() -> None:
    """Exactly those that were sent."""
    body = dense(b"1.50", MANY)
    assert json_codec.decode_exact(body) == [Decimal("1.50")] * MANY
    assert json_codec.encode(json_codec.decode_exact(body)) == body


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (dense(b"1", MANY)[:-1] + b",]", f"trailing comma in array (byte {2 * MANY + 1})"),
        (b"[1," + dense(b"1", MANY)[1:-1] + b",,1]", "invalid character"),
        (b"[," + dense(b"1", MANY)[1:], "invalid character (byte 1)"),
        (b"[1],[2," + dense(b"1", MANY)[1:], "trailing characters"),
        (dense(b'"a":1', MANY, b"{}")[:-1] + b",}", "trailing comma in object"),
        (dense(b"1", MANY)[:-1], "ends too early"),
        (dense(b'"\xff"', MANY), "not UTF-8"),
    ],
)
def test_a_large_text_that_is_none_is_told_as_a_small_one(body: bytes, message: str) -> None:
    """With its place in the whole text."""
    with pytest.raises(CallError) as caught:
        json_codec.decode(body)
    assert message in str(caught.value)


def test_levels_beyond_a_few_are_decoded_at_once() -> None:
    """To step over each of a thousand would take a thousand times as long."""
    body = b"[1," * 500 + dense(b"[]", MANY) + b"]" * 500
    assert json_codec.decode(body) == json.loads(body)


def test_a_text_that_ends_in_a_comma_has_no_pieces() -> None:
    """Its last piece would be an empty one."""
    with pytest.raises(NoPieces):
        decode_pieces(dense(b"1", MANY)[:-1] + b",]", msgspec.json.decode)
