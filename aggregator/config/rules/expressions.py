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
        is_path = problem.code == "bad-url" and problem.text.startswith("/") and not problem.text.startswith("//")
        if is_path and around.upstreams:
            first, path = around.upstreams[0], problem.text
            yield replace(problem, hint=f"write the name of an upstream before it, as in `{first}:{path}`")
        else:
            yield problem
