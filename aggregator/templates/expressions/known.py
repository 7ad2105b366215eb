"""What expressions come to that were evaluated before, by whoever had the time: in a thread, where values are long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

_Value = TypeVar("_Value")


class Known(NamedTuple):
    """An evaluated expression: its *value*, or the *error* that it raised; made of the names *roots*."""

    value: Any
    error: Exception | None
    roots: frozenset[str]


AllKnown: TypeAlias = Mapping[object, Known]
"""What is known, by the source of an expression or by whatever else tells it from others."""


def known_of(work: Callable[[], _Value], roots: frozenset[str]) -> Known:
    """Return what *work*, which reads *roots*, comes to."""
    try:
        return Known(work(), None, roots)
    except Exception as error:
        return Known(None, error, roots)


def known_value(known: Known) -> Any:
    """Return the value that is *known*, or raise what was raised in its place."""
    if known.error is not None:
        raise known.error.with_traceback(None)
    return known.value


def unshadowed(known: AllKnown, names: Mapping[str, Any]) -> AllKnown:
    """Return what of *known* holds still where *names* stand before others that are called the same.

    A thread may add to *known* meanwhile: what it had at the start is read, by a copy that no thread interrupts.
    """
    return {key: one for key, one in dict(known).items() if one.roots.isdisjoint(names)}
