"""Holds a merged configuration against the models and all rules; used by ``loading``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from pydantic import ValidationError

from aggregator.config.analysis.endpoints.declared import inputs_of
from aggregator.config.analysis.endpoints.inherited import auth_of
from aggregator.config.analysis.endpoints.key import read_key
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.walking import Walker
from aggregator.config.hints.split_keys import told_once
from aggregator.config.merging import Entry
from aggregator.config.model.auth import AuthSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.rules import CAREFUL_RULES, ENDPOINT_RULES, GROUP_RULES, LAST_RULES, ROOT_RULES
from aggregator.config.rules.plugins import transforms
from aggregator.config.text.values import Steps
from aggregator.config.validation.lost_names import lost_names
from aggregator.config.validation.salvage import salvage
from aggregator.config.validation.wording import findings_of
from aggregator.diagnostics.finding import Finding
from aggregator.templates import PathPattern


class Checked(Struct, frozen=True, eq=False):
    """What is known of one endpoint, or one group, at *path*: its findings, and what it shares with others.

    *fresh* holds the settings that were checked, for the first who asks: they are too large to be kept.
    """

    key: str
    findings: tuple[Finding, ...] = ()
    methods: tuple[str, ...] = ()
    pattern: PathPattern | None = None
    is_any: bool = False
    upstreams: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    plugins: frozenset[str] = frozenset()
    schemes: frozenset[str] = frozenset()
    operation_id: str | None = None
    fresh: list[EndpointSettings] = field(default_factory=list)
    path: Steps = ()
    host: str = ""

    def __repr__(self) -> str:
        return f"<Checked {self.key!r}>"


class CheckedRoot(Struct, frozen=True):
    """What is known of everything but the endpoints; *settings* is None when something in them is wrong."""

    settings: RootSettings | None
    around: Surroundings
    groups: tuple[Checked, ...] = ()
    findings: tuple[Finding, ...] = ()


def check_root(sections: Mapping[str, Any], written: Mapping[str, Any]) -> CheckedRoot:
    """Everything that is wrong with *sections*, the top level but for the endpoints, which say *written*."""
    findings: list[Finding] = []
    settings: RootSettings | None = None
    usable: RootSettings | None
    holes: frozenset[Steps] = frozenset()
    try:
        settings = usable = RootSettings.model_validate(sections)
    except ValidationError as error:
        findings += findings_of(error, RootSettings, (), written)
        usable, holes = salvage(RootSettings, {"version": 1, **sections}, error)
    around = Surroundings(
        usable or RootSettings.model_validate({"version": 1}),
        _names(sections.get("upstreams")),
        _names(sections.get("groups")),
        written,
        lost_names(holes, written),
        holes,
    )
    for rule in ROOT_RULES:
        findings += _told(rule(around), around)
    groups = tuple(_check_group(name, around) for name in around.settings.groups)
    for group in groups:
        findings += group.findings
    return CheckedRoot(settings, around, groups, tuple(findings))


def _told(findings: Iterator[Finding], around: Surroundings) -> Iterator[Finding]:
    """Yield *findings* without those that only follow from something that is wrong."""
    return (finding for finding in findings if not around.follows(finding))


def _names(section: Any) -> tuple[str, ...]:
    return tuple(map(str, section)) if isinstance(section, dict) else ()


def _check_group(name: str, around: Surroundings) -> Checked:
    written = around.written.get("groups", {})
    analysis = Analysis(("groups", name), written.get(name) if isinstance(written, dict) else None, lost=around.lost)
    Walker(analysis, around.settings.groups, around.settings.upstreams).group(around.calls_of(name))
    findings = tuple(finding for rule in GROUP_RULES for finding in _told(rule(analysis, around), around))
    return _with_uses(Checked(name, path=analysis.path), findings, analysis)


def check_endpoint(entry: Entry, around: Surroundings) -> Checked:
    """Everything that is wrong with one endpoint by itself, and what it uses."""
    path = entry.path
    key, findings = read_key(entry.written_key, path)
    checked = Checked(entry.key, path=path, host=entry.host)
    if key is None and not isinstance(entry.value, dict):  # it is no endpoint in any way
        return replace(checked, findings=tuple(findings))
    lost: frozenset[str] = frozenset() if key else frozenset(re.findall(r"\w+", entry.written_key))
    settings: EndpointSettings | None
    try:
        settings = EndpointSettings.model_validate(entry.value)
    except ValidationError as error:
        findings += findings_of(error, EndpointSettings, path, entry.written)
        findings = told_once(findings, entry.written_key, entry.written, path)
        settings, gone = salvage(EndpointSettings, entry.value, error)
        lost |= lost_names(gone, entry.written)
    methods, pattern = (key.methods, key.pattern) if key else ((), None)
    checked = replace(checked, methods=methods, pattern=pattern, is_any=key is not None and key.is_any)
    if settings is None:
        return replace(checked, findings=tuple(findings))
    auth = auth_of(settings, pattern.source if pattern else "", around.settings)
    params = pattern.params if pattern else ()
    inputs = inputs_of(settings, methods, params, has_auth=isinstance(auth, AuthSettings))
    analysis = Analysis(
        path, entry.written, settings, methods, pattern, inputs,
        lost=lost | around.lost, hides_names="use" in lost or (key is None and "path" in lost),
    )  # fmt: skip
    Walker(analysis, around.settings.groups, around.settings.upstreams).endpoint(settings)
    for rule in CAREFUL_RULES if lost else ENDPOINT_RULES:
        findings += _told(rule(analysis, around), around)
    if not around.lost and not any(finding.level == "error" for finding in findings):
        for rule in LAST_RULES:
            findings += rule(analysis, around)
    return _with_uses(checked, tuple(findings), analysis)


def _once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return *findings* with one for each key without an effect, however many rules say so: the most severe."""
    keys: dict[Steps, Finding] = {}
    for finding in findings:
        if finding.code == "no-effect" and finding.at_key:
            first = keys.setdefault(finding.path, finding)
            if first.level != "error" and finding.level == "error":
                keys[finding.path] = finding
    return tuple(one for one in findings if one.code != "no-effect" or not one.at_key or keys[one.path] is one)


def _with_uses(checked: Checked, findings: tuple[Finding, ...], analysis: Analysis) -> Checked:
    settings = analysis.settings
    whole = replace(
        checked,
        findings=_once(findings),
        upstreams=frozenset(call.url.upstream for call in analysis.calls if call.url and call.url.upstream),
        groups=frozenset(name for fan in analysis.fans for name in fan.groups),
        plugins=frozenset(reference.partition(":")[0] for _, reference in transforms(analysis)),
        schemes=frozenset() if settings is None else frozenset(settings.schemes),
        operation_id=None if settings is None else settings.operation_id,
        fresh=[] if settings is None else [settings],
    )
    analysis.dissolve()
    return whole
