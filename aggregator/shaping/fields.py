"""Keeping and removing fields by paths: ``allow``, ``deny``, and the client's ``?fields=``.

Paths become one tree, so that data is walked once however many there are. What is not touched is not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from aggregator.errors import ExpressionError
from aggregator.shaping.path import EACH, Path, index_of, parse_path
from aggregator.shaping.problems import ShapeProblem

MAX_FIELDS_TEXT = 2000
MAX_FIELDS = 100
_DROPPED: Final = object()

Shaper = Callable[[Any], Any]


class Branch:
    """A node of a tree of paths: branches by *names*, for *each* field, and for each *item* of an array.

    A *leaf* ends a path. *indexes* are the names that are digits, for items of an array. Without an *item*, none
    but those are led through.
    """

    __slots__ = ("each", "indexes", "item", "leaf", "names")

    def __init__(self) -> None:
        self.leaf = False
        self.names: dict[str, Branch] = {}
        self.each: Branch | None = None
        self.item: Branch | None = self
        self.indexes: dict[int, Branch] = {}

    def add(self, path: Path, position: int = 0) -> None:
        """Add *path* below this node."""
        if position == len(path):
            self.leaf = True
            return
        segment = path[position]
        if isinstance(segment, str):
            branch = self.names.setdefault(segment, Branch())
        else:
            branch = self.each = self.each or Branch()
        branch.add(path, position + 1)


def _tree(paths: Iterable[Path]) -> Branch:
    root = Branch()
    for path in paths:
        root.add(path)
    return root


def _settled(branch: Branch) -> Branch:
    """Return *branch* with everything worked out that does not depend on the data."""
    settled = Branch()
    settled.leaf = branch.leaf
    settled.each = _settled(branch.each) if branch.each else None
    settled.names = {
        name: _settled(_union(below, branch.each) if branch.each else below) for name, below in branch.names.items()
    }
    through = Branch()
    through.names = {name: below for name, below in branch.names.items() if index_of(name) is None}
    if branch.each is None and len(through.names) == len(branch.names):
        return settled
    item = _union(through, branch.each) if branch.each else through
    settled.item = _settled(item) if branch.each or through.names else None
    for name, below in branch.names.items():
        if (index := index_of(name)) is not None:
            at_index = _union(through, below)
            settled.indexes[index] = _settled(_union(at_index, branch.each) if branch.each else at_index)
    return settled


def _union(one: Branch, other: Branch) -> Branch:
    both = Branch()
    both.leaf = one.leaf or other.leaf
    both.names = one.names | other.names
    for name in one.names.keys() & other.names.keys():
        both.names[name] = _union(one.names[name], other.names[name])
    both.each = _union(one.each, other.each) if one.each and other.each else one.each or other.each
    return both


def compile_allow(paths: Iterable[str]) -> Shaper:
    """Return the function that keeps only what *paths* lead to; raise ``ShapeProblem``.

    Objects on the way stay, be it empty; items and values that no path leads through go. A value that is neither
    object nor array becomes null.
    """
    return _compile_keep(_settled(_tree(parse_path(path) for path in paths)))


def _compile_keep(tree: Branch) -> Shaper:
    def shape(value: Any) -> Any:
        kept = _guarded(_keep, value, tree)
        return None if kept is _DROPPED else kept

    return shape


def compile_deny(paths: Iterable[str]) -> Shaper:
    """Return the function that removes what *paths* lead to, fields and items; raise ``ShapeProblem``."""
    tree = _settled(_tree(parse_path(path) for path in paths))
    return lambda value: _guarded(_remove, value, tree)


def _guarded(walk: Callable[[Any, Branch], Any], value: Any, tree: Branch) -> Any:
    try:
        return walk(value, tree)
    except RecursionError:
        raise ExpressionError("The data is nested too deeply.") from None


def _keep(value: Any, branch: Branch) -> Any:
    if isinstance(value, dict):
        return _keep_fields(value, branch)
    if isinstance(value, list | tuple):
        item, indexes = branch.item, branch.indexes
        items = [_kept(v, below) for i, v in enumerate(value) if (below := indexes.get(i, item))]
        return [field for field in items if field is not _DROPPED]
    return _DROPPED


def _keep_fields(value: dict[str, Any], branch: Branch) -> dict[str, Any]:
    names, each = branch.names, branch.each
    kept = {}
    for key, field in value.items():
        below = names.get(key, each)
        if below is not None and (field := _kept(field, below)) is not _DROPPED:
            kept[key] = field
    return kept


def _kept(value: Any, branch: Branch) -> Any:
    return value if branch.leaf else _keep(value, branch)


def _remove(value: Any, branch: Branch) -> Any:
    if isinstance(value, dict):
        return _remove_fields(value, branch)
    if isinstance(value, list | tuple):
        item, indexes = branch.item, branch.indexes
        left = [_left(v, below) if (below := indexes.get(i, item)) else v for i, v in enumerate(value)]
        return [field for field in left if field is not _DROPPED]
    return value


def _remove_fields(value: dict[str, Any], branch: Branch) -> dict[str, Any]:
    names, each = branch.names, branch.each
    left = {}
    for key, field in value.items():
        below = names.get(key, each)
        if below is None or (field := _left(field, below)) is not _DROPPED:
            left[key] = field
    return left


def _left(value: Any, branch: Branch) -> Any:
    return _DROPPED if branch.leaf else _remove(value, branch)


class FieldSet:
    """The fields that a client asked for: *paths* are the names that lead to each, *prune* keeps nothing else."""

    __slots__ = ("_root", "paths", "prune")

    def __init__(self, paths: Iterable[tuple[str, ...]]) -> None:
        self.paths = tuple(paths)
        # Names only, so the tree is ready as it is: working out * and indexes could be made to take long.
        self._root = _tree(self.paths)
        self.prune: Shaper = _compile_keep(self._root)


def parse_fields(text: str) -> FieldSet:
    """Return the fields of ``?fields=a,b.c``, names through arrays.

    Raises ``ShapeProblem``, whose message may go to the client.
    """
    if len(text) > MAX_FIELDS_TEXT:
        raise ShapeProblem(f"The list of fields has at most {MAX_FIELDS_TEXT} characters.", MAX_FIELDS_TEXT)
    return _parse_fields(text)


@lru_cache(maxsize=256)
def _parse_fields(text: str) -> FieldSet:
    paths, offset = [], 0
    for part in text.split(","):
        path = _field(part, offset)
        paths.append(path)
        offset += len(part) + 1
    if len(paths) > MAX_FIELDS:
        raise ShapeProblem(f"At most {MAX_FIELDS} fields can be asked for.")
    return FieldSet(paths)


def _field(part: str, offset: int) -> tuple[str, ...]:
    blanks = len(part) - len(part.lstrip())
    try:
        path = parse_path(part.strip())
    except ShapeProblem as problem:
        raise ShapeProblem(problem.message, offset + blanks + problem.offset) from None
    if EACH in path:
        raise ShapeProblem("Fields are asked for by name.", offset + blanks)
    return tuple(map(str, path))
