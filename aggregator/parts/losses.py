"""What was wanted inside a part and is not there, or is not what was asked for."""

from __future__ import annotations

from typing import Final

from aggregator.causes import Cause, State
from aggregator.parts.result import Result

REPLACED: Final = frozenset({State.DEFAULT, State.STALE})
"""States of what something else stands in for."""
_LOST = REPLACED | {State.FAILED}


def lost_in(part: Result) -> list[Result]:
    """Return what failed or was replaced inside *part*, at any depth: items of a list, parts of a group."""
    found: list[Result] = []
    for inner in part.parts:
        found += [inner] if inner.state in _LOST or inner.cause is Cause.DEGRADED else lost_in(inner)
    return found
