"""Joining two lists by key: items of one receive the items of the other that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from aggregator.errors import ExpressionError
from aggregator.shaping.keys import key_text
from aggregator.shaping.path import EACH, Path, compile_extract, parse_path
from aggregator.shaping.problems import ShapeProblem
from aggregator.templates.expressions.data import MISSING, kind_of

Missing = Literal["null", "drop", "error"]
Join = Callable[[Sequence[Any], Sequence[Any]], list[Any]]


def compile_join(left_key: str, right_key: str, as_: str, missing: Missing = "null", *, many: bool = False) -> Join:
    """Return the function (left items, right items) → left items, each with its match under the key *as_*.

    Keys are paths in the items; they match when their texts are equal, so ``1`` matches ``1.0`` and ``"1"`` but not
    true, and null matches nothing. Of several matches the first counts, or with *many* all, as a list. An item
    without a match gets null (with *many* an empty list), is dropped, or raises ``ExpressionError``; so does a list
    that is none. Raises ``ShapeProblem`` for a wrong path.
    """
    left_of, right_of = compile_extract(left_key), compile_extract(right_key)

    def join(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        index: dict[str, list[Any]] = {}
        for item in _items(right):
            if (key := key_text(right_of(item))) is not None:
                index.setdefault(key, []).append(item)
        joined = []
        for item in _items(left):
            key = key_text(left_of(item))
            matches = [] if key is None else index.get(key, [])
            if matches or missing == "null":
                joined.append(_with(item, as_, matches if many else matches[0] if matches else None))
            elif missing == "error":
                raise ExpressionError(f"An item has no match for its key `{left_key}`.")
        return joined

    return join


def compile_list_join(left: str, right: str, as_: str, missing: Missing = "null") -> Callable[[Any, Any], Any]:
    """Return the function (value, other) → *value* with items of a list in *other* put into those of a list in it.

    *left* and *right* lead to the key of each item: ``orders[].product_id``, ``products[].id``; what stands before
    the last ``[]`` leads to the list, nothing where the value itself is the list. Raises ``ShapeProblem``; the
    function raises ``ExpressionError``.
    """
    left_list, left_key = _split(left)
    right_list, right_key = _split(right)
    take_right = compile_extract(right_list) if right_list else _itself
    join = compile_join(left_key, right_key, as_, missing)
    path = parse_path(left_list) if left_list else ()

    def run(value: Any, other: Any) -> Any:
        found = take_right(other)
        return _replaced(value, path, lambda items: join(items, [] if found is MISSING else found))

    return run


def _itself(value: Any) -> Any:
    return value


def lists_of(left: str, right: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that lead to the two lists of such a join; none to what is the list itself."""
    return _names(left), _names(right)


def part_looked_up(left: str, right: str, body: Any) -> str | None:
    """Return the part whose result *right* leads into, None where it leads into the answer itself.

    It is a part where the answer cannot have such a list: it is a list, or an object (*body* as the file says it)
    without that key.
    """
    left_list, right_list = lists_of(left, right)
    if right_list and (not left_list or (isinstance(body, dict) and right_list[0] not in body)):
        return right_list[0]
    return None


def _names(text: str) -> tuple[str, ...]:
    where, _ = _split(text)
    return tuple(map(str, parse_path(where))) if where else ()


def _split(text: str) -> tuple[str, str]:
    where, separator, key = text.rpartition("[].")
    if not separator or "[]" in where:
        raise ShapeProblem("This leads to a key in the items of one list.", 0)
    if where and EACH in parse_path(where):
        raise ShapeProblem("This leads to a key in the items of one list.", where.index("*"))
    parse_path(key)
    return where, key


def _replaced(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """Return *value* with what is at *path* changed; nothing happens when it is not there."""
    if not path:
        return value if value is None else change(value)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _replaced(value[path[0]], path[1:], change)}


def _items(items: Any) -> Sequence[Any]:
    if items is None:
        return ()
    if not isinstance(items, list | tuple):
        raise ExpressionError(f"A join takes lists, not {kind_of(items)}.")
    return items


def _with(item: Any, name: str, found: Any) -> Any:
    if not isinstance(item, dict):
        raise ExpressionError(f"A join takes lists of objects, not of {kind_of(item)}.")
    return {**item, name: found}
