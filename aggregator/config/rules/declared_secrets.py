"""A key that callers have to send is no part of a declaration: a declaration is what everybody may read."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.variables.declared_values import filled_places
from aggregator.diagnostics.finding import Finding

_JUDGING = frozenset({"enum", "const", "pattern"})
"""Keywords that let in who knows a value."""


def check_declared_secrets(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield a warning for each variable among the values that a declaration allows."""
    for place in filled_places(analysis.written):
        if _JUDGING.intersection(map(str, place[1 if place[0] == "body" else 2 :])):
            message = "what a variable holds is shown to nobody, so that clients cannot know what is allowed here"
            hint = "admit callers by `auth` (a scheme with `api_key`), or write the allowed values into the file"
            yield Finding("variable-in-schema", message, (*analysis.path, *place), hint, "warning")
