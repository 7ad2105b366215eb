"""Limits that refuse nobody or everybody, at the number where they begin to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., list[str]]
HOUR, DAY, MONTH = 3600, 25 * 3600, 31 * 86_400 + 3600
"""Seconds of the longest of each."""


def told(say: Say, limits: str) -> list[str]:
    """Return what is said of an endpoint with *limits*."""
    return say(f"GET /a: {{rate_limit: {limits}, respond: {{body: ok}}}}")


@pytest.mark.parametrize(("unit", "seconds"), [("hour", HOUR), ("day", DAY), ("month", MONTH)])
@pytest.mark.parametrize("burst", [1, 5])
def test_a_quota_that_its_rate_lets_nobody_use_up(say: Say, unit: str, seconds: int, burst: int) -> None:
    """The burst, and one a second over the longest hour, day or month: one more than that is never reached."""
    rate = f"{{rate: 1/s, burst: {burst}}}"
    assert told(say, f"[{rate}, {{quota: {seconds + burst}/{unit}}}]") == []
    quota = f"{seconds + burst + 1}/{unit}"
    assert told(say, f"[{rate}, {{quota: {quota}}}]") == [
        f"~limit-without-effect ‹{quota}› 1/s lets nobody reach {quota}"
    ]


@pytest.mark.parametrize(
    "rate", ["unless: '{{ query.x }}', rate: 1/m", "cost: '{{ query.n }}', rate: 1/m", "rate: 1/m, report: true"]
)
def test_a_rate_that_is_not_everybody_s_bounds_no_quota(say: Say, rate: str) -> None:
    """Some are exempt, some cost more, or nobody is refused: the quota may be reached."""
    assert "nobody reach" not in str(told(say, f"[{{{rate}}}, {{quota: 10000/hour}}]"))


@pytest.mark.parametrize(
    ("limit", "is_told"),
    [
        ("{rate: 3/m, cost: '{{ 3 }}'}", False),
        ("{rate: 3/m, cost: '{{ 4 }}'}", True),
        ("{rate: 3/m, burst: 4, cost: '{{ 4 }}'}", False),
        ("{quota: 3/day, cost: '{{ 3 }}'}", False),
        ("{quota: 3/day, cost: '{{ 4 }}'}", True),
    ],
)
def test_a_request_that_costs_more_than_there_ever_is(say: Say, limit: str, is_told: bool) -> None:
    """All that is ever granted at once may be its cost, and no more."""
    assert ["every request is refused" in one for one in told(say, limit)] == [True] * is_told
