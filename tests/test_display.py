"""Texts as wide as a terminal shows them."""

from __future__ import annotations

import pytest

from aggregator.diagnostics.display import cells, cut, padded


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("\u65e5\u672c", 4),
        ("e\u0301", 1),
        ("a\u20dd", 1),
        ("\uff21", 2),
        ("\xe9", 1),
        ("\U0001f600", 2),
    ],
)
def test_a_text_is_as_wide_as_its_cells(text: str, width: int) -> None:
    """East Asian wide letters take two of them, and combining marks none."""
    assert cells(text) == width
    assert padded(text, 5) == text + " " * (5 - width)


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab\u2026"),
        ("\u65e5\u672c", 4, "\u65e5\u672c"),
        ("\u65e5\u672c", 3, "\u65e5\u2026"),
        ("\u65e5\u672c", 2, "\u2026"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301\u2026"),
        ("e\u0301" * 3, 3, "e\u0301" * 3),
    ],
)
def test_a_text_is_cut_by_cells(text: str, most: int, shown: str) -> None:
    """No wide letter is halved, and a mark stays with its letter."""
    assert cut(text, most) == shown


def test_a_text_is_padded_to_no_less_than_it_is() -> None:
    """What is wider stays whole."""
    assert padded("\u65e5\u672c", 3) == "\u65e5\u672c"
