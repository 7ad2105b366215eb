from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import ExpressionError
from aggregator.templates import canonical_segment, encode_segment, percent_encode


@settings(max_examples=200)
@given(st.binary())
def test_bytes_are_encoded_as_rfc_3986_says(value: bytes) -> None:
    """Unreserved characters stand, all else is %XX, and the form is a fixed point."""
    encoded = percent_encode(value)
    assert encoded.decode() == quote(value, safe="")
    if value not in (b"", b".", b".."):
        assert canonical_segment(encoded) == encoded


def test_text_is_utf_8() -> None:
    """Text and its UTF-8 bytes are encoded the same."""
    assert percent_encode("é/ ~") == percent_encode("é/ ~".encode()) == b"%C3%A9%2F%20~"
    assert percent_encode("abc") == b"abc"


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"abc", b"abc"),
        (b"%41%2f", b"A%2F"),
        (b"a%252Fb", b"a%252Fb"),
        (b"a:b@c;d", b"a%3Ab%40c%3Bd"),
        (b"%c0%ae%ff", b"%C0%AE%FF"),
        ("é".encode(), b"%C3%A9"),
        (b"...", b"..."),
        (b"%00", b"%00"),
    ],
)
def test_a_segment_has_one_form(raw: bytes, canonical: bytes) -> None:
    """However a client writes a segment, it is matched and sent on in one form, byte for byte the same."""
    assert canonical_segment(raw) == canonical


@pytest.mark.parametrize("raw", [b"%", b"%4", b"%zz", b"a%u002e", b"", b".", b"..", b"%2e", b"%2E.", b".%2e"])
def test_a_segment_that_is_refused(raw: bytes) -> None:
    """Broken escapes, and dot segments in any disguise."""
    with pytest.raises(ExpressionError):
        canonical_segment(raw)


def test_a_value_as_a_segment() -> None:
    """A plan can encode one value alone; the error says what is wrong."""
    assert encode_segment("a/b") == b"a%2Fb"
    assert encode_segment(12) == b"12"
    assert encode_segment(False) == b"false"
    with pytest.raises(ExpressionError, match=r"`\{user\}` in a path is empty"):
        encode_segment("..", "user")
