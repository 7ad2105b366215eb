"""From the path of routes.yaml to a checked :class:`Config`, or to every problem that it has, at once.

The command line loads once; the server keeps a :class:`Loader`, which checks again only what changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aggregator.config.checking import Checked, CheckedRoot, check_endpoint, check_root
from aggregator.config.document import ParseCache
from aggregator.config.findings import Finding
from aggregator.config.including import Tree, read_tree
from aggregator.config.merging import Entry, Whole, digest_of, merge
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.rules.routes import check_routes
from aggregator.config.rules.usage import check_operation_ids, check_usage
from aggregator.diagnostics import Diagnostic, Source, in_reading_order
from aggregator.errors import ConfigError

_FOR_ALL = ("defaults", "client", "server", "background", "plugins")
"""Sections that every endpoint depends on; of upstreams and groups it depends on those that it names."""


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """One endpoint; *digest* changes with everything that its answers depend on, whatever file it stands in."""

    key: str
    digest: bytes
    value: Any = field(repr=False, compare=False)

    @property
    def settings(self) -> EndpointSettings:
        """Its settings, made anew each time: models of thousands of endpoints would only lie around."""
        return EndpointSettings.model_validate(self.value)


@dataclass(frozen=True)
class Config:
    """A configuration without errors.

    *settings* is everything but the endpoints, merged over all files; *files* and *folders* are to be
    watched; *sources* are the texts by display name, for rendering *warnings*.
    """

    settings: RootSettings
    endpoints: tuple[EndpointConfig, ...]
    digest: str
    warnings: tuple[Diagnostic, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Kept:
    """An endpoint without errors as it was checked, and a digest of what that rested on."""

    entry: bytes
    around: bytes
    checked: Checked


class Loader:
    """Loads one file again and again; what did not change is neither parsed nor checked again.

    *files* and *folders* are what the last attempt read or looked for, *sources* the texts it saw: they are
    there whether it went well or not.
    """

    def __init__(self, path: Path | str, env: Mapping[str, str] | None = None) -> None:
        self._path = Path(path)
        self._env = env
        self._parsed = ParseCache()
        self._kept: dict[str, _Kept] = {}
        self._root: tuple[bytes, CheckedRoot] | None = None
        self.files: tuple[Path, ...] = (self._path,)
        self.folders: tuple[Path, ...] = ()
        self.sources: Mapping[str, Source] = {}

    def load(self) -> Config:
        """The configuration as it stands in the files now; raises ``ConfigError`` with every problem."""
        tree = read_tree(self._path, cache=self._parsed)
        whole = merge(tree, os.environ if self._env is None else self._env)
        self.files = (*tree.files, *sorted(whole.files.difference(tree.files)))
        self.folders, self.sources = tree.folders, tree.sources
        problems = [*tree.diagnostics, *whole.diagnostics]
        if not _is_complete(tree):
            raise ConfigError(problems, tree.sources)
        root = self._check_root(whole)
        digests = _Digests(whole.sections)
        checked = [self._check_endpoint(entry, root, digests) for entry in whole.endpoints]
        findings = _without_echoes([*root.findings, *_all_findings(checked, root)], whole.diagnostics)
        problems += [whole.origins.place(finding, whole.secrets) for finding in findings]
        problems = in_reading_order(problems, tree.sources)
        if root.settings is None or any(problem.level == "error" for problem in problems):
            raise ConfigError(problems, tree.sources)
        endpoints = tuple(_endpoint(*pair, digests) for pair in zip(whole.endpoints, checked, strict=True))
        return Config(
            settings=root.settings,
            endpoints=endpoints,
            digest=digests.of_all(endpoints),
            warnings=tuple(problems),
            secrets=frozenset(whole.secrets),
            files=self.files,
            folders=self.folders,
            sources=tree.sources,
        )

    def _check_root(self, whole: Whole) -> CheckedRoot:
        digest = digest_of(whole.sections, whole.written)
        if self._root is None or self._root[0] != digest:
            self._root = (digest, check_root(whole.sections, whole.written))
        return self._root[1]

    def _check_endpoint(self, entry: Entry, root: CheckedRoot, digests: _Digests) -> Checked:
        kept = self._kept.get(entry.key)
        if kept and kept.entry == entry.digest and kept.around == digests.around(kept.checked):
            return kept.checked
        checked = check_endpoint(entry, root.around)
        if any(finding.level == "error" for finding in checked.findings):
            self._kept.pop(entry.key, None)
        else:
            self._kept[entry.key] = _Kept(entry.digest, digests.around(checked), checked)
        return checked


class _Digests:
    """Digests of the sections, and of the single upstreams and groups in them."""

    def __init__(self, sections: Mapping[str, Any]) -> None:
        self._all = digest_of(*(sections.get(name) for name in sections))
        self._for_all = digest_of(*(sections.get(name) for name in _FOR_ALL))
        self._upstreams = _by_name(sections.get("upstreams"))
        self._groups = _by_name(sections.get("groups"))

    def around(self, checked: Checked) -> bytes:
        """What *checked* rests on beyond its own words."""
        upstreams = [(name, self._upstreams.get(name)) for name in sorted(checked.upstreams)]
        groups = [(name, self._groups.get(name)) for name in sorted(checked.groups)]
        return digest_of(self._for_all, upstreams, groups)

    def of_all(self, endpoints: tuple[EndpointConfig, ...]) -> str:
        """The digest of a whole configuration."""
        return digest_of(self._all, [endpoint.digest for endpoint in endpoints]).hex()


def _by_name(section: Any) -> dict[str, bytes]:
    return {name: digest_of(value) for name, value in section.items()} if isinstance(section, dict) else {}


def load_config(path: Path | str, env: Mapping[str, str] | None = None) -> Config:
    """The configuration in *path*; raises ``ConfigError`` with every problem. *env* stands for the environment."""
    return Loader(path, env).load()


def _endpoint(entry: Entry, checked: Checked, digests: _Digests) -> EndpointConfig:
    return EndpointConfig(entry.key, digest_of(entry.digest, digests.around(checked)), entry.value)


def _is_complete(tree: Tree) -> bool:
    """Whether every file could be read; what one of them declares would be missed everywhere."""
    return len(tree.documents) == len(tree.sources) > 0 and not any(
        problem.path[:1] == ("include",) for problem in tree.diagnostics
    )


def _all_findings(checked: list[Checked], root: CheckedRoot) -> Iterator[Finding]:
    for one in checked:
        yield from one.findings
    yield from check_routes(checked, root.around)
    yield from check_operation_ids(checked, root.around)
    found = [*root.findings, *(finding for one in checked for finding in one.findings)]
    if not any(finding.level == "error" for finding in found):
        yield from check_usage([*checked, *root.groups], root.around)


def _without_echoes(findings: list[Finding], before: list[Diagnostic]) -> list[Finding]:
    """*findings* without those about values that could not even be filled in."""
    unfilled = {problem.path for problem in before}
    return [finding for finding in findings if finding.path not in unfilled] if unfilled else findings
