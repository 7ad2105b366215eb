from __future__ import annotations

import pytest

from aggregator.errors import ExpressionError
from aggregator.templates import header_value


@pytest.mark.parametrize(
    ("text", "value"),
    [("abc", b"abc"), (" a\tb ", b"a\tb"), ("é", b"\xe9"), ("", b""), ("{{7*7}}", b"{{7*7}}")],
)
def test_a_header_value(text: str, value: bytes) -> None:
    """Text becomes the bytes of one field value."""
    assert header_value(text) == value


@pytest.mark.parametrize(
    "text", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b", "\x1b[0m", "a\x7f", "€", "\u2028", "\ud800", "a\r\n"]
)
def test_no_text_adds_a_header(text: str) -> None:
    """Line breaks, other controls and what a header cannot carry are refused."""
    with pytest.raises(ExpressionError, match="header value"):
        header_value(text)
