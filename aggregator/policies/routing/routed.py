"""A call that goes to the one of several services which the key of its request names; to nobody without a known key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.names import Names
from aggregator.parts.result import failed
from aggregator.parts.rows import RowPlan
from aggregator.templates import MISSING, Expression, text_of
from aggregator.transport.door import Cancelable

_T = TypeVar("_T")


def target_of(by: Expression, targets: Mapping[str, _T], label: str, names: Names) -> _T:
    """Return the one of *targets* that the value of *by* names; raise ``CallError`` when none has that key.

    The message goes to clients, so it holds no key: neither theirs nor ours.
    """
    try:
        value = by.evaluate(names)
        is_key = value is not None and value is not MISSING and not isinstance(value, dict | list)
        found = targets.get(text_of(value)) if is_key else None
    except AggregatorError:  # such as a header that was not sent
        found = None
    if found is None:
        error = CallError(Cause.UNKNOWN_KEY, f"The upstream '{label}' has no route for the key of this request.")
        error.attempts = 0
        raise error
    return found


class Routed:
    """The call *name*, one of *targets* by key; *rows* rule the failure of one with an unknown key."""

    __slots__ = ("_by", "_label", "_rows", "_targets", "name")

    def __init__(
        self, name: str, by: Expression, targets: Mapping[str, Part], label: str, rows: tuple[RowPlan, ...]
    ) -> None:
        self.name = name
        self._by = by
        self._targets = targets
        self._label = label
        self._rows = rows

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the call to the upstream that its key names, or fail."""
        try:
            part = target_of(self._by, self._targets, self._label, frame.names)
        except CallError as error:
            now = frame.loop.time()
            done(failed(self.name, error, now, now, rows=self._rows, attempts=0))
            return None
        return part.start(frame, done)
