"""Every expression and every URL is written in the language of templates."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Finding


def check_expressions(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield the templates that cannot be compiled; a URL that is a path alone is told which upstreams there are."""
    for problem in analysis.problems:
        hint = _with_upstream(problem.text, around.upstreams) if problem.code == "bad-url" else None
        yield problem if hint is None else replace(problem, hint=hint)


def _with_upstream(text: str, upstreams: tuple[str, ...]) -> str | None:
    """Return how *text*, a URL that could not be read, is written with one of *upstreams*; None where none is meant."""
    if text.startswith("/") and not text.startswith("//") and upstreams:
        return f"write the name of an upstream before it, as in `{upstreams[0]}:{text}`"
    named = next((name for name in upstreams if text.startswith((f"{name}/", f"{name}."))), None)
    return None if named is None else f"write `{named}:/{text[len(named) + 1 :]}`"
