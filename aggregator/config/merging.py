"""All documents as one configuration: variables filled in, sections put together, endpoints in order.

``loading`` gives it a tree of documents; what comes out is plain values, with their origins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from aggregator.config.digests import digest_of
from aggregator.config.files.identity_files import find_identity_files
from aggregator.config.files.mock_files import mock_files
from aggregator.config.files.tls_files import find_tls_files
from aggregator.config.findings import Origins
from aggregator.config.text.document import Document
from aggregator.config.text.including import Tree
from aggregator.config.text.section import Section
from aggregator.config.text.values import Steps
from aggregator.config.variables.declared_values import filled_places
from aggregator.config.variables.expansion import expand
from aggregator.config.variables.respelling import respelled_texts
from aggregator.config.variables.written_secrets import written_secrets
from aggregator.diagnostics import Diagnostic, Source

_PER_FILE = frozenset({"version", "include"})


class Entry(Struct, frozen=True):
    """One endpoint: its *value* with variables filled in, as *written*, and a *digest* of key and value.

    *written_key* is that of the file; the endpoint of a virtual *host* has it in its key. *filled* are the places of
    its declarations that hold values of variables; it is a part of the digest.
    """

    written_key: str
    written: Any
    value: Any
    digest: bytes
    filled: tuple[Steps, ...] = ()
    host: str = ""

    @property
    def key(self) -> str:
        """The key that no other endpoint has: ``GET /x``, ``GET admin.example.com/x``."""
        return keyed(self.written_key, self.host)

    @property
    def path(self) -> Steps:
        """The path of the endpoint in the configuration."""
        return (
            ("virtual_hosts", self.host, "endpoints", self.written_key)
            if self.host
            else ("endpoints", self.written_key)
        )


def keyed(key: str, host: str) -> str:
    """Return *key* with the *host* before its path, if it has one, as in patterns of Go's ``http.ServeMux``."""
    method, gap, path = key.partition(" ")
    return f"{method} {host}{path}" if host and gap else key


class Whole(Struct):
    """One configuration: *sections* are the top-level keys but ``endpoints``, merged over all files.

    *written* is the same without variables filled in, and without the folders of files. *tls_digests* are, by
    upstream, of what its files of TLS hold. *identity_files* are, by path, what the files of ``auth`` hold. *sources*
    are the texts of files that are neither the root nor included, by display name. *secrets* come from variables,
    *written_secrets* stand in the files themselves.
    """

    origins: Origins
    sections: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)
    endpoints: list[Entry] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    written_secrets: frozenset[str] = frozenset()
    files: set[Path] = field(default_factory=set)
    tls_digests: dict[str, str] = field(default_factory=dict)
    identity_files: dict[str, bytes] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)


def merge(tree: Tree, env: Mapping[str, str]) -> Whole:
    """The configuration that the documents of *tree* are together; the first of two equal names counts."""
    whole = Whole(Origins(tree.documents[0].file if tree.documents else ""))
    whole.written_secrets = written_secrets(tree.documents)
    for number, document in enumerate(tree.documents):
        folder = tree.paths[document.file].parent
        for name, section in document.sections.items():
            if not name.startswith("x-") and not (number and name in _PER_FILE):
                value = _fill(whole, section, env, folder)
                finder = _FINDERS.get(name)
                value = value if finder is None else finder(whole, section, value, folder)
                written = section.value
                if name == "virtual_hosts" and isinstance(value, dict):
                    value, written = _take_hosts(whole, section, value)
                if name == "upstreams":
                    value, written = _put_mocks(whole, section, value, env, folder)
                _add(whole, name, section, value, written)
        for section in document.endpoints:
            value = _fill(whole, section, env, folder)
            path = ("endpoints", section.key)
            whole.origins.add(path, section)
            filled = filled_places(section.value) if section.has_variables else ()
            whole.endpoints.append(Entry(section.key, section.value, value, _digest(section, value, filled), filled))
        _note_endpoints(whole, document)
    return whole


def _take_hosts(whole: Whole, section: Section, value: dict[str, Any]) -> tuple[Any, Any]:
    """Move the endpoints out of virtual hosts; return the rest, with variables filled in and as written."""
    left, left_written = dict(value), dict(section.value)
    for host, settings in value.items():
        written = section.value[host]
        if isinstance(settings, dict) and isinstance(settings.get("endpoints"), dict):
            left[host], left_written[host] = settings | {"endpoints": {}}, written | {"endpoints": {}}
            if host not in whole.sections.get("virtual_hosts", {}):  # the first of two counts
                whole.endpoints += _entries_of(str(host), written["endpoints"], settings["endpoints"], section)
    return left, left_written


def _entries_of(host: str, written: dict[str, Any], endpoints: dict[str, Any], section: Section) -> Iterator[Entry]:
    for key, value in endpoints.items():
        filled = filled_places(written[key]) if section.has_variables else ()
        yield Entry(str(key), written[key], value, digest_of(host, key, value, filled), filled, host)


