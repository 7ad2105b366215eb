"""Every expression and every URL is written in the language of templates."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Finding


def check_expressions(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Templates that cannot be compiled."""
    yield from analysis.problems
