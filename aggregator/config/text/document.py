"""One YAML file as sections and endpoints: plain values whose places in the file can be asked for.

``including`` reads files through :func:`read_document`. With a cache, what stands unchanged in a file that
was read before is not parsed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct, field

from aggregator.config.text.pieces import Piece, cut
from aggregator.config.text.places import Places
from aggregator.config.text.reading import MOST_ALIASED, Anchored, Reading, RefusedError
from aggregator.config.text.section import Part, Section
from aggregator.config.text.values import Steps, read_values
from aggregator.config.text.yaml_text import read_text
from aggregator.diagnostics import Diagnostic, Position, Source, in_reading_order


class Document(Struct):
    """One file: *sections* are all top-level keys but ``endpoints``, *endpoints* stand in file order.

    An ``endpoints`` that is not a mapping is left among the *sections*, for the model to refuse.
    """

    file: str
    source: Source
    sections: dict[str, Section] = field(default_factory=dict)
    endpoints: list[Section] = field(default_factory=list)
    endpoints_key: Section | None = None

    def position(self, path: Steps, *, key: bool = False) -> Position:
        """Return the position of *path* from the top, such as ``("endpoints", "GET /x", "call")``.

        What is not written has the place of the key of its nearest parent; at the top, of the first key.
        """
        if path[:1] == ("endpoints",) and self.endpoints_key is not None:
            found = [entry for entry in self.endpoints if entry.key == path[1]] if len(path) > 1 else []
            return found[0].position(path[2:], key=key) if found else self.endpoints_key.key_position
        section = self.sections.get(str(path[0])) if path else None
        if section is not None:
            return section.position(path[1:], key=key)
        all_keys = [*self.sections.values(), *([self.endpoints_key] if self.endpoints_key else [])]
        return min((one.key_position for one in all_keys), default=Position(self.file))


class _Known(Struct, frozen=True):
    """A piece as it was read, and the anchors of other pieces that this rests on."""

    parts: tuple[Part, ...]
    reading: Reading

    def holds(self, anchors: dict[str, Anchored]) -> bool:
        return all(anchors.get(name) is anchored for name, anchored in self.reading.used.items())


_Pieces = dict[tuple[str, str], _Known]


class ParseCache:
    """Parsed documents by file and text: pass the same cache to every reading of the same files."""

    def __init__(self) -> None:
        self._pieces: dict[str, _Pieces] = {}

    def of(self, file: str) -> _Pieces:
        """The pieces of the last good reading of *file*."""
        return self._pieces.get(file, {})

    def keep(self, file: str, pieces: _Pieces) -> None:
        """Replace the pieces of *file*; what is no longer in it is forgotten."""
        self._pieces[file] = pieces


class _NotPlainError(Exception):
    """The pieces are not one key each, and each another one: only the whole file tells what is meant."""


def read_document(
    content: bytes | str, file: str, cache: ParseCache | None = None
) -> tuple[Document | None, list[Diagnostic]]:
    """The document that *content* is, and every problem found; no document when it is not YAML at all.

    A document that comes with errors holds what was most likely meant, so that further checks make sense.
    """
    text = read_text(content, file)
    if isinstance(text, Diagnostic):
        return None, [text]
    source = Source(file, text)
    pieces = cut(text) or []
    try:
        return _from_pieces(pieces, source, cache or ParseCache())
    except (_NotPlainError, RefusedError, yaml.YAMLError):
        return from_whole(source, pieces)


def _from_pieces(pieces: list[Piece], source: Source, cache: ParseCache) -> tuple[Document, list[Diagnostic]]:
    """The document, piece by piece; raises when it cannot be certain that the whole would say the same."""
    before = cache.of(source.name)
    now: _Pieces = {}
    document, anchors = Document(source.name, source), dict[str, Anchored]()
    problems: list[Diagnostic] = []
    seen: set[tuple[bool, str | int]] = set()
    aliased = 0
    for piece in pieces:
        identity = piece.kind, piece.text
        known = before.get(identity)
        if known is None or not known.holds(anchors):
            known = _read_piece(piece, source.name, anchors)
        if not known.reading.problems:
            now[identity] = known
        problems += known.reading.problems
        aliased += known.reading.aliased
        anchors.update(known.reading.anchors)
        for part in known.parts:
            name = part.is_endpoint, part.root[-1]
            if name in seen:
                raise _NotPlainError
            seen.add(name)
            _place(document, part, piece.line)
    if not pieces or aliased > MOST_ALIASED:
        raise _NotPlainError
    cache.keep(source.name, now)
    return document, in_reading_order(problems, ())


def _read_piece(piece: Piece, file: str, anchors: dict[str, Anchored]) -> _Known:
    above = ("endpoints",) if piece.kind == "endpoint" else ()
    reading = read_values(piece.text, file, first_line=piece.line, above=above, anchors=anchors)
    value, reading.value = reading.value, None
    if reading.documents != 1 or not isinstance(value, dict) or len(value) != 1:
        raise _NotPlainError
    places, (key, inner) = Places(piece.text), next(iter(value.items()))
    if piece.kind == "endpoint":
        return _Known((Part.of((key,), inner, places, is_endpoint=True),), reading)
    return _Known(tuple(_parts({key: {}} if piece.kind == "header" else value, places)), reading)


def _parts(value: dict[str | int, Any], places: Places) -> Iterator[Part]:
    """The sections of a whole file or of one top-level key; a mapping of endpoints gives one for each."""
    for key, inner in value.items():
        if key != "endpoints" or not isinstance(inner, dict):
            yield Part.of((key,), inner, places)
            continue
        yield Part.of((key,), {}, places)
        for name, endpoint in inner.items():
            yield Part.of((key, name), endpoint, places, is_endpoint=True)


def _place(document: Document, part: Part, line: int) -> None:
    section = Section(document.file, line, part)
    if part.is_endpoint:
        document.endpoints.append(section)
    elif part.key == "endpoints" and isinstance(part.value, dict):
        document.endpoints_key = section
    else:
        document.sections[part.key] = section


def from_whole(source: Source, pieces: list[Piece]) -> tuple[Document | None, list[Diagnostic]]:
    """Return the document of *source*, read as a whole, and what is wrong with it, piece by piece if it is no YAML."""
    try:
        reading = read_values(source.text, source.name)
    except RefusedError as refused:
        return None, [refused.diagnostic]
    except yaml.YAMLError as error:
        from aggregator.config.syntax.refusals import why_not_yaml  # only a wrong file pays for it

        return None, why_not_yaml(error, source, pieces)
    if not isinstance(reading.value, dict):
        from aggregator.config.syntax.refusals import why_no_sections

        return None, [why_no_sections(reading.value, source)]
    document = Document(source.name, source)
    for part in _parts(reading.value, Places(source.text)):
        _place(document, part, 0)
    return document, in_reading_order(reading.problems, ())
