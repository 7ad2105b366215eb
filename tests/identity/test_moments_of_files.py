"""Moments as files say them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from aggregator.identity.moments import moment_of

DAY = 1_801_353_600.0
"""The beginning of 2027-01-31 in UTC."""


@pytest.mark.parametrize(
    ("value", "begins", "ends"),
    [
        ("2027-01-31", DAY, DAY + 86_400),
        (date(2027, 1, 31), DAY, DAY + 86_400),
        ("2027-01-31T12:00:00Z", DAY + 43_200, DAY + 43_200),
        ("2027-01-31T12:00:00", DAY + 43_200, DAY + 43_200),
        ("2027-01-31T12:00:00+01:00", DAY + 39_600, DAY + 39_600),
        (datetime(2027, 1, 31, 12), DAY + 43_200, DAY + 43_200),
        (datetime(2027, 1, 31, 12, tzinfo=UTC), DAY + 43_200, DAY + 43_200),
        (datetime(2027, 1, 31, 12, tzinfo=timezone(timedelta(hours=1))), DAY + 39_600, DAY + 39_600),
        (date(9999, 12, 31), 253_402_214_400.0, 253_402_300_800.0),
        ("soon", None, None),
        ("2027-02-30", None, None),
        ("", None, None),
        (1_801_353_600, None, None),
        (None, None, None),
    ],
)
def test_a_moment(value: Any, begins: float | None, ends: float | None) -> None:
    """In UTC where no zone is said; a date is the beginning of its day, or its end for what ends then."""
    assert (moment_of(value), moment_of(value, ends=True)) == (begins, ends)
