"""What the last reload has changed: by the names of what is served, and by the lines of the files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from operator import ne
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from aggregator.plan.types import EndpointPlan, Plan
from aggregator.server.changes.lines import lines_between, veil, veil_report
from aggregator.server.generations.reload import ReloadOutcome

MOST_LINES, LONGEST_LINE = 1000, 300
"""Lines of all files together that are told of one change, and characters of a line."""
_SECTIONS = {
    "server": "server", "client": "client", "background": "background", "plugins": "plugins", "schemes": "auth",
    "maintenance": "maintenance", "metrics": "telemetry.metrics", "traces": "telemetry.traces",
    "recorder": "telemetry.recorder", "state": "state", "store": "store",
}  # fmt: skip
"""Members of a plan, and the keys of the file that they are made from."""
_T = TypeVar("_T")


class Names(Struct, frozen=True):
    """The names that were added, removed, and changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Change(Struct, frozen=True):
    """The differences between two plans, and the texts of the files of both by name; *at* is Unix time."""

    endpoints: Names
    upstreams: Names
    settings: tuple[str, ...]
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    at: float = field(default_factory=time.time)

    @classmethod
    def between(cls, old: Plan, new: Plan, before: Mapping[str, str], after: Mapping[str, str]) -> Change:
        """Return what differs between *old* and *new*, of which *before* and *after* are the texts."""
        return cls(
            _names({one.key: one for one in old.declared}, {one.key: one for one in new.declared}, _is_other),
            _names({one.name: one for one in old.upstreams}, {one.name: one for one in new.upstreams}),
            tuple(key for name, key in _SECTIONS.items() if getattr(old, name) != getattr(new, name)),
            before, after, old.secrets | new.secrets | old.written_secrets | new.written_secrets,
        )  # fmt: skip

    def files(self) -> tuple[list[dict[str, Any]], int]:
        """Return the lines that differ by file, without secrets, and how many were left out."""
        masked, found, room, left = veil(self.secrets), [], MOST_LINES, 0
        for name in dict.fromkeys((*self.before, *self.after)):
            lines = list(lines_between(self.before.get(name, ""), self.after.get(name, "")))
            if lines:
                found.append({"file": name, "lines": [masked(line)[:LONGEST_LINE] for line in lines[:room]]})
            left += max(0, len(lines) - room)
            room = max(0, room - len(lines))
        return found, left


class Changes:
    """The last change of what is served; *texts* are those of the files that it was served from at first."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self._last: tuple[int, int, Change] | None = None

    def served(self, change: Change, before: int, generation: int) -> None:
        """Record that *generation* has replaced the one numbered *before*."""
        self.texts = change.after
        self._last = (before, generation, change)

    def shown(self, refusal: ReloadOutcome | None, secrets: frozenset[str]) -> dict[str, Any]:
        """Return the last change, and *refusal* with the frames of its problems, as data without *secrets*."""
        refused = None if refusal is None else _refused(refusal, veil_report(secrets))
        if self._last is None:
            return {"before": None, "refused": refused}
        before, generation, change = self._last
        files, left = change.files()
        return {
            "before": before, "generation": generation, "at": round(change.at, 3), "endpoints": change.endpoints,
            "upstreams": change.upstreams, "settings": change.settings, "files": files, "left_out": left,
            "refused": refused,
        }  # fmt: skip


def _refused(refusal: ReloadOutcome, masked: Callable[[str], str]) -> dict[str, Any]:
    told = refusal.as_dict()
    return {"at": told["at"], "summary": masked(refusal.summary), "text": masked(refusal.shown or refusal.report)}


def _is_other(one: EndpointPlan, other: EndpointPlan) -> bool:
    """Return whether two endpoints differ in more than what they were made from."""
    return replace(one, digest=other.digest) != other


def _names(old: Mapping[str, _T], new: Mapping[str, _T], is_other: Callable[[_T, _T], bool] = ne) -> Names:
    changed = (name for name, one in new.items() if name in old and old[name] is not one and is_other(old[name], one))
    return Names(
        tuple(name for name in new if name not in old), tuple(name for name in old if name not in new), tuple(changed)
    )
