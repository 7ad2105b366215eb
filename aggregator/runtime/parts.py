"""Parts beyond a plain call: alternatives, races, nested groups, conditions and defaults."""

from __future__ import annotations

from aggregator.runtime.alternatives import Fallback, Race
from aggregator.runtime.groups import Group
from aggregator.runtime.guarding import Guarded

__all__ = ["Fallback", "Group", "Guarded", "Race"]
