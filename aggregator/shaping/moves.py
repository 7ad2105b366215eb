"""Giving fields other names and places: ``rename`` and ``group``.

Both sides of a rename are paths from the same root, and all renames happen at once, so that ``{a: b, b: a}`` swaps.
Where two paths begin alike they walk together, through arrays too: ``items.sku: items.code`` renames in each item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from aggregator.errors import ExpressionError
from aggregator.shaping.path import EACH, Path, index_of, parse_path
from aggregator.shaping.problems import ShapeProblem
from aggregator.templates.expressions.data import MISSING

Names = tuple[str, ...]


class Scope(Struct):
    """The renames inside one object: *moves* from and to places below it, *inner* scopes by segment."""

    moves: list[tuple[Names, Names]] = field(default_factory=list)
    inner: dict[Any, Scope] = field(default_factory=dict)


def compile_rename(renames: Mapping[str, str]) -> Callable[[Any], Any]:
    """Return the function that renames and moves fields; raise ``ShapeProblem``.

    A field that is not there is passed over. A field that is renamed in place keeps its position and replaces what
    had its new name; one that moves elsewhere comes last there. Raises ``ExpressionError`` when something that is
    no object stands where a field has to go, or where it comes from.
    """
    root = Scope()
    targets: dict[Path, str] = {}
    for source_text, target_text in renames.items():
        source, target = parse_path(source_text), _target(source_text, target_text)
        if target in targets:
            raise ShapeProblem(f"`{targets[target]}` and `{source_text}` both become `{target_text}`.")
        targets[target] = source_text
        _add(root, source, target, source_text)
    _check_overlap(root)

    def rename(value: Any) -> Any:
        try:
            return _rename(value, root)
        except RecursionError:
            raise ExpressionError("The data is nested too deeply.") from None

    return rename


def _target(source_text: str, text: str) -> Path:
    try:
        return parse_path(text)
    except ShapeProblem as problem:
        raise ShapeProblem(f"The new name of `{source_text}` is wrong: {problem.message}") from None


def _add(root: Scope, source: Path, target: Path, source_text: str) -> None:
    shared = 0
    while shared < min(len(source), len(target)) - 1 and source[shared] == target[shared]:
        shared += 1
    scope = root
    for segment in source[:shared]:
        scope = scope.inner.setdefault(segment, Scope())
    if any(segment is EACH for segment in source[shared:] + target[shared:]):
        raise ShapeProblem(f"`{source_text}` cannot leave its array: both sides need the same path up to the last *.")
    if source[shared:] != target[shared:]:
        scope.moves.append((_names(source[shared:]), _names(target[shared:])))
        scope.moves.sort(key=lambda move: -len(move[0]))  # what lies deeper leaves before what is around it


def _check_overlap(scope: Scope) -> None:
    """Raise ``ShapeProblem`` when what moves away from deep inside also has renames of its own."""
    for source, _ in scope.moves:
        inner: Scope | None = scope
        for name in source if len(source) > 1 else ():
            inner = inner.inner.get(name) if inner is not None else None
        if inner is not scope and inner is not None:
            raise ShapeProblem(f"`{'.'.join(source)}` moves, so nothing inside it can be renamed at the same time.")
    for inner in scope.inner.values():
        _check_overlap(inner)


def _names(path: Path) -> Names:
    return tuple(str(segment) for segment in path)


def _rename(value: Any, scope: Scope) -> Any:
    if isinstance(value, list | tuple):
        return [_rename_item(item, index, scope) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    value = dict(value)
    deep = [(target, _pluck(value, source)) for source, target in scope.moves if len(source) > 1]
    for key in value:
        inner = scope.inner.get(key) or scope.inner.get(EACH)
        if inner is not None:
            value[key] = _rename(value[key], inner)
    value, flat = _rename_keys(value, {source[0]: target for source, target in scope.moves if len(source) == 1})
    for target, moved in deep + flat:
        if moved is not MISSING:
            _place(value, target, moved)
    return value


def _rename_item(item: Any, index: int, scope: Scope) -> Any:
    """Rename in one item of an array: by ``*``, by its index, else as if the array were not there."""
    inner = scope.inner.get(EACH) or scope.inner.get(str(index))
    if inner is not None:
        return _rename(item, inner)
    named = any(segment is not EACH and index_of(segment) is None for segment in scope.inner)
    return _rename(item, scope) if scope.moves or named else item


def _rename_keys(value: dict[str, Any], targets: dict[str, Names]) -> tuple[dict[str, Any], list[tuple[Names, Any]]]:
    """Return *value* with its keys renamed in place, and what has to go to a place further down."""
    fresh = {target[0] for key, target in targets.items() if len(target) == 1 and key in value}
    renamed: dict[str, Any] = {}
    moved: list[tuple[Names, Any]] = []
    for key, item in value.items():
        target = targets.get(key)
        if target is None:
            if key not in fresh:
                renamed[key] = item
        elif len(target) == 1:
            renamed[target[0]] = item
        else:
            moved.append((target, item))
    return renamed, moved


def _pluck(value: dict[str, Any], source: Names) -> Any:
    """Remove and return what is at *source* in *value*, which may be changed; objects on the way are copied."""
    holder = value
    for name in source[:-1]:
        child = holder.get(name)
        if child is None:
            return MISSING
        if not isinstance(child, dict):
            raise ExpressionError(f"`{name}` is no object, so `{'.'.join(source)}` cannot be moved.")
        child = holder[name] = dict(child)
        holder = child
    return holder.pop(source[-1], MISSING)


def _place(value: dict[str, Any], target: Names, moved: Any) -> None:
    holder = value
    for name in target[:-1]:
        child = holder.get(name, {})
        if not isinstance(child, dict):
            raise ExpressionError(f"`{name}` is no object, so nothing can be moved to `{'.'.join(target)}`.")
        child = holder[name] = dict(child)
        holder = child
    holder[target[-1]] = moved


def compile_group(text: str) -> Callable[[Any], Any]:
    """Return the function that puts a value under the path *text*; raise ``ShapeProblem``."""
    path = parse_path(text)
    if EACH in path:
        raise ShapeProblem("A group is a place, which * is not.", text.index("*") if "*" in text else text.index("["))
    names = _names(path)[::-1]

    def group(value: Any) -> Any:
        for name in names:
            value = {name: value}
        return value

    return group
