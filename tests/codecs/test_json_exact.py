"""Exact decoding: every digit of a number survives a change of the structure around it."""

from __future__ import annotations

import pytest

from aggregator.codecs.json import decode_exact, encode
from aggregator.errors import CallError


@pytest.mark.parametrize(
    "text",
    [
        b"1.10",
        b"1.0",
        b"-0.0",
        b"12345678901234567890.123456789",
        b"1180591620717411303424",
        b"[0.1,true,null]",
        b'{"a":"1.10"}',
    ],
)
def test_what_is_decoded_exactly_is_written_as_it_was(text):
    """Digits behind the point, zeros among them, and integers of any length stay."""
    assert encode(decode_exact(text)) == text


def test_exponents_keep_their_value():
    """An exponent is written in one form; numbers that no float can hold are kept."""
    assert encode(decode_exact(b"[1e2,1E400]")) == b"[1E+2,1E+400]"


@pytest.mark.parametrize("text", [b"{", b"NaN", b"1e99999999999999999999", b"\xff", b"", b"[" * 100_000])
def test_what_is_no_json_is_refused(text):
    """With the same failure as everywhere."""
    with pytest.raises(CallError) as refused:
        decode_exact(text)
    assert refused.value.cause == "malformed"
