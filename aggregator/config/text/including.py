"""The root file and all that it includes, as an ordered tree of documents; for the loader and the watcher.

``include: [upstreams.yaml, routes.d/*.yaml]`` names files relative to the file that says it. They may hold
``upstreams``, ``groups``, ``plugins``, ``endpoints``, ``virtual_hosts`` and further ``include``; everything else
belongs to the root.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct, field

from aggregator.config.text.document import Document, ParseCache, read_document
from aggregator.config.text.patterns import Search, TooManyFiles, fixed_part
from aggregator.config.text.section import Section
from aggregator.config.text.values import Steps
from aggregator.config.text.yaml_text import read_file, source_of
from aggregator.diagnostics import Diagnostic, Position, Source, in_reading_order, suggest
from aggregator.diagnostics.unreadable import hint_for

_ROOT_ONLY = frozenset(["server", "client", "defaults", "background"])


class Tree(Struct, frozen=True):
    """*documents* with the root first; *paths* and *sources* by display name (``Position.file``).

    *files* were asked for, found or not, and *folders* are those that patterns look into: all are to be watched.
    """

    documents: tuple[Document, ...]
    paths: dict[str, Path]
    sources: dict[str, Source]
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[Path, ...]
    folders: tuple[Path, ...]

    def sections(self, name: str) -> list[Section]:
        """The section *name* of every document that has one, such as all ``upstreams``."""
        return [one.sections[name] for one in self.documents if name in one.sections]

    def endpoints(self) -> list[Section]:
        """The endpoints of all documents, in reading order."""
        return [endpoint for document in self.documents for endpoint in document.endpoints]


def read_tree(
    root: Path,
    read_bytes: Callable[[Path], bytes] = read_file,
    cache: ParseCache | None = None,
    name: str | None = None,
) -> Tree:
    """*root* and everything that it includes, with every problem of syntax, inclusion and clashing names.

    Display names are *name*, or *root* as given, and the others beside it: ``conf/routes.yaml``,
    ``conf/routes.d/a.yaml``.
    """
    reader = _TreeReader(read_bytes, cache or ParseCache())
    name = name or str(root)
    try:
        reader.read(root, name, ())
    except OSError as error:
        reader.problems.append(_unreadable_root(error, name))
    reader.problems += _clashes(reader.documents)
    return Tree(
        documents=tuple(reader.documents),
        paths=reader.paths,
        sources=reader.sources,
        diagnostics=tuple(in_reading_order(reader.problems, reader.sources)),
        files=tuple(dict.fromkeys(reader.files)),
        folders=tuple(dict.fromkeys(reader.folders)),
    )


class _TreeReader(Struct):
    """Reads depth first: a file stands before what it includes, in the order in which it names them."""

    read_bytes: Callable[[Path], bytes]
    cache: ParseCache
    documents: list[Document] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    search: Search = field(default_factory=Search)

    def read(self, path: Path, name: str, above: tuple[str, ...]) -> None:
        """Read *path*, shown as *name* and included by the files *above*. Raises OSError for *path* itself."""
        self.files.append(path)
        content = self.read_bytes(path)
        self.seen[os.path.realpath(path)] = name
        self.paths[name] = path
        self.sources[name] = source_of(content, name)
        document, problems = read_document(content, name, self.cache)
        self.problems += problems
        if document is None:
            return
        self.documents.append(document)
        if above:
            self.problems += _misplaced(document)
        include = document.sections.get("include")
        for wanted, position in self._wanted(include) if include else ():
            self._include(wanted, position, name, (*above, name))

    def _wanted(self, include: Section) -> Iterator[tuple[str, Position]]:
        value = include.value
        items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            position = include.position(() if index is None else (index,))
            if isinstance(item, str) and item and "\0" not in item:
                yield item, position
            else:
                hint = "write `include: [upstreams.yaml, routes.d/*.yaml]`"
                self._problem("include-type", "`include` takes the names of files", position, hint)

    def _include(self, wanted: str, position: Position, name: str, chain: tuple[str, ...]) -> None:
        """Read the file or the files of the pattern *wanted*, which *name* includes at *position*."""
        folder = self.paths[name].parent
        if not glob.has_magic(wanted):
            self._include_one(wanted, position, chain)
            return
        self.folders.append(folder / fixed_part(wanted))
        try:
            found = self.search.files(wanted, folder)
        except TooManyFiles as error:
            self._problem("too-many-files", str(error), position, "name the folder of the files, and `*.yaml`")
            return
        if not found:
            hint = f"patterns are relative to the folder of {name}"
            self._problem("include-missing", f"`{wanted}` matches no file", position, hint)
        for one in found:
            if os.path.realpath(folder / one) not in self.seen:
                self._include_one(one, position, chain)

    def _include_one(self, wanted: str, position: Position, chain: tuple[str, ...]) -> None:
        folder = self.paths[chain[-1]].parent
        path = folder / wanted
        known = self.seen.get(os.path.realpath(path))
        if known in chain:
            circle = " → ".join([*chain[chain.index(known) :], known])
            self._problem("include-cycle", f"the files include each other: {circle}", position, None)
        elif known is None:
            name = os.path.normpath(os.path.join(os.path.dirname(chain[-1]), wanted))
            try:
                self.read(path, name, chain)
            except OSError as error:
                self._unreadable(error, wanted, folder, position)

    def _unreadable(self, error: OSError, wanted: str, folder: Path, position: Position) -> None:
        if isinstance(error, FileNotFoundError):
            around = (folder / wanted).parent
            names = [os.path.relpath(one, folder) for one in around.iterdir()] if around.is_dir() else []
            stems = {os.path.splitext(name)[0]: name for name in names}
            near = suggest(os.path.splitext(wanted)[0], stems)
            hint = f"did you mean `{stems[near]}`?" if near else f"paths begin in the folder of {position.file}"
            self._problem("include-missing", f"there is no file `{wanted}`", position, hint)
        elif isinstance(error, IsADirectoryError):
            self._problem(
                "include-missing", f"`{wanted}` is a directory", position, f"write `{wanted.rstrip('/')}/*.yaml`"
            )
        else:
            self._problem("file-unreadable", f"`{wanted}` cannot be read: {error.strerror}", position, hint_for(error))

    def _problem(self, code: str, message: str, position: Position, hint: str | None) -> None:
        self.problems.append(Diagnostic(code, "error", message, position, hint, (), ("include",)))


def _unreadable_root(error: OSError, name: str) -> Diagnostic:
    if isinstance(error, FileNotFoundError):
        return Diagnostic(
            "file-missing", "error", "there is no such file", Position(name), "`aggregator init` writes a first one"
        )
    if isinstance(error, IsADirectoryError):
        hint = f"name the file in it, such as `{os.path.join(name, 'routes.yaml')}`"
        return Diagnostic("file-unreadable", "error", "this is a directory", Position(name), hint)
    message = f"the file cannot be read: {error.strerror}"
    return Diagnostic("file-unreadable", "error", message, Position(name), hint_for(error, "correct its path"))


def _misplaced(document: Document) -> Iterator[Diagnostic]:
    """Yield a problem for each setting of an included file that only the root file may have."""
    for key, section in document.sections.items():
        if key in _ROOT_ONLY:
            message = f"`{key}` may only stand in the root file"
            hint = "an included file holds `upstreams`, `groups`, `plugins`, `endpoints`, `virtual_hosts` and `include`"
            yield Diagnostic("root-only", "error", message, section.key_position, hint, (), (key,))


def _clashes(documents: list[Document]) -> Iterator[Diagnostic]:
    """Names that two files declare; within one file equal keys were found before."""
    first: dict[Steps, Document] = {}
    for document in documents:
        for path in _names(document):
            other = first.setdefault(path, document)
            if other is not document:
                message = f"`{path[-1]}` is declared in two files"
                at, hint = document.position(path, key=True), "keep one of the two, or rename one"
                related = ((other.position(path, key=True), "first here"),)
                yield Diagnostic("duplicate-key", "error", message, at, hint, related, path)


def _names(document: Document) -> Iterator[Steps]:
    yield from (("endpoints", endpoint.key) for endpoint in document.endpoints)
    for kind in ("upstreams", "groups", "virtual_hosts"):
        section = document.sections.get(kind)
        if section is not None and isinstance(section.value, dict):
            yield from ((kind, name) for name in section.value)
