"""Expressions: ``order.total > 100`` compiled once at load, evaluated on data, without side effects.

A path, a constant or a comparison of two of them is a closure; all else is Jinja, imported only when it is met.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from aggregator.errors import ExpressionError, References
from aggregator.templates.expressions.known import AllKnown, known_value
from aggregator.templates.expressions.paths import Path, parse_path, read_path
from aggregator.templates.problem import TemplateProblem

Evaluate: TypeAlias = Callable[[Mapping[str, Any]], Any]

_LONGEST: Final = 8192
_WORDS: Final[dict[str, Any]] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "none": None, "None": None,
}  # fmt: skip
_TEXT: Final = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_COMPARISON: Final = re.compile(r"(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+)")
_TESTS: Final = {"==": "eq", "!=": "ne", "<=": "le", ">=": "ge", "<": "lt", ">": "gt"}


class Expression:
    """One compiled expression; equal to another when the sources are.

    *references* are the paths that it reads, root first, as far as they are known at load, an index as
    its digits; *roots* their first parts. *path* is set when the expression is nothing but a path.
    ``evaluate(context)`` gives JSON data or `MISSING`; it looks up the *roots* in *context*,
    and nothing else, and raises `ExpressionError` for data that the expression cannot use. What it
    gives may be shared: nobody changes it. What the context has as ``known`` is not evaluated again.
    """

    __slots__ = ("evaluate", "is_constant", "path", "references", "roots", "source")

    def __init__(self, source: str, references: References, evaluate: Evaluate, path: Path | None = None) -> None:
        self.source = source
        self.references = references
        self.roots = frozenset(reference[0] for reference in references)
        self.path = path
        self.is_constant = not references
        self.evaluate: Evaluate = evaluate

    def truth(self, context: Mapping[str, Any]) -> bool:
        """Whether the result counts as true: not false, null, missing, zero or empty."""
        return bool(self.evaluate(context))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"


def compile_expression(source: str) -> Expression:
    """Compile what stands between ``{{`` and ``}}``. Raises `TemplateProblem`."""
    stripped = source.strip()
    if not stripped:
        raise TemplateProblem("the expression is empty", 0, len(source), "write a name, such as `order.id`")
    if len(stripped) > _LONGEST:
        raise TemplateProblem(f"an expression is at most {_LONGEST} characters long", 0, len(source))
    try:
        return _compile(stripped)
    except TemplateProblem as problem:
        raise problem.at(source.index(stripped)) from None


@lru_cache(maxsize=4096)  # many endpoints say the same
def _compile(source: str) -> Expression:
    return _simple(source) or _comparison(source) or _compile_with_jinja(source)


def _simple(source: str) -> Expression | None:
    """A path or a constant."""
    path = parse_path(source)
    if path is not None:
        return _path_expression(source, path)
    if source in _WORDS:
        return _constant_expression(source, _WORDS[source])
    if text := _TEXT.fullmatch(source):
        return _constant_expression(source, text[1] if text[1] is not None else text[2])
    if _INTEGER.fullmatch(source):
        return _constant_expression(source, int(source))
    return None


def _comparison(source: str) -> Expression | None:
    """Two simple expressions with an operator between them, tested as Jinja would test them."""
    match = _COMPARISON.fullmatch(source)
    sides = [_simple(side) for side in match.group(1, 3)] if match else []
    if not match or sides[0] is None or sides[1] is None:
        return None
    references = sides[0].references | sides[1].references
    if not references:
        return None
    from aggregator.templates.filters import TESTS

    left, right, test = sides[0].evaluate, sides[1].evaluate, TESTS[_TESTS[match[2]]].function

    def evaluate(context: Mapping[str, Any]) -> Any:
        known: AllKnown | None = getattr(context, "known", None)
        if known and (one := known.get(source)) is not None:
            return known_value(one)
        try:
            return test(left(context), right(context))
        except ExpressionError as error:
            error.reading(references)
            raise
        except Exception as error:
            from aggregator.templates.expressions.environment import explain

            raise ExpressionError(explain(error)).reading(references) from error

    return Expression(source, references, evaluate)


def _path_expression(source: str, path: Path) -> Expression:
    return Expression(source, frozenset({tuple(map(str, path))}), read_path(path), path)


def _constant_expression(source: str, value: Any) -> Expression:
    return Expression(source, frozenset(), lambda _: value)


def _compile_with_jinja(source: str) -> Expression:
    from aggregator.templates.expressions.environment import compile_checked
    from aggregator.templates.expressions.syntax import parse_checked

    try:
        node, path, references = parse_checked(source)
        if path is not None:
            return _path_expression(source, path)
        evaluate = compile_checked(node, references, source)
    except (RecursionError, MemoryError, SyntaxError):  # of Jinja's parser and of Python's, in that order
        raise TemplateProblem("the expression is nested too deeply", 0, len(source)) from None
    if references:
        return Expression(source, references, evaluate)
    try:
        return _constant_expression(source, evaluate({}))
    except ExpressionError as error:
        raise TemplateProblem(str(error), 0, len(source)) from None
