"""What was wanted inside a part and is not there, or is not what was asked for."""

from __future__ import annotations

from collections.abc import Iterable
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


def failed_in(parts: Iterable[Result], failure: Result | None) -> Result | None:
    """Return *failure*, which failed an answer, or else the first of its *parts*, or item of one, that failed.

    None where none of these tells of an error.
    """
    found = (failure,) if failure is not None else (one for part in parts for one in (part, *lost_in(part)))
    return next((one for one in found if one.error is not None), None)
