"""Finds the endpoint of a path in a time that does not grow with the number of endpoints.

A tree of canonical path segments: a literal segment beats a parameter, a parameter beats the rest of the path.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from aggregator.templates import Param, PathPattern, canonical_segment

T = TypeVar("T")


class Match(NamedTuple, Generic[T]):
    """The methods that a path answers to, and the path parameters as canonical percent-encoded bytes."""

    methods: dict[str, T]
    segments: tuple[bytes, ...]


class _Node(Generic[T]):
    __slots__ = ("literals", "methods", "param", "rest")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Node[T]] = {}
        self.param: _Node[T] | None = None
        self.rest: dict[str, T] | None = None
        self.methods: dict[str, T] | None = None


class RouteIndex(Generic[T]):
    """All paths of a generation; what is found for a path is a mapping from method to *T*."""

    __slots__ = ("_root", "_static")

    def __init__(self, routes: Iterable[tuple[str, PathPattern, T]]) -> None:
        self._root: _Node[T] = _Node()
        self._static: dict[bytes, Match[T]] = {}
        for method, pattern, target in routes:
            methods = self._methods(pattern)
            methods[method] = target
            if not pattern.params:
                self._static[b"/" + b"/".join(part for part in pattern.segments if isinstance(part, bytes))] = Match(
                    methods, ()
                )

    def _methods(self, pattern: PathPattern) -> dict[str, T]:
        node = self._root
        for part in pattern.segments:
            if not isinstance(part, Param):
                node = node.literals.setdefault(part, _Node())
            elif part.rest:
                node.rest = {} if node.rest is None else node.rest
                return node.rest
            else:
                node.param = _Node() if node.param is None else node.param
                node = node.param
        node.methods = {} if node.methods is None else node.methods
        return node.methods

    def find(self, raw_path: bytes) -> Match[T] | None:
        """Give what answers to *raw_path* (as sent, still percent-encoded); None when nothing does.

        Raises ``ExpressionError`` for a path that is not well formed: a broken escape, an empty or dot segment.
        """
        found = self._static.get(raw_path)
        if found is not None:
            return found
        words = raw_path[1:].split(b"/")
        if words == [b""]:
            words = []
        return _walk(self._root, words, 0, ())


def _walk(node: _Node[T], words: list[bytes], position: int, taken: tuple[bytes, ...]) -> Match[T] | None:
    if position == len(words):
        return None if node.methods is None else Match(node.methods, taken)
    word = words[position]
    literal = node.literals.get(word)
    if literal is not None and (found := _walk(literal, words, position + 1, taken)) is not None:
        return found
    segment = word if word == b"" and position == len(words) - 1 else canonical_segment(word)
    if segment != word and (literal := node.literals.get(segment)) is not None:
        found = _walk(literal, words, position + 1, taken)
        if found is not None:
            return found
    if not segment:
        return None
    if node.param is not None and (found := _walk(node.param, words, position + 1, (*taken, segment))) is not None:
        return found
    if node.rest is not None:
        return Match(node.rest, (*taken, b"/".join(canonical_segment(word) for word in words[position:])))
    return None
