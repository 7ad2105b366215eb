"""When a worker that holds too much memory is replaced: at once, unless the one before it has hardly served.

A limit below what every worker needs would have them replaced all the time; so the age at which one is grows.
"""

from __future__ import annotations

_FIRST_AGE, _LONGEST_AGE = 1.0, 30.0
_WELL = 10.0
"""Seconds beyond that age for which a worker has to serve, for the next to be replaced at any age again."""


class Relief:
    """Decides for all workers: *_age* is how many seconds one has to be there before its place is taken."""

    def __init__(self) -> None:
        self._age = 0.0

    def is_due(self, age: float) -> bool:
        """Return whether a worker that is there for *age* seconds, and holds too much, is replaced now."""
        if age < self._age:
            return False
        is_early = age < self._age + _WELL
        self._age = min(_LONGEST_AGE, max(_FIRST_AGE, 2 * self._age)) if is_early else 0.0
        return True
