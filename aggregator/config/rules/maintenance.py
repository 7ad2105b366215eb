"""Times of maintenance are for endpoints that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding


def check_maintenance(keys: Iterable[str], around: Surroundings) -> Iterator[Finding]:
    """Yield findings about patterns that match none of the *keys* of endpoints."""
    known = tuple(dict.fromkeys(keys))
    for number, one in enumerate(around.settings.maintenance):
        for place, pattern in enumerate(one.endpoints):
            if not any(fnmatchcase(key, pattern) for key in known):
                path = ("maintenance", number, "endpoints", place)
                hint = did_you_mean(pattern, known) or "write the key of an endpoint; `*` in it stands for anything"
                yield Finding("unknown-endpoint", f"there is no endpoint `{pattern}`", path, hint)
