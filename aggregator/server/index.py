"""Finds the endpoint of a path in a time that does not grow with the number of endpoints.

A tree of canonical path segments: a literal segment beats a parameter, a parameter beats the rest of the path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from aggregator.templates import Param, PathPattern, canonical_segment

T = TypeVar("T")


class Match(NamedTuple, Generic[T]):
    """The methods that a path answers to, and the path parameters as canonical percent-encoded bytes."""

    methods: dict[str, T]
    segments: tuple[bytes, ...]


def target_for(methods: Mapping[str, T], method: str) -> T | None:
    """Give what *method* is answered by; HEAD follows from GET (RFC 9110 §9.3.2)."""
    return methods.get(method) or (methods.get("GET") if method == "HEAD" else None)


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

    def every(self, raw_path: bytes) -> Iterator[Match[T]]:
        """Give all that answers to *raw_path*, the most specific first: a method may be declared further on."""
        words = raw_path[1:].split(b"/")
        yield from _every(self._root, [] if words == [b""] else words, 0, ())


def _every(node: _Node[T], words: list[bytes], position: int, taken: tuple[bytes, ...]) -> Iterator[Match[T]]:
    if position == len(words):
        if node.methods is not None:
            yield Match(node.methods, taken)
        return
    word = words[position]
    segment = word if word == b"" and position == len(words) - 1 else canonical_segment(word)
    if (literal := node.literals.get(segment)) is not None:
        yield from _every(literal, words, position + 1, taken)
    if segment and node.param is not None:
        yield from _every(node.param, words, position + 1, (*taken, segment))
    if segment and node.rest is not None:
        yield Match(node.rest, (*taken, b"/".join(canonical_segment(word) for word in words[position:])))


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
