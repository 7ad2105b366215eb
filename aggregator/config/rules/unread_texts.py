"""A text that is never evaluated must not look as if it were: ``{{`` is an error wherever nothing reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.hints.vocabulary import form_of, may_hold, text_kind
from aggregator.config.model.root import RootSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.fields import TextKind

_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
_HINT: Final = "write what it is, or take it from a variable: `${NAME}`"
_QUERY_HINT: Final = "name it in the query, such as `$id`, and write its value under `variables` of `graphql`"


def check_unread_texts(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield the texts of an endpoint that look like expressions and are none."""
    yield from _unread(analysis.written, analysis.path)


def check_unread_sections(around: Surroundings) -> Iterator[Finding]:
    """Yield those of everything but the endpoints; a group is checked with its calls."""
    for name, section in around.written.items():
        if name not in ("groups", "endpoints"):
            yield from _unread(section, (name,))


def _unread(written: Any, path: Steps) -> Iterator[Finding]:
    if isinstance(written, dict | list):
        for key, inner in written.items() if isinstance(written, dict) else enumerate(written):
            if isinstance(key, str) and "{{" in key and _is_unread(path, dict):
                yield Finding("bad-expression", "a key cannot hold an expression", (*path, key), _HINT, at_key=True)
            yield from _unread(inner, (*path, key))
    elif isinstance(written, str) and "{{" in written and "{{" in _REFERENCE.sub("", written) and _is_unread(path, str):
        hint = _QUERY_HINT if path[-2:] == ("graphql", "query") else _HINT
        yield Finding("bad-expression", "nothing evaluates an expression here", path, hint, text="{{")


def _is_unread(path: Steps, kind: type) -> bool:
    form = form_of(path)
    return text_kind(RootSettings, form) is TextKind.PLAIN and may_hold(RootSettings, form, kind)
