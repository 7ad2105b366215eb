"""Long arrays and objects gone through in pieces.

A function of the interpreter's own, such as ``sorted``, lets no other thread run until it ends: 230 ms for a million
elements, in which nobody is answered, whatever thread the expression is evaluated in. Between two pieces others run.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

PIECE: Final = 8192
"""Elements of a piece; to put so many in order takes three milliseconds."""
_NOTHING: Final = object()
_HOLDING: Final = frozenset({list, dict})
_AT_ONCE: Final = 16 * PIECE
"""Elements, inside of each other, that are compared at once."""
_FEW: Final = 64
"""Elements, none of which has others, that are compared without a look at how many stand in them."""
_CHARACTERS: Final = 64 * 1024
"""Of a piece of a text."""


def pieces_of(items: list[Any]) -> Iterator[list[Any]]:
    """Yield *items* in pieces."""
    for start in range(0, len(items), PIECE):
        yield items[start : start + PIECE]


def _places(count: int) -> Iterator[range]:
    """Yield the places of *count* elements in pieces."""
    for start in range(0, count, PIECE):
        yield range(start, min(start + PIECE, count))


def in_order(keys: list[Any], *, reverse: bool) -> Iterator[list[int]]:
    """Yield the places of *keys* in ascending order, or the *reverse*, in parts; of equal ones the first comes first.

    Many keys are put in order by regular sampling (Shi and Schaeffer, 1992): pieces are, then parts of about a piece's
    size, each of which has what lies between two keys of all pieces. None is larger than two pieces but for equal keys,
    which are quickly in order.
    """
    parts = [list(range(len(keys)))] if len(keys) <= PIECE else _parts(keys)
    for part in reversed(parts) if reverse else parts:
        yield sorted(part, key=keys.__getitem__, reverse=reverse)


def _parts(keys: list[Any]) -> list[list[int]]:
    """Return the places of *keys* in parts of ascending keys, those of equal ones in one part and in order."""
    pieces = [sorted(places, key=keys.__getitem__) for places in _places(len(keys))]
    count = len(pieces)
    step = max(1, PIECE // count)
    samples = sorted([keys[place] for piece in pieces for place in piece[step // 2 :: step]])
    borders = [samples[len(samples) * number // count] for number in range(1, count)]
    parts: list[list[int]] = [[] for _ in pieces]
    for piece in pieces:
        start = 0
        for part, border in zip(parts, borders, strict=False):
            end = bisect_right(piece, border, start, key=keys.__getitem__)
            part += piece[start:end]
            start = end
        parts[-1] += piece[start:]
    return parts


def place_of(choose: Callable[..., int], keys: list[Any]) -> int:
    """Return the place of the key that *choose* chooses, ``min`` or ``max``; of equal ones that of the first."""
    best = [choose(places, key=keys.__getitem__) for places in _places(len(keys))]
    return choose(best, key=keys.__getitem__)


def holds(items: list[Any], item: Any) -> bool:
    """Return whether *item* is one of *items*."""
    if len(items) <= PIECE:
        return item in items
    return any(item in piece for piece in pieces_of(items))


def are_equal(left: Any, right: Any) -> bool:
    """Return whether the values *left* and *right* are equal, however deep what is large in them stands."""
    if type(left) not in _HOLDING or type(right) not in _HOLDING or _is_short_and_flat(left):
        return bool(left == right)
    waiting = [(left, right)]
    while waiting:
        one, other = waiting.pop()
        if type(one) not in _HOLDING or not _is_wide(one):
            if one != other:
                return False
        elif type(one) is not type(other) or len(one) != len(other):
            return False
        else:
            waiting += pairs_of(one, other)
    return True


def _is_short_and_flat(value: list[Any] | dict[Any, Any]) -> bool:
    """Return whether *value* has few elements and no array or object inside, as most that are compared."""
    if len(value) > _FEW:
        return False
    for one in value.values() if type(value) is dict else value:  # noqa: SIM110 - each comparison asks this
        if type(one) in _HOLDING:
            return False
    return True


def pairs_of(one: Any, other: Any) -> Iterable[tuple[Any, Any]]:
    """Return what is equal where two arrays or objects of one length are; a long array is in pieces."""
    if isinstance(one, list):
        return zip(one, other, strict=True) if len(one) <= PIECE else zip(pieces_of(one), pieces_of(other), strict=True)
    return [(value, other.get(key, _NOTHING)) for key, value in one.items()]


def _is_wide(value: Any) -> bool:
    """Return whether more than `_AT_ONCE` elements stand in *value*; it looks no further than that."""
    left, level = _AT_ONCE, [value]
    while level:
        left -= sum(map(len, level))
        if left < 0:
            return True
        elements = chain.from_iterable([one.values() if type(one) is dict else one for one in level])
        level = [one for one in elements if type(one) in _HOLDING]
    return False


def texts_of(text: str) -> Iterator[str]:
    """Yield *text* in pieces."""
    for start in range(0, len(text), _CHARACTERS):
        yield text[start : start + _CHARACTERS]


def fields_of(value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the fields of *value* in pieces."""
    fields = iter(value.items())
    while piece := dict(islice(fields, PIECE)):
        yield piece
