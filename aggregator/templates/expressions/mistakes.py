"""Hints for expressions that come from another language: other template engines, JavaScript, Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aggregator.diagnostics.suggestion import did_you_mean
from aggregator.templates.filters import FILTERS, TESTS

_ESCAPE: Final = "write `xml_escape` in markup, `tojson` in JSON, `urlencode` in a form"
_FILTERS: Final[Mapping[str, str]] = {
    "attr": "write `value.name` or `value['name']`",
    "b64": "write `b64encode`",
    "bool": "write `a if x else b`, or compare",
    "e": _ESCAPE,
    "escape": _ESCAPE,
    "filter": "write `select` or `selectattr`",
    "format": "write text around `{{ … }}`, or join with `~`",
    "from_json": "write `fromjson`",
    "json": "write `tojson`",
    "json_encode": "write `tojson`",
    "json_decode": "write `fromjson`",
    "groupby": "write `group_by('field')`",
    "len": "write `length`",
    "pprint": "write `tojson`",
    "safe": "leave it out: nothing is escaped unless a filter says so",
    "size": "write `length`",
    "str": "write `string`",
    "date": "write `datetime('%Y-%m-%d')`",
    "strftime": "write `datetime('%Y-%m-%d')`",
    "title": "write `capitalize`",
    "to_json": "write `tojson`",
    "xmlattr": "results are data, not markup",
}
_TESTS: Final[Mapping[str, str]] = {
    "iterable": "write `is array` or `is object`",
    "list": "write `is array`",
    "not": "write `is not …` with the name of a test",
    "number?": "write `is number`",
    "sequence": "write `is array`",
}
_FUNCTIONS: Final[Mapping[str, str]] = {
    "bool": "compare, or write `a if x else b`",
    "dict": "write `{'key': value}`",
    "len": "write `value | length`",
    "max": "write `[a, b] | max`",
    "min": "write `[a, b] | min`",
    "now": "write `now`, when the request began, as RFC 3339 text",
    "range": "there are no loops; `for_each` of a call goes through an array",
    "sorted": "write `value | sort`",
    "str": "write `value | string`",
}
_METHODS: Final[Mapping[str, str]] = {
    "endswith": "write `value is endswith(…)`",
    "format": "write text around `{{ … }}`, or join with `~`",
    "get": "write `value['key']`, or `value | get('key', default)`",
    "startswith": "write `value is startswith(…)`",
    "strip": "write `value | trim`",
}
_OPERATORS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), hint)
    for pattern, hint in (
        (r"\{\{", "`{{` is written once, around the whole expression"),
        (r"&&", "write `and`"),
        (r"\|\|", "write `or`"),
        (r"\?\?", "write `a or b`, or `a | default(b)`"),
        (r"\?\.", "write `a.b`: what is missing on the way gives nothing, no error"),
        (r"[=!]==", "write `==` or `!=`"),
        (r"=>|\blambda\b", "there are no functions; see `map` and `selectattr`"),
        (r"\?", "write `a if condition else b`"),
        (r"!(?!=)", "write `not`"),
        (r"\bfor\b", "there are no loops; see `map`, `select` and `for_each`"),
        (r"(?<![=!<>])=(?!=)", "write `==` to compare"),
        (r"\.\s*\[|\[\s*\*\s*\]|\.\*", "write `list | map(attribute='name')`"),
        (r"\$|@", "write names as they are, without a sign"),
        (r"`", "write text in single or double quotes"),
    )
)


def hint_for_filter(name: str) -> str:
    """What to write in the place of a filter that does not exist."""
    if name in TESTS:
        return f"write `is {name}`"
    return _FILTERS.get(name) or did_you_mean(name, FILTERS) or "the reference lists the filters"


def hint_for_test(name: str) -> str:
    """What to write in the place of a test that does not exist."""
    if name in FILTERS:
        return f"write `| {name}`"
    return _TESTS.get(name) or did_you_mean(name, TESTS) or "the reference lists the tests"


def hint_for_function(name: str) -> str:
    """What to write in the place of ``name(…)``."""
    known = f"write `value | {name}`" if name in FILTERS else "there are only filters: `value | name`"
    return _FUNCTIONS.get(name, known)


def hint_for_method(name: str) -> str:
    """What to write in the place of ``value.name(…)``."""
    known = f"write `value | {name}`" if name in FILTERS else "`value.name` reads a field; a filter is `value | name`"
    return _METHODS.get(name, known)


def hint_for_syntax(source: str) -> str | None:
    """What to write, when *source* holds an operator of another language outside its strings."""
    bare = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "''", source, flags=re.DOTALL)
    return next((hint for pattern, hint in _OPERATORS if pattern.search(bare)), None)
