"""From the path of routes.yaml to a checked :class:`Config`, or to every problem that it has, at once.

The command line loads once; the server keeps a :class:`Loader`, which checks again only what changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from aggregator.config.digests import digest_of
from aggregator.config.merging import Entry, Whole, merge
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.operation_ids import operation_ids
from aggregator.config.sifting import is_a_date, is_complete, may_stand_elsewhere, said_once, without_echoes
from aggregator.config.text.document import ParseCache
from aggregator.config.text.including import read_tree
from aggregator.config.text.values import Steps
from aggregator.config.text.yaml_text import read_file, source_of
from aggregator.config.validation.rechecking import Rechecker, Verdict
from aggregator.config.variables.shown_urls import shown_urls
from aggregator.diagnostics import Diagnostic, Source, in_reading_order
from aggregator.errors import ConfigError


class OperationConfig(Struct, frozen=True):
    """One *method* of an endpoint, under the operationId that it has in the OpenAPI document."""

    method: str
    operation_id: str


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """One endpoint, of a virtual *host* or (empty) of all others.

    *digest* changes with everything that its answers depend on, whatever file it stands in.

    *operations* are the methods with which requests come to it, each with an operationId of its own. *filled* are the
    places of declarations that hold values of variables, *background* the URLs of background calls without what
    variables hold.
    """

    key: str
    digest: bytes
    operations: tuple[OperationConfig, ...]
    value: Any = field(repr=False, compare=False)
    fresh: list[EndpointSettings] = field(default_factory=list, repr=False, compare=False)
    filled: tuple[Steps, ...] = field(default=(), repr=False)
    background: tuple[str, ...] = field(default=(), repr=False)
    host: str = ""

    @property
    def path(self) -> str:
        """The path that it answers at."""
        return self.key.split(None, 1)[1].strip().removeprefix(self.host)

    @property
    def settings(self) -> EndpointSettings:
        """The settings of the endpoint, made anew each time to save the memory of thousands of models."""
        return EndpointSettings.model_validate(self.value)

    def take_settings(self) -> EndpointSettings:
        """Return its settings to whoever needs them once: those that have been checked, if they are still there."""
        return self.fresh.pop() if self.fresh else self.settings


@dataclass(frozen=True)
class Config:
    """A configuration without errors.

    *settings* is everything but the endpoints, merged over all files; *tls_digests* are, by upstream, of what its
    files of TLS hold; *files* and *folders* are to be watched; *sources* are the texts by display name, for rendering
    *warnings*.
    """

    settings: RootSettings
    endpoints: tuple[EndpointConfig, ...]
    digest: str
    warnings: tuple[Diagnostic, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    written_secrets: frozenset[str] = field(default=frozenset(), repr=False)
    tls_digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    identity_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Stand:
    """What a good load depended on besides the texts of its files: their places, by display name, and variables."""

    paths: Mapping[str, Path]
    env: Mapping[str, str] = field(repr=False)


class Loader:
    """Loads one file again and again; what did not change is neither parsed nor checked again.

    Messages call the file *name*, or *path* as given.

    *files* and *folders* are what the last attempt read or looked for, *sources* the texts it saw: they are
    there whether it went well or not.
    """

    def __init__(self, path: Path | str, env: Mapping[str, str] | None = None, name: str | None = None) -> None:
        self._path = Path(path)
        self._name = name
        self._env = env
        self._parsed = ParseCache()
        self._checks = Rechecker()
        self.files: tuple[Path, ...] = (self._path,)
        self.folders: tuple[Path, ...] = ()
        self.sources: Mapping[str, Source] = {}
        self._stood: _Stand | None = None

    def stands(self) -> bool:
        """Whether the last load went well and would give the same now; False also when only a load can tell.

        That is so when patterns look for files, or values are read from files.
        """
        stood = self._stood
        if stood is None or stood.env != self._variables():
            return False
        try:
            return all(source_of(read_file(path), name) == self.sources[name] for name, path in stood.paths.items())
        except OSError:
            return False

    def _variables(self) -> Mapping[str, str]:
        return dict(os.environ if self._env is None else self._env)

    def load(self) -> Config:
        """The configuration as it stands in the files now; raises ``ConfigError`` with every problem."""
        self._stood, env = None, self._variables()
        tree = read_tree(self._path, cache=self._parsed, name=self._name)
        whole = merge(tree, env)
        self.files = (*tree.files, *sorted(whole.files.difference(tree.files)))
        self.folders, self.sources = tree.folders, {**whole.sources, **tree.sources}
        problems = [problem for problem in (*tree.diagnostics, *whole.diagnostics) if not is_a_date(problem)]
        if not tree.documents:
            raise ConfigError(in_reading_order(problems, self.sources), self.sources)
        verdict = self._checks.check(whole)
        findings = without_echoes(verdict.findings, tree.diagnostics, whole.diagnostics)
        if not is_complete(tree):
            findings = [one for one in findings if not may_stand_elsewhere(one)]
        problems += [whole.origins.place(finding, whole.secrets) for finding in findings]
        problems = in_reading_order(said_once(problems), self.sources)
        if verdict.settings is None or any(problem.level == "error" for problem in problems):
            raise ConfigError(problems, self.sources, whole.written_secrets.union(whole.secrets))
        if set(self.files) == set(tree.paths.values()) and all(source.text for source in tree.sources.values()):
            self._stood = None if tree.folders else _Stand(tree.paths, env)
        return self._config(verdict.settings, verdict, whole, tuple(problems))

    def _config(
        self, settings: RootSettings, verdict: Verdict, whole: Whole, warnings: tuple[Diagnostic, ...]
    ) -> Config:
        operations = _operations(whole.endpoints, verdict.operation_ids)
        endpoints = tuple(
            EndpointConfig(
                entry.key,
                digest_of(entry.digest, around, own),
                own,
                entry.value,
                fresh,
                entry.filled,
                shown_urls(entry.written),
                entry.host,
            )
            for entry, around, fresh, own in zip(
                whole.endpoints, verdict.around, verdict.fresh, operations, strict=True
            )
        )
        return Config(
            settings=settings,
            endpoints=endpoints,
            digest=digest_of(
                list(whole.sections.items()),
                [endpoint.digest for endpoint in endpoints],
                sorted(whole.tls_digests.items()),
                sorted((path, digest_of(content)) for path, content in whole.identity_files.items()),
            ).hex(),
            warnings=warnings,
            secrets=frozenset(whole.secrets),
            written_secrets=whole.written_secrets,
            tls_digests=whole.tls_digests,
            identity_files=whole.identity_files,
            files=self.files,
            folders=self.folders,
            sources=self.sources,
        )


def load_config(path: Path | str, env: Mapping[str, str] | None = None) -> Config:
    """The configuration in *path*; raises ``ConfigError`` with every problem. *env* stands for the environment."""
    return Loader(path, env).load()


def _operations(
    entries: Sequence[Entry], declared: Sequence[Mapping[str, str | None]]
) -> list[tuple[OperationConfig, ...]]:
    """Return the operations of each of *entries*, which have *declared* some operationIds; each host has its own."""
    said: dict[str, dict[str, str | None]] = {}
    for entry, names in zip(entries, declared, strict=True):
        said.setdefault(entry.host, {}).update(names)
    ids = {host: operation_ids(names) for host, names in said.items()}
    return [
        tuple(OperationConfig(name.partition(" ")[0], ids[entry.host][name]) for name in names)
        for entry, names in zip(entries, declared, strict=True)
    ]
