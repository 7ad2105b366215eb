"""Parts become one value, always the same way: in declared order, whatever arrived first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aggregator.diagnostics import did_you_mean
from aggregator.errors import ExpressionError
from aggregator.shaping.problems import ShapeProblem
from aggregator.templates.expressions.data import kind_of

Parts = Sequence[tuple[str, Any]]
"""Names and values of parts, in declared order."""


class MergeCollision(ExpressionError):  # noqa: N818 - what happened, by its name
    """Two parts have the same key, which the merge ``error`` refuses."""

    def __init__(self, key: str, first: str, second: str) -> None:
        self.key, self.first, self.second = key, first, second
        super().__init__(f"The parts `{first}` and `{second}` both have the key `{_short(key)}`.")


def _short(key: str) -> str:
    return key if len(key) <= 40 else key[:39] + "…"


def compile_merge(how: str) -> Callable[[Parts], Any]:
    """Return the function that merges parts; raise ``ShapeProblem`` when there is no merge *how*.

    - ``first``, ``last``: the first or last part that has a key gives its value.
    - ``error``: a key of two parts raises ``MergeCollision``.
    - ``deep``: objects merge into objects; elsewhere the last part wins.
    - ``append``: as ``deep``, and arrays are joined; parts that all are arrays become one.

    Keys stand where they came first. A part that is null is passed over; any other that is no object raises
    ``ExpressionError``.
    """
    if how not in _MERGES:
        hint = did_you_mean(how, _MERGES) or f"one of {', '.join(_MERGES)}"
        raise ShapeProblem(f"There is no merge `{how}`; {hint}")
    merge = _MERGES[how]

    def run(parts: Parts) -> Any:
        try:
            return merge([(name, value) for name, value in parts if value is not None])
        except RecursionError:
            raise ExpressionError("The parts are nested too deeply to be merged.") from None

    return run


def _objects(parts: Parts) -> Parts:
    for name, value in parts:
        if not isinstance(value, dict):
            raise ExpressionError(f"The part `{name}` is {kind_of(value)}; only objects can be merged.")
    return parts


def _first(parts: Parts) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for _, value in _objects(parts):
        for key, item in value.items():
            merged.setdefault(key, item)
    return merged


def _last(parts: Parts) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for _, value in _objects(parts):
        merged.update(value)
    return merged


def _error(parts: Parts) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    owners: dict[str, str] = {}
    for name, value in _objects(parts):
        for key, item in value.items():
            if key in merged:
                raise MergeCollision(key, owners[key], name)
            merged[key], owners[key] = item, name
    return merged


def _deep(parts: Parts) -> Any:
    return _folded(_objects(parts), join_arrays=False)


def _append(parts: Parts) -> Any:
    if parts and all(isinstance(value, list | tuple) for _, value in parts):
        return [item for _, value in parts for item in value]
    if any(isinstance(value, list | tuple) for _, value in parts):
        told = " and ".join(f"`{name}` is {kind_of(value)}" for name, value in _of_two_kinds(parts))
        raise ExpressionError(f"The part {told}; arrays are appended to arrays, objects to objects.")
    return _folded(_objects(parts), join_arrays=True)


def _of_two_kinds(parts: Parts) -> Parts:
    """Return the first array of *parts*, and the first part that is none."""
    array = next(part for part in parts if isinstance(part[1], list | tuple))
    return [array, next(part for part in parts if not isinstance(part[1], list | tuple))]


def _folded(parts: Parts, *, join_arrays: bool) -> Any:
    merged: Any = {}
    for _, value in parts:
        merged = _blend(merged, value, join_arrays)
    return merged


def _blend(one: Any, other: Any, join_arrays: bool) -> Any:
    """Return what becomes of two values under the same key; neither is changed."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = dict(one)
        for key, item in other.items():
            both[key] = _blend(both[key], item, join_arrays) if key in both else item
        return both
    if join_arrays and isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return [*one, *other]
    return other


_MERGES: dict[str, Callable[[Parts], Any]] = {
    "deep": _deep,
    "first": _first,
    "last": _last,
    "append": _append,
    "error": _error,
}
