"""A call that meets the mock of its upstream only where a condition is true."""

from __future__ import annotations

from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import Names
from aggregator.templates import Expression
from aggregator.transport.door import Cancelable


def is_mocked(when: Expression, names: Names) -> bool:
    """Return whether *when* is true, and nothing but true; what cannot be told is not."""
    try:
        return when.evaluate(names) is True
    except AggregatorError:
        return False


class MockedWhen:
    """The call *real*, or in its place *mocked* where *when* holds."""

    __slots__ = ("_mocked", "_real", "_when", "name")

    def __init__(self, real: Part, mocked: Part, when: Expression) -> None:
        self.name = real.name
        self._real = real
        self._mocked = mocked
        self._when = when

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the mock or the real call."""
        return (self._mocked if is_mocked(self._when, frame.names) else self._real).start(frame, done)
