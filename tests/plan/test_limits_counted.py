"""What limits of clients have to be counted."""

from __future__ import annotations

import pytest

from aggregator.plan.serving import ClientLimitsPlan


@pytest.mark.parametrize(
    ("limits", "are_counted"),
    [
        (ClientLimitsPlan(), False),
        (ClientLimitsPlan(connections_per_address=1), False),
        (ClientLimitsPlan(in_flight=1), True),
        (ClientLimitsPlan(in_flight_per_address=1), True),
    ],
)
def test_requests_are_counted_where_they_are_limited(limits: ClientLimitsPlan, are_counted: bool) -> None:
    """Either limit is enough; connections are counted by who takes them."""
    assert limits.counts_requests is are_counted
