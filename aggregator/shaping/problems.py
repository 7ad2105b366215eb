"""What is wrong with a setting that shapes data, found when it is compiled."""

from __future__ import annotations

from aggregator.errors import AggregatorError


class ShapeProblem(AggregatorError):  # noqa: N818 - reported, not failed on
    """A path, query or rule cannot be used: *message* says why, *offset* where in its text (characters)."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.message = message
        self.offset = offset
        super().__init__(message)
