"""What an endpoint can refer to: the rest of the configuration, as far as it could be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding


class Surroundings(Struct, frozen=True):
    """*settings* of the root, without what is wrong in them; *upstreams* and *groups* are all declared names.

    *written* are the sections as the files say them, *lost* the names that stand in what is wrong, and *holes* its
    places.
    """

    settings: RootSettings
    upstreams: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    holes: frozenset[Steps] = frozenset()

    def upstream(self, name: str | None) -> UpstreamSettings | None:
        """The settings of the upstream *name*, if they could be read."""
        return self.settings.upstreams.get(name) if name else None

    def calls_of(self, group: str) -> Mapping[str, CallSettings]:
        """The calls of *group* that could be read."""
        return self.settings.groups.get(group, {})

    def follows(self, finding: Finding) -> bool:
        """Return whether *finding* misses only what is written, and wrong."""
        return any(_is_of(hole, place) for place in finding.lacks for hole in self.holes)


def _is_of(hole: Steps, place: Steps) -> bool:
    """Return whether *hole* is *place* or around it, or a key of another spelling that may be meant for one of them."""
    depth = len(hole) - 1
    if hole == place[: depth + 1]:
        return True
    is_beside = 0 <= depth < len(place) and hole[:depth] == place[:depth]
    return is_beside and did_you_mean(str(hole[depth]), (str(place[depth]),)) is not None
