"""One top-level key or one endpoint of a file: its value, its digest, and where everything in it is written.

Made by ``document``; the loader gives the value to a model and asks for positions when something is wrong.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from msgspec import Struct

from aggregator.config.text.places import Places, Span
from aggregator.config.text.respelled import Respelled, marks_in, without_marks
from aggregator.config.text.values import Steps
from aggregator.diagnostics import Position


class Part(Struct, frozen=True):
    """The part of a section that does not depend on its file and line, and is reused while it is unchanged."""

    key: str
    value: Any
    places: Places
    root: Steps
    digest: bytes
    has_variables: bool
    is_endpoint: bool
    respelled: tuple[tuple[Steps, Respelled], ...] = ()

    @classmethod
    def of(cls, root: Steps, value: Any, places: Places, *, is_endpoint: bool = False) -> Part:
        """Return the part of *value*, which stands at *root* in the text of *places*."""
        key = root[-1]
        written = repr((key, value))
        digest = blake2b(written.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        respelled = tuple(marks_in(value)) if Respelled.__name__ in written else ()
        value = without_marks(value) if respelled else value
        return cls(str(key), value, places, root, digest, "${" in written, is_endpoint, respelled)


class Section:
    """A top-level key, or one endpoint: its *value* as written (never to be changed) and where it stands.

    *digest* is the same for the same key and value, wherever and however they are written. *has_variables*
    tells that ``${`` occurs in it. Paths are relative to the value; ``()`` is the value itself.
    """

    __slots__ = ("_first_line", "_part", "digest", "file", "has_variables", "key", "value")

    def __init__(self, file: str, first_line: int, part: Part) -> None:
        self.file, self._first_line, self._part = file, first_line, part
        self.key, self.value = part.key, part.value
        self.digest, self.has_variables = part.digest, part.has_variables

    def __repr__(self) -> str:
        return f"<Section {self.key!r} at {self.key_position}>"

    @property
    def respelled(self) -> tuple[tuple[Steps, Respelled], ...]:
        """The numbers in it that are written another way than they are sent, each with its path."""
        return self._part.respelled

    @property
    def path(self) -> Steps:
        """The path of the value in the document, such as ``("endpoints", "GET /x")``."""
        return ("endpoints", self.key) if self._part.is_endpoint else (self.key,)

    @property
    def key_position(self) -> Position:
        """The position of the key."""
        return self.position((), key=True)

    def position(self, path: Steps = (), *, key: bool = False) -> Position:
        """Return the position of the value at *path*, or of its key.

        What is not written there has the place of the key of its nearest parent.
        """
        return self._position(self._part.places.span((*self._part.root, *path), key=key))

    def locate(self, path: Steps, text: str, occurrence: int = 0) -> Position:
        """Return the position of *text* in the source of the scalar at *path*, or of the scalar when it is not found.

        *occurrence* counts from 0; it is for a text that stands there more than once.
        """
        places = self._part.places
        span = places.scalar((*self._part.root, *path))
        if span is None or not text:
            return self.position(path)
        start = span[0] - 1
        for _ in range(occurrence + 1):
            start = places.text.find(text, start + 1, span[1])
            if start < 0:
                return self.position(path)
        return self._position((start, start + len(text)))

    def _position(self, span: Span) -> Position:
        text, (start, end) = self._part.places.text, span
        line_end = text.find("\n", start, end)
        end = end if line_end < 0 else line_end
        column = start - text.rfind("\n", 0, start)
        line = self._first_line + text.count("\n", 0, start) + 1
        return Position(self.file, line, column, column + max(end - start, 1))
