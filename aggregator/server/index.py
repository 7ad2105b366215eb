"""Finds the endpoint of a path in a time that does not grow with the number of endpoints.

A tree of canonical path segments: a literal segment beats a parameter, a parameter beats the rest of the path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from sys import intern
from typing import Any, Generic, NamedTuple, TypeVar

from aggregator.templates import Param, PathPattern, canonical_segment

T = TypeVar("T")


class Methods(Generic[T]):
    """What a path answers to: *T* by method. Most have one, the *first*, which needs no mapping; "" is none."""

    __slots__ = ("_more", "_target", "first")

    def __init__(self) -> None:
        self.first = ""
        self._target: T | None = None
        self._more: dict[str, T] = _NO_MORE

    def __iter__(self) -> Iterator[str]:
        if self.first:
            yield self.first
            yield from self._more

    def add(self, method: str, target: T) -> None:
        """Answer *method* with *target* from now on."""
        if self.first in ("", method):
            self.first, self._target = intern(method), target
        else:
            self._more = self._more | {method: target}

    def target(self, method: str) -> T | None:
        """Give what *method* is answered by; HEAD follows from GET (RFC 9110 §9.3.2)."""
        if method == self.first:
            return self._target
        found = self._more.get(method)
        return self.target("GET") if found is None and method == "HEAD" else found


_NO_MORE: dict[str, Any] = {}


class Match(NamedTuple, Generic[T]):
    """The methods that a path answers to, and the path parameters as canonical percent-encoded bytes."""

    methods: Methods[T]
    segments: tuple[bytes, ...]


class _Node(Methods[T]):
    """A place in the tree, which is also what the path up to here answers to."""

    __slots__ = ("literals", "param", "rest")

    def __init__(self) -> None:
        super().__init__()
        self.literals: dict[bytes, _Node[T]] | None = None
        self.param: _Node[T] | None = None
        self.rest: Methods[T] | None = None

    def under(self, word: bytes) -> _Node[T] | None:
        """Give the place of *word* below."""
        return None if self.literals is None else self.literals.get(word)


class RouteIndex(Generic[T]):
    """All paths of a generation; what is found for a path leads from a method to *T*."""

    __slots__ = ("_root", "_static")

    def __init__(self, routes: Iterable[tuple[str, PathPattern, T]]) -> None:
        self._root: _Node[T] = _Node()
        self._static: dict[bytes, Match[T]] = {}
        for method, pattern, target in routes:
            methods = self._methods(pattern)
            methods.add(method, target)
            if not pattern.params:
                self._static[b"/" + b"/".join(part for part in pattern.segments if isinstance(part, bytes))] = Match(
                    methods, ()
                )

    def _methods(self, pattern: PathPattern) -> Methods[T]:
        node = self._root
        for part in pattern.segments:
            if not isinstance(part, Param):
                node.literals = {} if node.literals is None else node.literals
                node = node.literals.setdefault(part, _Node())
            elif part.rest:
                node.rest = Methods() if node.rest is None else node.rest
                return node.rest
            else:
                node.param = _Node() if node.param is None else node.param
                node = node.param
        return node

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
        if node.first:
            yield Match(node, taken)
        return
    word = words[position]
    segment = word if word == b"" and position == len(words) - 1 else canonical_segment(word)
    if (literal := node.under(segment)) is not None:
        yield from _every(literal, words, position + 1, taken)
    if segment and node.param is not None:
        yield from _every(node.param, words, position + 1, (*taken, segment))
    if segment and node.rest is not None:
        yield Match(node.rest, (*taken, b"/".join(canonical_segment(word) for word in words[position:])))


def _walk(node: _Node[T], words: list[bytes], position: int, taken: tuple[bytes, ...]) -> Match[T] | None:
    if position == len(words):
        return Match(node, taken) if node.first else None
    word = words[position]
    literal = None if node.literals is None else node.literals.get(word)
    if literal is not None and (found := _walk(literal, words, position + 1, taken)) is not None:
        return found
    segment = word if word == b"" and position == len(words) - 1 else canonical_segment(word)
    if segment != word and (literal := node.under(segment)) is not None:
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
