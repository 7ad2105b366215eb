"""The syntax of expressions: Jinja's parser, with offsets for positions and problems for errors."""

from __future__ import annotations

import re

from jinja2 import TemplateSyntaxError, nodes
from jinja2.parser import Parser

from aggregator.templates.expressions import mistakes
from aggregator.templates.expressions.checker import check, path_of
from aggregator.templates.expressions.environment import environment
from aggregator.templates.expressions.paths import Path
from aggregator.templates.problem import TemplateProblem

_TOKENS = {"name": "a name", "string": "a text", "integer": "a number", "float": "a number"}


def parse_checked(source: str) -> tuple[nodes.Expr, Path | None, frozenset[tuple[str, ...]]]:
    """The tree of *source*, the path if it is nothing else, and the paths that it reads.

    Raises `TemplateProblem`.
    """
    node = _parse(source)
    path = path_of(node)
    checked, references = check(node, source)
    return checked, path, references


def _parse(source: str) -> nodes.Expr:
    try:
        parser = Parser(environment(), source, state="variable")
        node = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("this does not belong to the expression")
    except TemplateSyntaxError as error:
        raise _syntax_problem(source, error) from None
    except ValueError:
        raise TemplateProblem("a number in the expression is too long", 0, len(source)) from None
    return node


def _syntax_problem(source: str, error: TemplateSyntaxError) -> TemplateProblem:
    message, offset = str(error.message), error.lineno
    if char := re.match(r"unexpected char (.+) at (\d+)$", message):
        message, offset = f"unexpected {char[1]}", int(char[2])
    elif token := re.match(r"expected token '(.+)', got '(.+)'$", message):
        message = f"{_in_words(token[1])} is expected here, not {_in_words(token[2])}"
    if re.search(r"end of (template|print statement)", message):
        message, offset = "the expression is not finished", len(source) - 1
    word = re.compile(r"\w+|'[^']*'|\"[^\"]*\"|.", re.DOTALL).match(source, offset)
    return TemplateProblem(message, offset, len(word[0]) if word else 1, mistakes.hint_for_syntax(source))


def _in_words(token: str) -> str:
    return _TOKENS.get(token, f"`{token}`")
