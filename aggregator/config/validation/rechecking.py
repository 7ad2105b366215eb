"""Checks a configuration again and again; of what stands unchanged it keeps the findings of the last time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from aggregator.config.analysis.endpoints.answered import answered_methods
from aggregator.config.digests import SectionDigests
from aggregator.config.merging import Entry, Whole
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.operation_ids import declared_ids
from aggregator.config.rules.maintenance import check_maintenance
from aggregator.config.rules.routes import check_routes
from aggregator.config.rules.usage import check_operation_ids, check_usage
from aggregator.config.validation.checking import Checked, CheckedRoot, check_endpoint, check_root
from aggregator.diagnostics.finding import Finding


class Verdict(Struct, frozen=True):
    """What was found: *settings* of the root, None when they are wrong; *around* is a digest for each endpoint.

    *fresh* are the settings of each endpoint that has just been checked, *operation_ids* what it declares of the
    operation of each method with which requests come to it.
    """

    settings: RootSettings | None
    findings: list[Finding]
    around: list[bytes]
    fresh: list[list[EndpointSettings]]
    operation_ids: list[dict[str, str | None]]


class _Kept(Struct, frozen=True):
    """An endpoint without errors as it was checked, and digests of itself and of what it rests on."""

    itself: bytes
    around: bytes
    checked: Checked


class _Routes(Struct, frozen=True):
    """The endpoints with *keys* beside each other, and the methods with which requests come to each."""

    keys: tuple[str, ...]
    findings: list[Finding]
    methods: list[tuple[str, ...]]


class Rechecker:
    """The checks of one file that is loaded many times."""

    def __init__(self) -> None:
        self._root: tuple[bytes, CheckedRoot] | None = None
        self._endpoints: dict[str, _Kept] = {}
        self._routes: _Routes | None = None

    def check(self, whole: Whole) -> Verdict:
        """Everything that is wrong with *whole*."""
        digests = SectionDigests(whole.sections, whole.written, whole.tls_digests)
        root = self._check_root(whole, digests)
        kept = {entry.key: self._check_endpoint(entry, root, digests) for entry in whole.endpoints}
        if root.settings is not None:  # what was checked beside damaged sections is not worth keeping
            self._endpoints = {key: one for key, one in kept.items() if not _is_wrong(one.checked.findings)}
        checked = [kept[entry.key].checked for entry in whole.endpoints]
        findings = [*root.findings, *_beside_groups(checked, root.groups)]
        routes = self._check_routes(checked)
        findings += routes.findings
        ids = [
            declared_ids(methods, _path(one), one.operation_id)
            for one, methods in zip(checked, routes.methods, strict=True)
        ]
        findings += check_operation_ids(checked, ids)
        if not _is_wrong(findings):
            findings += check_usage([*checked, *root.groups], root.around)
            findings += check_maintenance((one.key for one in checked), root.around)
        around = [kept[entry.key].around for entry in whole.endpoints]
        return Verdict(root.settings, findings, around, [one.fresh for one in checked], ids)

    def _check_root(self, whole: Whole, digests: SectionDigests) -> CheckedRoot:
        if self._root is None or self._root[0] != digests.whole:
            self._root = (digests.whole, check_root(whole.sections, whole.written))
        return self._root[1]

    def _check_endpoint(self, entry: Entry, root: CheckedRoot, digests: SectionDigests) -> _Kept:
        kept = self._endpoints.get(entry.key)
        if kept is not None and kept.itself == entry.digest and kept.around == _around(kept.checked, digests):
            return kept
        checked = check_endpoint(entry, root.around)
        return _Kept(entry.digest, _around(checked, digests), checked)

    def _check_routes(self, checked: list[Checked]) -> _Routes:
        keys = tuple(one.key for one in checked)
        if self._routes is None or self._routes.keys != keys:
            self._routes = _Routes(keys, list(check_routes(checked)), answered_methods(checked))
        return self._routes


def _beside_groups(checked: Sequence[Checked], groups: Sequence[Checked]) -> Iterator[Finding]:
    """Yield the findings of the endpoints *checked*, without those that are told of *groups* already."""
    told = {(finding.code, finding.path, finding.message) for group in groups for finding in group.findings}
    for finding in (finding for one in checked for finding in one.findings):
        message = finding.message.partition(": ")[2]  # behind the name of the group
        if not any((finding.code, there.path, message) in told for there in finding.related):
            yield finding


def _path(checked: Checked) -> str:
    return checked.pattern.source if checked.pattern is not None else ""


def _around(checked: Checked, digests: SectionDigests) -> bytes:
    return digests.around(checked.upstreams, checked.groups)


def _is_wrong(findings: list[Finding] | tuple[Finding, ...]) -> bool:
    return any(finding.level == "error" for finding in findings)
