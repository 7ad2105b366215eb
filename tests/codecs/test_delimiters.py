"""What may stand between the cells of CSV."""

from __future__ import annotations

import pytest

from aggregator.codecs.formats.csv import is_delimiter


@pytest.mark.parametrize(
    ("text", "is_one"),
    [(",", True), ("\t", True), ("", False), (";;", False), ('"', False), ("\n", False), ("\0", False)],
)
def test_a_delimiter_is_one_character(text: str, is_one: bool) -> None:
    """Of those that mean nothing else in a record."""
    assert is_delimiter(text) is is_one
