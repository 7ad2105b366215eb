"""One YAML file as sections and endpoints: plain values whose places in the file can be asked for.

``including`` reads files through :func:`read_document`; the loader gives the values to the models and asks
for positions only when something is wrong.
"""

from __future__ import annotations

from typing import Any

from aggregator.diagnostics import Diagnostic, Position, Source

Path = tuple[str | int, ...]


class Section:
    """A top-level key, or one endpoint: its *value* as written (never to be changed) and where it stands.

    *text_digest* is equal for equal text, wherever it stands in the file. *has_variables* tells that
    ``${`` occurs in it. Paths are relative to the value; ``()`` is the value itself.
    """

    __slots__ = ("file", "has_variables", "key", "text_digest", "value")

    file: str
    key: str
    value: Any
    text_digest: bytes
    has_variables: bool

    @property
    def key_position(self) -> Position:
        """Where the key is written."""
        raise NotImplementedError

    def position(self, path: Path = (), *, key: bool = False) -> Position:
        """Where the value at *path* is written, or its key; the nearest parent when there is no such path."""
        raise NotImplementedError

    def locate(self, path: Path, text: str, occurrence: int = 0) -> Position:
        """Where *text* is written within the scalar at *path*; the scalar itself when it cannot be found."""
        raise NotImplementedError


class Document:
    """One file: *sections* are all top-level keys but ``endpoints``, *endpoints* stand in file order.

    An ``endpoints`` that is not a mapping is left among the *sections*, for the model to refuse.
    """

    file: str
    source: Source
    sections: dict[str, Section]
    endpoints: list[Section]

    def position(self, path: Path, *, key: bool = False) -> Position:
        """Where *path* from the top is written, such as ``("endpoints", "GET /x", "call")``; see Section."""
        raise NotImplementedError


class ParseCache:
    """What was parsed before, by its text: give the same one to every reading of the same files."""


def read_document(
    content: bytes | str, file: str, cache: ParseCache | None = None
) -> tuple[Document | None, list[Diagnostic]]:
    """The document that *content* is, and every problem found; no document when it is not YAML at all.

    A document that comes with errors holds what was most likely meant, so that further checks make sense.
    """
    raise NotImplementedError
