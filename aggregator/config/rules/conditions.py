"""A condition decides by what a value is; a parameter that nobody declared is a text, and most texts are true."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, Use
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import occurrences
from aggregator.config.variables.conditions import is_wanted_as_truth
from aggregator.diagnostics.finding import Finding

_CONDITIONS = ("when", "that")
_PARAMETER = re.compile(r"""\bquery(?:\.(\w+)|\[\s*['"]([^'"]+)['"]\s*\])(?![\w.\[(])""")


def check_conditions(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield a warning for each undeclared query parameter that decides by itself whether something happens."""
    for use in analysis.uses:
        if use.via is None and use.path[-1] in _CONDITIONS and not use.scope.is_open:
            yield from _check(use)


def _check(use: Use) -> Iterator[Finding]:
    for found in _PARAMETER.finditer(use.text):
        name = found[1] or found[2]
        is_known = name in (use.scope.inputs.query or ()) or ("query", name) not in use.references
        if not is_known and is_wanted_as_truth(use.text, *found.span()):
            message = f"`{name}` is a text that nobody declared: `false`, `no` and `0` are true"
            hint = f"declare it: `query: {{{name}: boolean}}`, or `string` where any text counts"
            occurrence = occurrences(use.text, found[0], found.start())
            yield Finding("text-as-condition", message, use.path, hint, "warning", text=found[0], occurrence=occurrence)
