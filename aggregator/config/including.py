"""The root file and all that it includes, as an ordered tree of documents; for the loader and the watcher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aggregator.config.document import Document, ParseCache
from aggregator.diagnostics import Diagnostic, Source


@dataclass(frozen=True, slots=True)
class Tree:
    """*documents* with the root first; *files* read, found or not, and *folders* of patterns are to be watched.

    *sources* are by display name (``Document.file``, ``Position.file``), *paths* give the real path of each.
    """

    documents: tuple[Document, ...]
    paths: dict[str, Path]
    sources: dict[str, Source]
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def read_file(path: Path) -> bytes:
    """The bytes of *path*, no more than a document may have. Raises OSError."""
    raise NotImplementedError


def read_tree(
    root: Path, read_bytes: Callable[[Path], bytes] = read_file, cache: ParseCache | None = None
) -> Tree:
    """*root* and everything that it includes, with every problem of syntax, inclusion and clashing names."""
    raise NotImplementedError
