"""JMESPath queries, compiled once; the package is imported with the first of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aggregator.diagnostics import did_you_mean
from aggregator.errors import ExpressionError
from aggregator.shaping.problems import ShapeProblem


def compile_jmespath(text: str) -> Callable[[Any], Any]:
    """Return the function that runs the query *text*; a field that is not there gives null.

    Raises ``ShapeProblem`` with the offset for a query that cannot be read; the function raises
    ``ExpressionError`` for data that a function of the query cannot use.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError, LexerError, ParseError

    try:
        query = jmespath.compile(text)
    except (ParseError, LexerError) as error:
        raise ShapeProblem("This is not a JMESPath query.", _offset(text, error)) from None
    except (JMESPathError, RecursionError):
        raise ShapeProblem("This is not a JMESPath query.") from None
    _check_functions(text, query.parsed)

    def run(value: Any) -> Any:
        try:
            return query.search(value)
        except (JMESPathError, ValueError, TypeError, ArithmeticError, RecursionError):
            raise ExpressionError("The query cannot be used on this data.") from None

    return run


def _check_functions(text: str, node: Any) -> None:
    """Raise ``ShapeProblem`` for a function that JMESPath lacks, or a wrong number of arguments."""
    from jmespath.functions import Functions

    pending = [node]
    while pending:
        node = pending.pop()
        if not isinstance(node, dict):  # a bound of a slice is a number, or nothing
            continue
        children = node["children"]
        pending += children
        if node["type"] != "function_expression":
            continue
        name = node["value"]
        known = Functions.FUNCTION_TABLE.get(name)
        position = max(0, text.find(f"{name}("))
        if known is None:
            hint = did_you_mean(name, Functions.FUNCTION_TABLE) or "see jmespath.org for those that there are"
            raise ShapeProblem(f"JMESPath has no function `{name}`; {hint}", position)
        signature = known["signature"]
        variadic = signature[-1].get("variadic", False)  # every function takes something
        if len(children) < len(signature) or (len(children) > len(signature) and not variadic):
            raise ShapeProblem(f"`{name}` takes {len(signature)} argument(s), not {len(children)}.", position)


def _offset(text: str, error: Any) -> int:
    """Return where *error* is in *text*: parser and lexer call it by different names."""
    position: int = error.lex_position if hasattr(error, "lex_position") else error.lexer_position
    return min(position, len(text))
