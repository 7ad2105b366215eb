"""What the answers of many endpoints carry can be sent, and reads what every request has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.scope import Inputs, Scope
from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.analysis.texts import Texts
from aggregator.config.model.edge.carried import CarriedSettings
from aggregator.config.rules.header_fields import check_answer_headers
from aggregator.config.rules.names import check_names
from aggregator.config.rules.text_bodies import check_text
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Elsewhere, Finding

_PREFIX = re.compile(r"/|(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+").fullmatch
PROBLEM_FIELDS = (
    "type", "title", "status", "detail", "request_id", "cause", "part", "upstream", "upstream_status", "parts",
    "errors",
)  # fmt: skip


def check_carried(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about headers that ``defaults`` and prefixes give to every answer."""
    yield from _check_carried(around.settings.defaults.response, ("defaults", "response"), around)
    for prefix, settings in around.settings.prefixes.items():
        path: Steps = ("prefixes", prefix)
        if not _PREFIX(prefix):
            hint = "write a path such as /v1, without parameters and without a slash at its end"
            yield Finding("bad-prefix", f"`{prefix}` is not a prefix of paths", path, hint, at_key=True)
        yield from _check_carried(settings.response, (*path, "response"), around)


def check_errors(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about error bodies that change nothing, or read what is not there."""
    seen: dict[str, Steps] = {}
    for index, row in enumerate(around.settings.server.errors):
        path: Steps = ("server", "errors", index)
        if row.on in seen:
            there = Elsewhere(seen[row.on], "first here", at_key=True)
            message = f"{row.on} has a row already"
            yield Finding("no-effect", message, path, "keep one of the two", at_key=True, related=(there,))
        elif not {"status", "body", "html"} & row.model_fields_set:
            message = f"nothing is said of {row.on}"
            yield Finding("no-effect", message, path, "write a `status`, a `body` or `html`", at_key=True)
        seen.setdefault(row.on, path)
        analysis = Analysis(path, None)
        scope = Scope(Inputs(has_body=False)).having(problem=PROBLEM_FIELDS)
        for key in ("body", "html"):
            Texts(analysis).value(getattr(row, key), (*path, key), scope)
        yield from analysis.problems
        yield from check_names(analysis, around)
        if row.html is not None:
            yield from check_text(row.html, (*path, "html"), {"content-type": "text/html"})


def _check_carried(settings: CarriedSettings, path: Steps, around: Surroundings) -> Iterator[Finding]:
    headers = settings.headers
    yield from check_answer_headers(headers, (*path, "headers"))
    analysis = Analysis((*path, "headers", *headers.below), None)
    Texts(analysis).value(headers.values, analysis.path, Scope(Inputs(has_auth=True)))
    yield from analysis.problems
    yield from check_names(analysis, around)
