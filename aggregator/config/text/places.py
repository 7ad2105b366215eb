"""Where the values of a text are written; found by reading it once more, when a problem asks for it.

A file without problems never pays for positions. ``document`` answers through :class:`Places`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from aggregator.config.text import values
from aggregator.config.text.scalars import read_plain
from aggregator.config.text.unquoted import is_unquoted_expression, unquoted_expression
from aggregator.config.text.values import Steps

Span = tuple[int, int]


class Places:
    """The spans of all keys and values of *text*, as indexes into it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _spans(self) -> dict[Steps, tuple[Span, Span]]:
        return _Follower(self.text).spans

    def span(self, path: Steps, *, key: bool = False) -> Span:
        """The value at *path*, or its key; the key of the nearest parent when there is no such path.

        A block collection, and an empty value, has the span of its key. What ``<<`` brought in has the
        span of what stands behind ``<<``.
        """
        spans = self._spans
        if (found := spans.get(path)) is not None:
            return found[0 if key else 1]
        parent = path[:-1]
        while parent not in spans and parent:
            parent = parent[:-1]
        merged = spans.get((*parent, "<<"))
        return merged[1] if merged else spans.get(parent, ((0, 0),))[0]

    def scalar(self, path: Steps) -> Span | None:
        """The value at *path*, or None when it is not written there."""
        found = self._spans.get(path)
        return found[1] if found else None


class _Follower:
    """One pass over the events of a text that was already read without an error."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next = values.Parser(text).get_event
        self.spans: dict[Steps, tuple[Span, Span]] = {}
        while not isinstance(event := self._next(), StreamEndEvent):
            if isinstance(event, NodeEvent):
                self._node(event, (), None)

    def _node(self, event: Any, path: Steps, key: Span | None) -> None:
        """Note everything in the node that *event* begins, then the node; the first of two equal paths counts."""
        start = event.start_mark.index
        end: int = self._end(event, path)
        span = (start, end)
        if start == end or not getattr(event, "flow_style", True):
            line_end = self._text.find("\n", start)
            span = key or (start, line_end if line_end >= 0 else len(self._text))
        self.spans.setdefault(path, (key or span, span))

    def _end(self, event: Any, path: Steps) -> int:
        if type(event) is MappingStartEvent:
            return self._mapping(event, path)
        return self._sequence(path) if type(event) is SequenceStartEvent else int(event.end_mark.index)

    def _sequence(self, path: Steps) -> int:
        index = 0
        while not _is(event := self._next(), SequenceEndEvent):
            self._node(event, (*path, index), None)
            index += 1
        return int(event.end_mark.index)

    def _mapping(self, start: Any, path: Steps) -> int:
        while not _is(event := self._next(), MappingEndEvent):
            if is_unquoted_expression(start, event):
                return int(start.start_mark.index) + len(unquoted_expression(start, self._next, self._text))
            if _is(event, ScalarEvent):
                key = read_plain(event.value) if event.implicit[0] else event.value
                step = key if type(key) is int else event.value
                self._node(self._next(), (*path, step), (event.start_mark.index, event.end_mark.index))
            else:
                self._node(event, (*path, -1), None)
                self._node(self._next(), (*path, -1), None)
        return int(event.end_mark.index)


def _is(event: Any, kind: type) -> bool:
    return type(event) is kind
