"""What an endpoint can refer to: the rest of the configuration, as far as it could be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from aggregator.config.model.calls.call import CallSettings
from aggregator.config.model.root import RootSettings
from aggregator.config.model.upstreams.upstream import UpstreamSettings


class Surroundings(Struct, frozen=True):
    """*settings* of the root, without what is wrong in them; *upstreams* and *groups* are all declared names.

    *written* are the sections as the files say them, *lost* the names that stand in what is wrong.
    """

    settings: RootSettings
    upstreams: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()

    def upstream(self, name: str | None) -> UpstreamSettings | None:
        """The settings of the upstream *name*, if they could be read."""
        return self.settings.upstreams.get(name) if name else None

    def calls_of(self, group: str) -> Mapping[str, CallSettings]:
        """The calls of *group* that could be read."""
        return self.settings.groups.get(group, {})
