"""What an endpoint declares of its requests can be checked: parameters that exist, schemas that are schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import Finding
from aggregator.config.hints.wording import sentence
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.http import FETCHING, is_token
from aggregator.schemas.body import compile_body
from aggregator.schemas.parameter import Location, compile_parameter
from aggregator.schemas.problems import InvalidSchema

_VALUES = ("default", "example", "examples", "enum", "const")
_EXAMPLES = {
    "type": "type: string",
    "enum": "enum: [name, age]",
    "minimum": "minimum: 1",
    "maximum": "maximum: 100",
    "minLength": "minLength: 1",
    "maxLength": "maxLength: 100",
    "minItems": "minItems: 1",
    "maxItems": "maxItems: 100",
    "pattern": "pattern: '^[a-z]+$'",
    "format": "format: email",
    "items": "items: {type: string}",
    "properties": "properties: {name: {type: string}}",
    "required": "required: [email]",
    "$ref": "$ref: '#/$defs/name'",
}


def check_inputs(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Declarations of parameters and bodies that are wrong."""
    settings = analysis.settings
    assert settings is not None
    yield from _check_path_names(analysis)
    yield from _check_parameters(analysis, settings.params, "params", "path")
    yield from _check_parameters(analysis, settings.query, "query", "query")
    yield from _check_parameters(analysis, settings.headers, "headers", "header")
    for name in settings.headers:
        if not is_token(name):
            message, path = f"`{name}` cannot be the name of a header", (*analysis.path, "headers", name)
            yield Finding("header-name", message, path, "use letters, digits and `-`", at_key=True)
    if settings.body is not None:
        yield from _check_body(analysis, settings.body)


def _check_path_names(analysis: Analysis) -> Iterator[Finding]:
    settings, pattern = analysis.settings, analysis.pattern
    if settings is None or pattern is None:
        return
    for name in settings.params:
        if name not in pattern.params:
            hint = did_you_mean(name, pattern.params) or _path_hint(name, pattern.params)
            message = f"the path has no parameter `{name}`"
            yield Finding("unknown-parameter", message, (*analysis.path, "params", name), hint, at_key=True)


def check_unused_parameters(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Path parameters that change nothing: most likely a call forgot them."""
    settings = analysis.settings
    if settings is None or settings.respond is not None:
        return
    reads = {reference for use in analysis.uses for reference in use.references}
    if reads & {("params",), ("request", "path"), ("request",)}:
        return
    names = {reference[0] for reference in reads} | {name for root, *rest in reads if root == "params" for name in rest}
    for name in analysis.inputs.params:
        if name not in names:
            message, hint = f"nothing reads the path parameter `{name}`", f"write `{{{name}}}` into the URL of a call"
            text = f"{{{name}}}"
            yield Finding("unused", message, analysis.path, hint, "warning", at_key=True, text=text)


def _path_hint(name: str, params: tuple[str, ...]) -> str:
    there = f"the path has {', '.join(params)}; " if params else ""
    return f"{there}write `{{{name}}}` into the path, or declare it under `query`"


def _check_parameters(
    analysis: Analysis, declared: dict[str, Any], section: str, location: Location
) -> Iterator[Finding]:
    for name, schema in declared.items():
        path = (*analysis.path, section, name)
        yield from _problems(path, compile_parameter, name, schema, location)


def _check_body(analysis: Analysis, schema: Any) -> Iterator[Finding]:
    path = (*analysis.path, "body")
    if analysis.method in FETCHING:
        message = f"a {analysis.method} request has no body"
        yield Finding("body-of-get", message, path, "declare `query` instead, or make the endpoint a POST", at_key=True)
    yield from _problems(path, compile_body, schema)


def _problems(path: Steps, compile_it: Callable[..., object], *declared: Any) -> Iterator[Finding]:
    try:
        compile_it(*declared)
    except InvalidSchema as error:
        for problem in error.problems:
            hint = problem.hint or _hint(problem.path)
            hint = f"write {hint}" if hint.startswith("one of ") else hint
            is_key = "no keyword" in problem.message or "` says nothing about" in problem.message
            yield Finding("bad-schema", sentence(problem.message), (*path, *problem.path), hint, at_key=is_key)


def _hint(path: Steps) -> str:
    """How the keyword is written that a problem at *path* of a schema is about."""
    keyword = next((str(step) for step in reversed(path) if step in _EXAMPLES or step in _VALUES), "")
    if keyword in _VALUES:
        return "change the value, or the rules beside it"
    return f"write it like `{_EXAMPLES.get(keyword, 'type: integer')}`"
