"""YAML text → plain values, read from parser events, with a problem for everything that is not what it seems.

``document`` reads whole files and single pieces with it; ``places`` follows the same events for positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from aggregator.config.text.reading import (
    DEEPEST,
    MOST_ALIASED,
    MOST_PROBLEMS,
    MOST_SECTIONS,
    Anchored,
    Reading,
    RefusedError,
)
from aggregator.config.text.respelled import marked
from aggregator.config.text.scalars import NOT_SIMPLY_TEXT, Doubt, read_plain
from aggregator.config.text.unquoted import is_unquoted_expression, unquoted_expression
from aggregator.diagnostics import Diagnostic, Position, did_you_mean
from aggregator.diagnostics.finding import Steps as Steps

Parser: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: ten times as fast."""

_MERGE = "<<"
_INDENT = "endpoints stand under `endpoints:`, indented"
_ONE_DOCUMENT = "one file is one document: name further files under `include`"
_DROPPED: Any = object()


def read_values(
    text: str, file: str, *, first_line: int = 0, above: Steps = (), anchors: dict[str, Anchored] | None = None
) -> Reading:
    """The value of *text*, which begins at *first_line* (from 0) of *file*, beneath the keys *above*.

    *anchors* are those set further up; the text's own are added. Raises :class:`RefusedError` when the text goes
    beyond what is read (nesting, aliases, a second document) and ``yaml.YAMLError`` when it is not YAML.
    """
    return _Reader(text, file, first_line, above, {} if anchors is None else anchors).read()


def _written_twice(key: str | int, at: Position, first: Position, path: Steps) -> Diagnostic:
    """The problem of two equal keys in one mapping."""
    hint = "keep one of the two"
    return Diagnostic("duplicate-key", "error", f"`{key}` is written twice", at, hint, ((first, "first here"),), path)


