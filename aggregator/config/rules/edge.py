"""What the answers of many endpoints carry can be sent, and reads what every request has."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.model.edge import CarriedSettings
from aggregator.config.rules.header_fields import check_answer_headers
from aggregator.config.rules.names import check_names
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding


def check_carried(around: Surroundings) -> Iterator[Finding]:
    """Headers that ``defaults`` give to every answer."""
    yield from _check_carried(around.settings.defaults.response, ("defaults", "response"), around)


def _check_carried(settings: CarriedSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    headers = settings.headers
    yield from check_answer_headers(headers, (*path, "headers"))
    analysis = Analysis((*path, "headers", *headers.below), None)
    Texts(analysis).value(headers.values, analysis.path, Scope(Inputs(has_auth=True)))
    yield from analysis.problems
    yield from check_names(analysis, around)
