from __future__ import annotations

import pytest

from aggregator.errors import ExpressionError
from aggregator.http import field_text
from aggregator.templates import header_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("abc", b"abc"),
        (" a\tb ", b"a\tb"),
        ("é", b"\xe9"),
        ("", b""),
        ("{{7*7}}", b"{{7*7}}"),
        ("€", "€".encode()),
        ("Łukasz", "Łukasz".encode()),
        ("Jörg", b"J\xf6rg"),
        ("Ã¶", "Ã¶".encode()),
    ],
)
def test_a_header_value(text: str, value: bytes) -> None:
    """Text becomes the bytes of one field value: ISO-8859-1 where it fits and cannot be taken for UTF-8, else UTF-8."""
    assert header_value(text) == value
    assert field_text(value) == text.strip(" \t")


def test_a_header_value_has_a_size() -> None:
    """Whatever a template makes of data, it fits into a line that servers and proxies take; bytes count."""
    assert header_value("é€" * 1638) == ("é€" * 1638).encode()
    for text in ("a" * 8193, "é€" * 1639):
        with pytest.raises(ExpressionError, match="at most 8192 bytes"):
            header_value(text)


@pytest.mark.parametrize("text", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b", "\x1b[0m", "a\x7f", "\ud800", "a\r\n"])
def test_no_text_adds_a_header(text: str) -> None:
    """Line breaks, other controls and what a header cannot carry are refused."""
    with pytest.raises(ExpressionError, match="header value"):
        header_value(text)
