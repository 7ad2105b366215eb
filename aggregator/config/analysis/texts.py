"""Compiles the texts of an endpoint, each once, and notes what it reads, in which scope, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aggregator.config.analysis.scope import INPUT_NAMES, Scope
from aggregator.config.analysis.sites import Analysis, Reference, Use
from aggregator.config.findings import occurrences, value_at
from aggregator.config.hints.twins import Told, told
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.templates import (
    Const,
    Expr,
    ListNode,
    MapNode,
    Node,
    TemplateProblem,
    Text,
    UrlTemplate,
    compile_url,
    compile_value,
    is_one_expression,
)

References = frozenset[Reference]
_NONE: References = frozenset()


class Texts:
    """Adds to *analysis*; with *via*, for texts of a group that an endpoint takes in there, problems are left out.

    What is wrong with a group by itself is said once, where the group is checked.
    """

    def __init__(self, analysis: Analysis, via: Steps | None = None) -> None:
        self.analysis, self.via = analysis, via

    def value(self, value: Any, path: Steps, scope: Scope) -> References:
        """Return what *value*, any value with expressions in its texts, reads."""
        if not value or isinstance(value, int | float):
            return _NONE
        node = compile_value(
            value, lambda problem: self._problem(problem, value, path, "bad-expression", compile_value)
        ).node
        found = _NONE
        for below, references in _leaves(node, ()):
            self._use(path + below, _text_at(value, below), references, scope)
            found |= references
        if self.via is None:
            self.analysis.problems += _single_braces(value, path, scope, self.analysis)
        return found

    def shared(self, values: Mapping[Any, Any], path: Steps, scope: Scope) -> None:
        """Note what *values*, which several calls share, read for one of them; what is wrong with them is said once."""
        for name, value in values.items():
            if isinstance(value, str) and "{{" in value:
                self.value(value, (*path, name), scope)

    def through(self, place: Steps) -> Texts:
        """Return the same for texts that are written elsewhere and taken in at *place*."""
        return Texts(self.analysis, self.via or place)

    def condition(self, text: str | None, path: Steps, scope: Scope, hint: str = "") -> References:
        """Return what *text*, which must be one expression, reads; *hint* is for one that holds none."""
        if text is None:
            return _NONE
        try:
            node = _condition(text, hint)
        except TemplateProblem as problem:
            self._problem(problem, text, path, "bad-expression", lambda other: _condition(other, hint))
            return _NONE
        references = node.expression.references if isinstance(node, Expr) else _NONE
        self._use(path, text, references, scope)
        return references

    def url(self, text: str, path: Steps, scope: Scope) -> UrlTemplate | None:
        """*text* as the URL of a call, or None when it is none."""
        try:
            url = compile_url(text)
        except TemplateProblem as problem:
            self._problem(problem, text, path, "bad-url", compile_url)
            return None
        if url.references:
            self._use(path, text, url.references, scope, is_url=True)
        return url

    def _use(self, path: Steps, text: str, references: References, scope: Scope, *, is_url: bool = False) -> None:
        if references:
            self.analysis.uses.append(Use(path, text, references, scope, is_url, self.via))

    def _problem(
        self,
        problem: TemplateProblem,
        value: Any,
        path: Steps,
        code: str,
        compile_it: Callable[[str], object],
    ) -> None:
        """Report *problem*, which *compile_it* has with *value* or a text in it."""
        if self.via is not None:
            return
        if not problem.key:
            written = value_at(self.analysis.written, (*path, *problem.path)[len(self.analysis.path) :])
            said = told(_judged(compile_it), _text_at(value, problem.path), written)
            if said is not None:
                problem = TemplateProblem(said[0], problem.offset, problem.length, said[1], path=problem.path)
        self.analysis.problems.append(finding_of(problem, value, path, code))


def _judged(compile_it: Callable[[str], object]) -> Callable[[str], Told | None]:
    def judge(text: str) -> Told | None:
        try:
            compile_it(text)
        except TemplateProblem as problem:
            return problem.message, problem.hint
        return None

    return judge


def _condition(text: str, hint: str) -> Node:
    """Return *text* compiled as one expression; raises `TemplateProblem`."""
    node = compile_value(text).node
    if not isinstance(node, Expr) and not (isinstance(node, Const) and is_one_expression(text)):
        way = hint if hint and "{{" not in text else _in_braces(text)
        raise TemplateProblem("this has to be one expression", 0, len(text), way)
    return node


def finding_of(problem: TemplateProblem, value: Any, path: Steps, code: str) -> Finding:
    """*problem*, met in *value* at *path*, pointing at the characters that it is about."""
    source = str(problem.path[-1]) if problem.key else _text_at(value, problem.path)
    text = source[problem.offset : problem.offset + problem.length]
    occurrence = occurrences(source, text, problem.offset)
    place = path + problem.path
    if problem.key:
        return Finding(code, problem.message, place, problem.hint or "move it into the value", at_key=True)
    hint = problem.hint or _AS_WRITTEN[code]
    return Finding(code, problem.message, place, hint, text=text, occurrence=occurrence)


def _leaves(node: Node, path: Steps) -> Iterator[tuple[Steps, References]]:
    """The texts in *node* that read something."""
    if isinstance(node, MapNode):
        for key, inner in node.entries:
            yield from _leaves(inner, (*path, key))
    elif isinstance(node, ListNode):
        for index, inner in enumerate(node.items):
            yield from _leaves(inner, (*path, index))
    elif isinstance(node, Expr | Text):
        yield path, frozenset().union(*(expression.references for expression in node.expressions()))


def _single_braces(value: Any, path: Steps, scope: Scope, analysis: Analysis) -> Iterator[Finding]:
    """Yield warnings about texts in *value* such as ``{user_id}``, which mean something in a URL only.

    What a variable holds is not looked at, nor is a text that has expressions.
    """
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _single_braces(inner, (*path, key), scope, analysis)
    elif isinstance(value, str) and "{" in value and "{{" not in value:
        written = value_at(analysis.written, path[len(analysis.path) :])
        for found in _IN_A_URL.finditer(written) if isinstance(written, str) else ():
            root = found[2].partition(".")[0]
            if root in scope.names and (root != found[2] or root not in INPUT_NAMES):
                message = f"`{found[1]}` is text here: single braces are for URLs"
                hint = f"write `{{{{ {found[2]} }}}}`, or `{{{{ '{found[1]}' }}}}` for the text"
                yield Finding("single-braces", message, path, hint, "warning", text=found[1])


def _text_at(value: Any, path: Steps) -> str:
    for step in path:
        value = value[step]
    return str(value)


def _in_braces(text: str) -> str:
    if "{{" in text:
        return "leave out what stands around `{{ … }}`"
    return f'write `"{{{{ {text} }}}}"`' if text.strip() and "{" not in text else "write it as `{{ … }}`"


_IN_A_URL = re.compile(r"(?<![$\w])(\{ *([A-Za-z_][\w.-]*) *\})")
_AS_WRITTEN = {
    "bad-expression": "write it like `{{ order.total * 2 }}` or `{{ order.lines[0].name }}`",
    "bad-url": "write it like `users:/users/{user_id}?page={query.page}`",
}
