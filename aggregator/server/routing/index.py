"""Finds the endpoint of a path in a time that does not grow with the number of endpoints.

Patterns that have their parameters at the same places are one table, by their literal segments. Where several tables
know a path, a literal segment beats a parameter, and a parameter beats the rest of the path, from left to right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Generic, TypeAlias, TypeVar

from aggregator.templates import OwnPaths, Param, PathPattern, canonical_segment, is_canonical_path, may_take

T = TypeVar("T")
_LITERAL, _PARAM, _REST = range(3)
Kinds: TypeAlias = tuple[int, ...]
"""What stands at each place of a pattern; of two that match the same path, the lesser one is the more specific."""
Match: TypeAlias = tuple[T, tuple[bytes, ...]]
"""What answers, and the path parameters as canonical percent-encoded bytes."""
_Read: TypeAlias = Callable[[list[bytes]], tuple[bytes, ...]]


class _Table(Generic[T]):
    """All path patterns of the same *kinds*: their targets by literal segments, joined with slashes."""

    __slots__ = ("_literal", "_literals", "_params", "_shortest_with_slash", "_targets")

    def __init__(self, kinds: Kinds, targets: dict[bytes, T]) -> None:
        literals = [place for place, kind in enumerate(kinds) if kind == _LITERAL]
        self._literal = literals[0] if len(literals) == 1 else -1
        self._literals = _reader(literals)
        self._params = _reader([place for place, kind in enumerate(kinds) if kind == _PARAM])
        if kinds[-1] == _REST:
            self._params = _with_rest(self._params, len(kinds) - 1)
        self._targets = targets
        least = len(kinds) + 1 if kinds[-1] == _REST else len(kinds)
        self._shortest_with_slash = None if kinds[-1] == _PARAM else least

    def takes_slash(self, length: int) -> bool:
        """Return whether the last of *length* words can be empty: as a literal, or behind a segment of the rest."""
        return self._shortest_with_slash is not None and length >= self._shortest_with_slash

    def find(self, words: list[bytes]) -> Match[T] | None:
        """Return what the canonical *words* lead to, which are as many as fit."""
        literal = self._literal
        target = self._targets.get(words[literal] if literal >= 0 else b"/".join(self._literals(words)))
        return None if target is None else (target, self._params(words))


class _Method(Generic[T]):
    """The tables of one method, by the number of segments of a path."""

    __slots__ = ("_by_length", "_longer")

    def __init__(self, found: Mapping[Kinds, dict[bytes, T]]) -> None:
        tables = [(kinds, _Table(kinds, targets)) for kinds, targets in sorted(found.items(), key=itemgetter(0))]
        lengths = range(max(map(len, found)) + 1)
        self._by_length = [[table for kinds, table in tables if _fits(kinds, length)] for length in lengths]
        self._longer = [table for kinds, table in tables if kinds[-1] == _REST]

    def fitting(self, length: int) -> list[_Table[T]]:
        """Return the tables for paths of *length* segments, the most specific first."""
        return self._by_length[length] if length < len(self._by_length) else self._longer


class RouteIndex(Generic[T]):
    """All paths of a generation: the target of a method and a path. HEAD follows from GET (RFC 9110 §9.3.2).

    None of them takes a path of *own*.
    """

    __slots__ = ("_guarded", "_methods", "_own")

    def __init__(self, routes: Iterable[tuple[str, PathPattern, T]], own: OwnPaths | None = None) -> None:
        declared: defaultdict[str, dict[tuple[Kinds, bytes], T]] = defaultdict(dict)
        self._own = own
        self._guarded: frozenset[bytes] = frozenset()
        for method, pattern, target in routes:
            declared[method][_kinds(pattern), _literals(pattern)] = target
            if own is not None and may_take(pattern, own):
                self._guarded = own.first_words
        if "GET" in declared:
            declared["HEAD"] = declared["GET"] | declared["HEAD"]
        self._methods = {method: _Method(_by_kinds(found)) for method, found in declared.items()}

    def find(self, method: str, raw_path: bytes) -> Match[T] | None:
        """Return what answers *method* on *raw_path* (as sent, still percent-encoded); None when nothing does.

        Raises ``ExpressionError`` for a path that is not well formed: a broken escape, an empty or dot segment.
        """
        tables = self._methods.get(method)
        if tables is None:
            return None
        words = raw_path.split(b"/")
        if not is_canonical_path(raw_path):
            return self._find_carefully(tables, words) if raw_path.startswith(b"/") else None
        del words[0]
        if self._guarded and self._is_own(words):
            return None
        for table in tables.fitting(len(words)):
            found = table.find(words)
            if found is not None:
                return found
        return None

    def _is_own(self, words: list[bytes]) -> bool:
        return words[0] in self._guarded and self._own is not None and self._own.holds_words(words)

    def _find_carefully(self, tables: _Method[T], words: list[bytes]) -> Match[T] | None:
        """Find *words* that may have to be made canonical; an empty last one is no parameter."""
        slash = words[-1] == b""
        known = [canonical_segment(word) for word in (words[1:-1] if slash else words[1:])]
        if slash:
            known.append(b"")
        if self._guarded and self._is_own(known):
            return None
        for table in tables.fitting(len(known)):
            if not slash or table.takes_slash(len(known)):
                found = table.find(known)
                if found is not None:
                    return found
        return None

    def methods(self, raw_path: bytes) -> list[str]:
        """Return the methods that *raw_path* answers to; raises as ``find`` does."""
        return [method for method in self._methods if self.find(method, raw_path) is not None]


def _by_kinds(found: Mapping[tuple[Kinds, bytes], T]) -> dict[Kinds, dict[bytes, T]]:
    tables: defaultdict[Kinds, dict[bytes, T]] = defaultdict(dict)
    for (kinds, literals), target in found.items():
        tables[kinds][literals] = target
    return tables


def _kinds(pattern: PathPattern) -> Kinds:
    """Return what stands at each place; the root is one empty literal, as a slash at the end is."""
    kinds = [_LITERAL if isinstance(part, bytes) else _REST if part.rest else _PARAM for part in pattern.segments]
    return tuple(kinds) or (_LITERAL,)


def _literals(pattern: PathPattern) -> bytes:
    """Return the literal segments, joined; even one is copied, so that what every request reads lies together."""
    return bytes(bytearray(b"/").join(part for part in pattern.segments if not isinstance(part, Param)))


def _fits(kinds: Kinds, length: int) -> bool:
    return len(kinds) == length or (kinds[-1] == _REST and len(kinds) < length)


def _reader(places: list[int]) -> _Read:
    """Return the function that reads the words at *places*."""
    match places:
        case []:
            return lambda _: ()
        case [place]:
            return lambda words: (words[place],)
    return itemgetter(*places)


def _with_rest(read: _Read, place: int) -> _Read:
    """Return the function that reads what *read* does, and the rest from *place* on as one."""
    return lambda words: (*read(words), b"/".join(words[place:]))
