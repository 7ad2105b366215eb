"""What an endpoint declares of its requests can be checked: parameters that exist, schemas that are schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.findings import value_at
from aggregator.config.hints.twins import Told, told
from aggregator.config.hints.wording import sentence
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Finding
from aggregator.http import is_token
from aggregator.schemas.body import compile_body
from aggregator.schemas.parameter import Location, compile_parameter
from aggregator.schemas.problems import InvalidSchema, SchemaProblem

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

_NOT_SENT = (
    "this declares what clients send, as in `x-page: integer`; what a call sends stands in its own `headers`, what the "
    "answer has in `response.headers`"
)


def check_inputs(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about declarations of parameters and bodies that are wrong."""
    settings = analysis.settings
    assert settings is not None
    yield from _check_path_names(analysis)
    yield from _check_parameters(analysis, settings.params, "params", "path")
    yield from _check_parameters(analysis, settings.query, "query", "query")
    yield from _check_parameters(analysis, settings.headers, "headers", "header")
    yield from _check_parameters(analysis, settings.cookies, "cookies", "cookie")
    for section, kind in (("headers", "header"), ("cookies", "cookie")):
        for name in getattr(settings, section):
            if not is_token(name):
                message, path = f"`{name}` cannot be the name of a {kind}", (*analysis.path, section, name)
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
    """Yield findings about path parameters that change nothing: most likely a call forgot them."""
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
        written = value_at(analysis.written, (section, name))
        yield from _problems(path, partial(_compile_parameter, name, location), schema, written)


def _compile_parameter(name: str, location: Location, declared: Any) -> object:
    return compile_parameter(name, declared, location)


def _check_body(analysis: Analysis, schema: Any) -> Iterator[Finding]:
    path = (*analysis.path, "body")
    if analysis.only_fetches:
        message = f"a {analysis.methods[0]} request has no body"
        yield Finding("body-of-get", message, path, "declare `query` instead, or make the endpoint a POST", at_key=True)
    yield from _problems(path, compile_body, schema, value_at(analysis.written, ("body",)))


def _problems(path: Steps, compile_it: Callable[[Any], object], declared: Any, written: Any) -> Iterator[Finding]:
    """Yield what *compile_it* says of *declared*; nothing is shown of what variables in it, as *written*, hold."""
    for problem in _judged(compile_it, declared):
        message, hint = told(_judge_of(compile_it, problem.path), declared, written) or (problem.message, problem.hint)
        hint = hint or _hint(problem.path)
        if hint.startswith("one of ") and path[-2] == "headers" and isinstance(declared, str):
            hint = _NOT_SENT
        hint = f"write {hint}" if hint.startswith("one of ") else hint
        is_key = "no keyword" in message or "` says nothing about" in message
        yield Finding("bad-schema", sentence(message), (*path, *problem.path), hint, at_key=is_key)


def _judged(compile_it: Callable[[Any], object], declared: Any) -> tuple[SchemaProblem, ...]:
    try:
        compile_it(declared)
    except InvalidSchema as error:
        return tuple(error.problems)
    return ()


def _judge_of(compile_it: Callable[[Any], object], path: Steps) -> Callable[[Any], Told | None]:
    """Return what tells the first problem at *path* of a declaration."""

    def judge(declared: Any) -> Told | None:
        problems = _judged(compile_it, declared)
        return next(((one.message, one.hint) for one in problems if tuple(one.path) == tuple(path)), None)

    return judge


def _hint(path: Steps) -> str:
    """Return a hint how to write the keyword that a problem at *path* of a schema is about."""
    keyword = next((str(step) for step in reversed(path) if step in _EXAMPLES or step in _VALUES), "")
    if keyword in _VALUES:
        return "change the value, or the rules beside it"
    return f"write it like `{_EXAMPLES.get(keyword, 'type: integer')}`"
