"""What was evaluated before, by a thread that may be at it still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.templates import Known, unshadowed


class _Busy(Mapping[str, Any]):
    """Names that are read while a thread adds to *known*: each look at them adds one more."""

    def __init__(self, known: dict[object, Known]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        self._known[len(self._known)] = Known(None, None, frozenset())
        return iter(("item",))


def test_what_a_thread_adds_while_the_known_is_read_disturbs_nothing() -> None:
    """What was there at the start is read, less what the new names stand before."""
    known: dict[object, Known] = {
        "body.a": Known(1, None, frozenset({"body"})),
        "item.a": Known(2, None, frozenset({"item"})),
        "body.b": Known(3, None, frozenset({"body"})),
    }
    assert list(unshadowed(known, _Busy(known))) == ["body.a", "body.b"]
