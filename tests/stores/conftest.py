"""A clock that only tests move, and coroutines run to their end."""

from __future__ import annotations

import pytest


class Clock:
    """Seconds that stand still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at 1000 seconds."""
    return Clock()
