"""A text that is sent has a syntax; what an expression puts into it must not be able to leave its place.

Such texts are bodies, and the operation of GraphQL that stands as ``query`` in a body or in the query of a URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import occurrences
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.templates import TemplateProblem, Text, compile_value, expressions_in

_LAST_FILTER: Final = re.compile(r"\|\s*(\w+)\s*(?:\([^()]*\))?\s*\Z")
_NUMERIC: Final = frozenset({"abs", "count", "float", "int", "length", "round", "sum", "timestamp"})


class _Syntax(Struct, frozen=True):
    """What a text is called, what makes a value safe in it, and what to write."""

    name: str
    safe: frozenset[str]
    hint: str


_MARKUP: Final = _Syntax("markup", _NUMERIC | {"xml_escape", "urlencode"}, "end it with `| xml_escape`")
_JSON: Final = _Syntax(
    "JSON", _NUMERIC | {"tojson"}, "end it with `| tojson`, without quotes around it, or say the body as `json`"
)
_JSON_ANSWER: Final = _Syntax(
    "JSON", _JSON.safe, "end it with `| tojson`, without quotes around it, or say the body as a mapping"
)
_FORM: Final = _Syntax("a form", _NUMERIC | {"urlencode"}, "end it with `| urlencode`, or say the body as `form`")
_GRAPHQL: Final = _Syntax(
    "an operation of GraphQL",
    _NUMERIC | {"tojson"},
    "name it there, such as `$id`, and write its value under `variables` beside it; `graphql` of a call has both",
)
_OPERATION: Final = re.compile(r"\s*(?:\{(?!\{)|(?:query|mutation|subscription|fragment)\b)")
_TYPES: Final = (
    (re.compile(r"[/+](?:xml|html)\b|^image/svg"), _MARKUP),
    (re.compile(r"[/+]json\b"), _JSON),
    (re.compile(r"x-www-form-urlencoded"), _FORM),
)
_LOOKS: Final = (
    (re.compile(r"\s*<[\w!?/]"), _MARKUP),
    (re.compile(r"""\s*(?:\{\s*"|\[\s*[{"\[])"""), _JSON),
    (re.compile(r"[\w.%+-]+=(?:\{\{.*?\}\}|[^\s&])*(?:&[\w.%+-]+=|\Z)"), _FORM),
)


def check_text_bodies(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about expressions in the text of markup, JSON, a form or GraphQL that nothing escapes."""
    for call in analysis.calls:
        if call.via is not None:
            continue
        if isinstance(call.settings.body, str):
            yield from check_text(call.settings.body, (*call.path, "body"), call.settings.headers)
        for key, fields in (
            ("json", call.settings.json_),
            ("form", call.settings.form),
            ("query", call.settings.query),
        ):
            text = fields.get("query") if isinstance(fields, Mapping) else None
            if isinstance(text, str) and _OPERATION.match(text):
                yield from _unescaped(text, (*call.path, key, "query"), _GRAPHQL, _GRAPHQL.hint)
    settings = analysis.settings
    for key, answer in (("respond", settings.respond), ("response", settings.response)) if settings is not None else ():
        if answer is not None and isinstance(answer.body, str) and _content_type(answer.headers.values):
            yield from check_text(answer.body, (*analysis.path, key, "body"), answer.headers.values)


def check_text(text: str, path: Steps, headers: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield findings about expressions in *text*, which is sent with *headers*, that nothing escapes."""
    syntax = _syntax_of(text, _content_type(headers))
    if syntax is not None:
        in_answer = syntax is _JSON and path[-2] in ("respond", "response")
        yield from _unescaped(text, path, syntax, _JSON_ANSWER.hint if in_answer else syntax.hint)


def _unescaped(text: str, path: Steps, syntax: _Syntax, hint: str) -> Iterator[Finding]:
    """Yield findings about expressions in *text*, which is of *syntax*, that end with none of its filters."""
    try:
        node = compile_value(text).node
    except TemplateProblem:
        return  # said elsewhere
    if not isinstance(node, Text):
        return  # a single expression makes the whole text, and answers for it
    unsafe = {one.source.strip() for one in node.expressions() if _last_filter(one.source) not in syntax.safe}
    for start, end in expressions_in(text):
        if text[start:end].strip() in unsafe:
            shown = text[start - 2 : end + 2]
            message = f"this is written into {syntax.name} as it is, and can add to it"
            found = occurrences(text, shown, start - 2)
            yield Finding("unescaped", message, path, hint, "warning", text=shown, occurrence=found)


def _content_type(headers: Mapping[str, Any]) -> str:
    return next((str(value).lower() for name, value in headers.items() if name.lower() == "content-type"), "")


def _syntax_of(text: str, content_type: str) -> _Syntax | None:
    """Return what *text* is, by its type if the file says a constant one, otherwise by how it begins."""
    if content_type and "{{" not in content_type:
        return next((syntax for pattern, syntax in _TYPES if pattern.search(content_type)), None)
    return next((syntax for pattern, syntax in _LOOKS if pattern.match(text)), None)


def _last_filter(source: str) -> str:
    found = _LAST_FILTER.search(source)
    return found[1] if found else ""