def _put_mocks(whole: Whole, section: Section, value: Any, env: Mapping[str, str], folder: Path) -> tuple[Any, Any]:
    """Return upstreams with the routes of the files of their mocks, with variables filled in and as it is written."""
    written = section.value
    for name, file in mock_files(section, value, folder):
        _take_note(whole, file.diagnostics, {file.path})
        whole.sources |= {file.source.name: file.source} if file.source is not None else {}
        routes = file.routes
        if routes is None:
            value = _with_routes(value, name, {})
            continue
        filled = _fill(whole, routes, env, file.path.parent)
        value, written = _with_routes(value, name, filled), _with_routes(written, name, routes.value)
        _note_routes(whole, ("upstreams", name, "mock", "routes"), section.value[name]["mock"].get("routes"), routes)
    return value, written


def _note_routes(whole: Whole, place: Steps, own: Any, routes: Section) -> None:
    """Note where the *routes* of a file are written, which stand at *place* beside a mock's *own*."""
    if own is None:
        whole.origins.add(place, routes)
    elif isinstance(own, dict) and isinstance(routes.value, dict):
        for key in routes.value.keys() - own.keys():
            whole.origins.add((*place, key), routes, (key,))


def _with_routes(upstreams: Any, name: str, routes: Any) -> Any:
    """Return *upstreams* whose mock *name* has *routes* beside its own, which go first."""
    upstream = upstreams[name]
    mock = upstream["mock"]
    own = mock.get("routes")
    if own is not None:  # what is no mapping is refused as it is
        routes = {**routes, **own} if isinstance(own, dict) and isinstance(routes, dict) else own
    return {**upstreams, name: {**upstream, "mock": {**mock, "routes": routes}}}


def _note_endpoints(whole: Whole, document: Document) -> None:
    if document.endpoints_key is not None:
        whole.origins.add(("endpoints",), document.endpoints_key)


def _fill(whole: Whole, section: Section, env: Mapping[str, str], folder: Path) -> Any:
    whole.diagnostics.extend(respelled_texts(section))
    if not section.has_variables:
        return section.value
    filled = expand(section, env, folder)
    whole.diagnostics.extend(filled.diagnostics)
    whole.secrets |= filled.secrets
    whole.files |= filled.files
    return filled.value


def _take_note(whole: Whole, problems: list[Diagnostic], files: set[Path]) -> None:
    """Add what was found in files that a section names; a place whose variable is not set has its problem already."""
    unfilled = {problem.path for problem in whole.diagnostics}
    whole.diagnostics.extend(problem for problem in problems if problem.path not in unfilled)
    whole.files |= files


def _find_files(whole: Whole, section: Section, value: Any, folder: Path) -> Any:
    found = find_tls_files(section, value, folder)
    _take_note(whole, found.diagnostics, found.files)
    whole.tls_digests = {**found.digests, **whole.tls_digests}
    return found.value


def _find_identity(whole: Whole, section: Section, value: Any, folder: Path) -> Any:
    found = find_identity_files(section, value, folder)
    _take_note(whole, found.diagnostics, found.files)
    whole.identity_files = {**found.contents, **whole.identity_files}
    return found.value


def _find_folder(whole: Whole, section: Section, value: Any, folder: Path) -> Any:
    if not isinstance(value, str) or not value:
        return value
    place = folder / value
    if place.exists() and not place.is_dir():
        message = f"`{value}` is a file, and state needs a folder"
        hint = "name a folder; it is made where there is none"
        problem = Diagnostic("not-a-folder", "error", message, section.position(()), hint, (), section.path)
        _take_note(whole, [problem], set())
    return str(place)


_FINDERS = {
    "upstreams": _find_files,
    "server": _find_files,
    "store": _find_files,
    "auth": _find_identity,
    "state": _find_folder,
}
"""Sections that name files or folders, and what looks for these."""


def _digest(section: Section, value: Any, filled: tuple[Steps, ...]) -> bytes:
    return section.digest if value is section.value else digest_of(section.key, value, filled)


def _add(whole: Whole, name: str, section: Section, value: Any, written: Any) -> None:
    """Put *value*, as *written*, into the section *name*: keys of mappings and items of lists go together."""
    before = whole.sections.get(name)
    whole.origins.add((name,), section)
    for key, within in _entries(value, before):
        whole.origins.add((name, key), section, (within,))
    whole.sections[name] = _together(before, value) if name in whole.sections else value
    whole.written[name] = _together(whole.written[name], written) if name in whole.written else written


def _together(before: Any, value: Any) -> Any:
    if isinstance(before, dict) and isinstance(value, dict):
        return {**before, **{key: inner for key, inner in value.items() if key not in before}}
    return [*before, *value] if isinstance(before, list) and isinstance(value, list) else before


def _entries(value: Any, before: Any) -> Iterator[tuple[str | int, str | int]]:
    """The keys of *value* in the merged section, each with its key where it is written."""
    if isinstance(value, dict):
        yield from ((key, key) for key in value)
    elif isinstance(value, list):
        first = len(before) if isinstance(before, list) else 0
        yield from ((first + index, index) for index in range(len(value)))
