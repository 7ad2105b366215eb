"""From the path of routes.yaml to a checked :class:`Config`, or to every problem that it has, at once.

The command line loads once; the server keeps a :class:`Loader`, which checks again only what changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aggregator.config.document import ParseCache
from aggregator.config.findings import Finding
from aggregator.config.including import Tree, read_tree
from aggregator.config.merging import Entry, Whole, digest_of, merge
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.validation import findings_of
from aggregator.diagnostics import Diagnostic, Source, in_reading_order
from aggregator.errors import ConfigError


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """One endpoint; *digest* changes with everything that its answers depend on, whatever file it stands in."""

    key: str
    digest: bytes
    value: Any = field(repr=False, compare=False)

    @property
    def settings(self) -> EndpointSettings:
        """Its settings, made anew each time: five thousand models would only lie around."""
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


class Loader:
    """Loads one file again and again; what did not change is neither parsed nor checked again.

    *files* and *folders* are what the last attempt read or looked for, *sources* the texts it saw.
    """

    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._env = env
        self._parsed = ParseCache()
        self.files: tuple[Path, ...] = (path,)
        self.folders: tuple[Path, ...] = ()
        self.sources: dict[str, Source] = {}

    def load(self) -> Config:
        """The configuration as it stands in the files now; raises ``ConfigError`` with every problem."""
        tree = read_tree(self._path, cache=self._parsed)
        whole = merge(tree, os.environ if self._env is None else self._env)
        self.sources = tree.sources
        self.files = (*tree.files, *sorted(whole.files - set(tree.files)))
        self.folders = tree.folders
        return self._check(tree, whole)

    def _check(self, tree: Tree, whole: Whole) -> Config:
        problems = [*tree.diagnostics, *whole.diagnostics]
        findings: list[Finding] = []
        try:
            settings = RootSettings.model_validate(whole.sections)
        except ValidationError as error:
            findings += findings_of(error, ())
        for entry in whole.endpoints:
            try:
                EndpointSettings.model_validate(entry.value)
            except ValidationError as error:
                findings += findings_of(error, ("endpoints", entry.key))
        problems += [whole.origins.place(finding) for finding in findings]
        if any(problem.level == "error" for problem in problems):
            raise ConfigError(in_reading_order(problems, tree.sources), tree.sources)
        around = digest_of(whole.sections)
        endpoints = tuple(_endpoint(entry, around) for entry in whole.endpoints)
        return Config(
            settings,
            endpoints,
            _digest(around, endpoints),
            tuple(in_reading_order(problems, tree.sources)),
            frozenset(whole.secrets),
            self.files,
            self.folders,
            tree.sources,
        )


def load_config(path: Path | str, env: Mapping[str, str] | None = None) -> Config:
    """The configuration in *path*; raises ``ConfigError`` with every problem. *env* stands for the environment."""
    return Loader(Path(path), env).load()


def _endpoint(entry: Entry, around: bytes) -> EndpointConfig:
    return EndpointConfig(entry.key, digest_of(entry.digest, around), entry.value)


def _digest(around: bytes, endpoints: Iterable[EndpointConfig]) -> str:
    return digest_of(around, [endpoint.digest for endpoint in endpoints]).hex()
