"""Times of maintenance, and the endpoints that they are for."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from aggregator.config.model.root import RootSettings
from aggregator.policies.switches.calendar import hours_of
from aggregator.policies.switches.plan import MaintenancePlan


def compile_maintenance(root: RootSettings, keys: Iterable[str]) -> tuple[MaintenancePlan, ...]:
    """Return when which of the endpoints with these *keys* are out of service."""
    known = tuple(dict.fromkeys(keys))
    found = []
    for said in root.maintenance:
        hours = hours_of(said.every)
        assert hours is not None
        meant = tuple(key for key in known if any(fnmatchcase(key, pattern) for pattern in said.endpoints))
        found.append(MaintenancePlan(meant, hours, said.every, said.zone, said.status, said.detail))
    return tuple(found)
