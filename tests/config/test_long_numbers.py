"""Numbers of many digits are told as people write them."""

from __future__ import annotations

import pytest

from aggregator.durations import number_text, rate_text
from aggregator.fields import duration_text
from aggregator.policies.values import share_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1.0, "1"), (0.5, "0.5"), (1_000_000, "1000000"), (12_345_678.5, "12345678.5"), (1e12, "1000000000000"),
        (1e15, "1000000000000000"), (0.0000001, "0.0000001"), (0.1 + 0.2, "0.3"), (99.9 / 100 * 100, "99.9"),
    ],
)  # fmt: skip
def test_no_power_of_ten_and_no_rounding_at_six_digits(value: float, text: str) -> None:
    """A number has all its digits, and none that only the binary form brings."""
    assert number_text(value) == text


def test_what_is_made_of_numbers_keeps_their_digits() -> None:
    """Shares, rates and durations say what the file says, however long that is."""
    assert share_text(0.9999999) == "99.99999%"
    assert rate_text(5, 1_234_567.0) == "5/1234567s"
    assert duration_text(1_234_567.5) == "1234567.5s"
