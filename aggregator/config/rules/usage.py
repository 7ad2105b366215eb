"""Declarations that nobody uses, and names that have to be unique."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from aggregator.config.analysis.endpoints.answered import Addressed
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.auth import AuthSettings
from aggregator.config.model.root import RootSettings
from aggregator.diagnostics.finding import Elsewhere, Finding
from aggregator.edge.prefixes import is_below


class Usage(Addressed, Protocol):
    """What one endpoint, or one group, uses of the rest."""

    @property
    def upstreams(self) -> frozenset[str]:
        """Names of upstreams."""
        ...

    @property
    def groups(self) -> frozenset[str]:
        """Names of groups."""
        ...

    @property
    def schemes(self) -> frozenset[str]:
        """Names of schemes of callers."""
        ...

    @property
    def plugins(self) -> frozenset[str]:
        """Names of modules."""
        ...


def check_usage(used: Sequence[Usage], around: Surroundings) -> Iterator[Finding]:
    """Yield findings about upstreams, groups and plug-ins that nobody uses."""
    upstreams = frozenset[str]().union(*(one.upstreams for one in used))
    upstreams |= {scheme.external.upstream for scheme in around.settings.auth.values() if scheme.external is not None}
    groups = frozenset[str]().union(*(one.groups for one in used))
    plugins = frozenset[str]().union(*(one.plugins for one in used))
    for name in around.upstreams:
        if name not in upstreams:
            yield _unused(f"nothing calls the upstream `{name}`", ("upstreams", name))
    named = _outer_schemes(around.settings).union(*(one.schemes for one in used))
    for name in around.settings.auth:
        if name not in named:
            yield _unused(f"no endpoint asks for the scheme `{name}`", ("auth", name))
    for name in around.groups:
        if name not in groups:
            yield _unused(f"no endpoint uses the group `{name}`", ("groups", name))
    paths = [one.pattern.source for one in used if one.pattern is not None]
    for prefix in around.settings.prefixes:
        if not any(is_below(path, prefix) for path in paths):
            yield _unused(f"no endpoint is below `{prefix}`", ("prefixes", prefix))
    for index, name in enumerate(around.settings.plugins):
        if name not in plugins:
            yield _unused(f"no `transform` uses the plug-in `{name}`", ("plugins", index))


def _outer_schemes(root: RootSettings) -> frozenset[str]:
    """Return the schemes that endpoints inherit, and those that readers of the documentation are asked for."""
    inherited = (root.defaults.endpoint, *root.prefixes.values())
    docs = root.server.docs.auth if root.server.docs else None
    read = docs.schemes if isinstance(docs, AuthSettings) else ()
    return frozenset((*read, *(name for one in inherited for name in one.schemes)))


def _unused(message: str, path: tuple[str | int, ...]) -> Finding:
    return Finding("unused", message, path, "use it, or remove it", "warning", at_key=True)


def check_operation_ids(used: Sequence[Usage], ids: Sequence[Mapping[str, str | None]]) -> Iterator[Finding]:
    """Yield findings about ``operation_id`` given twice within one host: generated clients name their methods by it.

    *ids* are, for each of *used*, those that it declares for its operations.
    """
    seen: dict[tuple[str, str], Usage] = {}
    for one, declared in zip(used, ids, strict=True):
        for name in declared.values():
            if name is not None and (first := seen.setdefault((one.host, name), one)) is not one:
                there = Elsewhere((*first.path, "operation_id"), "first here")
                message = f"`{name}` is the operation_id of `{first.key}` too"
                path = (*one.path, "operation_id")
                yield Finding("duplicate-operation-id", message, path, "choose another one", related=(there,))
