"""Every expression and every URL is written in the language of templates."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at, written_path
from aggregator.config.hints.groups_meant import hint_for_part, hint_in_group
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding


def check_expressions(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield the templates that cannot be compiled; a URL that is a path alone is told which upstreams there are."""
    for problem in analysis.problems:
        hint = None
        if problem.code == "bad-url":
            hint = _with_upstream(problem.text, around.upstreams) or _as_group(problem.path, analysis, around)
        yield problem if hint is None else replace(problem, hint=hint)


def _as_group(path: Steps, analysis: Analysis, around: Surroundings) -> str | None:
    """Return how the group is taken in that stands at *path* for the URL of a call; None where none is meant."""
    steps, _ = written_path(analysis.written, path[len(analysis.path) :])
    place = (*analysis.path, *steps)
    if place[-1:] == path[-1:]:  # it is a call that has more than its URL
        return None
    found = value_at(analysis.written, steps)
    if place[0] == "groups" and len(place) == 3:
        return hint_in_group(found, around.groups)
    siblings = value_at(analysis.written, steps[:-1])
    if place[-2:-1] != ("fan_out",):
        return None
    return hint_for_part(str(place[-1]), found, siblings, around.groups, around.upstreams)


def _with_upstream(text: str, upstreams: tuple[str, ...]) -> str | None:
    """Return how *text*, a URL that could not be read, is written with one of *upstreams*; None where none is meant."""
    if text.startswith("/") and not text.startswith("//") and upstreams:
        return f"write the name of an upstream before it, as in `{upstreams[0]}:{text}`"
    named = next((name for name in upstreams if text.startswith((f"{name}/", f"{name}."))), None)
    return None if named is None else f"write `{named}:/{text[len(named) + 1 :]}`"