class _Reader:
    """One pass over the events of one text."""

    __slots__ = ("_anchors", "_file", "_first_line", "_next", "_nodes", "_path", "_said", "_text")

    def __init__(self, text: str, file: str, first_line: int, above: Steps, anchors: dict[str, Anchored]) -> None:
        self._text, self._file, self._first_line = text, file, first_line
        self._anchors = anchors
        self._next: Callable[[], Any] = Parser(text).get_event
        self._path: list[Any] = list(above)
        self._nodes = 0
        self._said = Reading()

    def read(self) -> Reading:
        said = self._said
        while not isinstance(event := self._next(), StreamEndEvent):
            if isinstance(event, NodeEvent):
                said.value = self._node(event)
            elif isinstance(event, DocumentStartEvent):
                said.documents += 1
                if said.documents > 1:
                    self._stop("many-documents", event, "a second document begins here", _ONE_DOCUMENT)
        return said

    def _node(self, event: Any) -> Any:
        """The value of the node that *event* begins."""
        self._nodes += 1
        if event.anchor is None:
            return self._bare(event)
        if type(event) is AliasEvent:
            return self._alias(event)
        anchored = Anchored(nodes=self._nodes)
        self._anchors[event.anchor] = self._said.anchors[event.anchor] = anchored
        anchored.value = self._bare(event)
        anchored.nodes = self._nodes - anchored.nodes + 1
        anchored.complete = True
        return anchored.value

    def _bare(self, event: Any) -> Any:
        if event.tag is not None:
            hint = 'quotes make a text: `"…"`; everything else is known by its form'
            self._problem("yaml-tag", event, "tags such as `!!str` are not read here", hint)
        if type(event) is ScalarEvent:
            return self._scalar(event)
        if len(self._path) >= DEEPEST:
            self._stop("too-deep", event, f"more than {DEEPEST} levels of nesting", None)
        return self._mapping(event) if type(event) is MappingStartEvent else self._sequence()

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if not event.implicit[0] or text[:1] not in NOT_SIMPLY_TEXT:
            return text
        value = read_plain(text)
        if type(value) is Doubt:
            self._problem("ambiguous-value", event, value.message, value.hint)
            return value.value
        return marked(value, text) if type(value) is int or type(value) is float else value

    def _sequence(self) -> list[Any]:
        items: list[Any] = []
        path = self._path
        path.append(0)
        while type(event := self._next()) is not SequenceEndEvent:
            items.append(self._node(event))
            path[-1] += 1
        path.pop()
        return items

    def _mapping(self, start: MappingStartEvent) -> Any:
        """The mapping that *start* begins; merged keys stand where ``<<`` does and give way to written ones."""
        result: dict[str | int, Any] = {}
        written: dict[Any, Any] = {}
        path = self._path
        while type(event := self._next()) is not MappingEndEvent:
            if is_unquoted_expression(start, event):
                return self._unquoted(start)
            key = self._key(event)
            path.append(key)
            twice = key in written and key is not _DROPPED
            if twice:
                first = self._position(written[key])
                self._add(_written_twice(key, self._position(event), first, tuple(path)))
            value = self._node(child := self._next())
            path.pop()
            if key == _MERGE and event.implicit[0]:
                self._merge(result, value, child)
            elif not twice and key is not _DROPPED:
                result[key] = value
            written.setdefault(key, event)
            if not path and len(written) > MOST_SECTIONS:
                self._stop("too-many-sections", event, f"more than {MOST_SECTIONS} keys at the top level", _INDENT)
        return result

    def _key(self, event: Any) -> Any:
        """The key that *event* begins: a text or an integer, or ``_DROPPED`` after a problem."""
        text: Any = getattr(event, "value", None)
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None:
            if not event.implicit[0] or text[:1] not in NOT_SIMPLY_TEXT:
                return text
            key: Any = read_plain(text)
            if isinstance(key, str):
                return text
            key = key if type(key) is not int else marked(key, text)
        else:
            self._path.append("?")  # a key that is no scalar is one level further in
            key = self._node(event)
            self._path.pop()
        if isinstance(key, str) or type(key) is int:
            return key
        return self._odd_key(event, key, text)

    def _odd_key(self, event: Any, key: Any, text: str | None) -> Any:
        if isinstance(key, Doubt) and type(key.value) is bool:
            return text  # a key is never true or false, so `on:` and `no:` can only be texts
        if isinstance(key, Doubt):
            self._problem("ambiguous-value", event, key.message, f'write the key in quotes: `"{text}":`')
        elif text:
            self._problem("key-type", event, f"`{text}` is not a text", f'write the key in quotes: `"{text}":`')
        else:
            self._problem("key-type", event, "a key must be a text", "write `key: value`")
        return text or _DROPPED

    def _merge(self, result: dict[str | int, Any], value: Any, event: Any) -> None:
        """Add to *result* what it lacks of *value*, a mapping or a list of mappings."""
        if type(event) is AliasEvent and event.anchor not in self._anchors:
            return  # said already
        for mapping in value if isinstance(value, list) else [value]:
            if not isinstance(mapping, dict):
                hint = "`<<: *name`, where `&name` stands before a mapping further up"
                self._problem("merge-key", event, "`<<` takes a mapping, or a list of mappings", hint)
                return
            for key, inherited in mapping.items():
                result.setdefault(key, inherited)

    def _alias(self, event: Any) -> Any:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            hint = did_you_mean(event.anchor, self._anchors) or f"set it further up: `&{event.anchor}`"
            self._problem("unknown-alias", event, f"no anchor is named `{event.anchor}`", hint)
            return None
        if not anchored.complete:
            self._problem("unknown-alias", event, f"`&{event.anchor}` contains itself", "remove this alias")
            return None
        if event.anchor not in self._said.anchors:
            self._said.used[event.anchor] = anchored
        self._nodes += anchored.nodes
        self._said.aliased += anchored.nodes
        if self._said.aliased > MOST_ALIASED:
            self._stop("alias-expansion", event, f"aliases stand for more than {MOST_ALIASED} values", None)
        return anchored.value

    def _unquoted(self, start: MappingStartEvent) -> str:
        """The text of ``{{ … }}`` that lacks its quotes; YAML takes it for two mappings."""
        text = unquoted_expression(start, self._next, self._text)
        one_line = " ".join(text.split())
        hint = f'write `"{one_line}"`'
        position = self._span(start, len(text))
        self._problem("unquoted-expression", position, "an expression must be written in quotes", hint)
        return text

    def _problem(self, code: str, at: Any, message: str, hint: str | None) -> None:
        position = at if isinstance(at, Position) else self._position(at)
        path = tuple(step for step in self._path if step is not _DROPPED)
        self._add(Diagnostic(code, "error", message, position, hint, (), path))

    def _add(self, problem: Diagnostic) -> None:
        if len(self._said.problems) < MOST_PROBLEMS:
            self._said.problems.append(problem)

    def _stop(self, code: str, event: Any, message: str, hint: str | None) -> NoReturn:
        raise RefusedError(Diagnostic(code, "error", message, self._position(event), hint))

    def _position(self, event: Any) -> Position:
        return self._span(event, event.end_mark.index - event.start_mark.index)

    def _span(self, event: Any, length: int) -> Position:
        """Return the span of *length* characters from where *event* starts, cut at the end of its first line."""
        mark = event.start_mark
        length = len(self._text[mark.index : mark.index + length].split("\n", 1)[0])
        column = mark.column + 1
        return Position(self._file, self._first_line + mark.line + 1, column, column + max(length, 1))
