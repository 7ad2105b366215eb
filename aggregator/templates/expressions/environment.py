"""The Jinja sandbox: data only, no globals, no calls, our filters and tests, bounded operators.

Imports Jinja; only `expression` and `syntax` import this module, and only for what is no plain path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from aggregator.errors import AggregatorError, ExpressionError, References
from aggregator.templates.expressions.bounds import BINARY, BUDGET, MAX_WORK, check_length, negate, work_of
from aggregator.templates.expressions.data import MISSING, kind_of, step
from aggregator.templates.expressions.known import AllKnown, known_value
from aggregator.templates.filters import FILTERS, TESTS
from aggregator.templates.filters.wants import want_array, want_number
from aggregator.templates.text import text_of

_RESULT: Final = "__result__"

# Filters that `syntax` puts in the place of syntax; the file cannot write these names.
ARRAY, CHAIN, CONCAT, NOTHING, OBJECT, SLICE = " array", " chain", " concat", " nothing", " object", " slice"

COMPARISONS: Final = {
    "eq": "eq", "ne": "ne", "lt": "lt", "lteq": "le", "gt": "gt", "gteq": "ge", "in": "in", "notin": "in",
}  # fmt: skip
"""The tests that operators stand for, by their names in Jinja."""


class DataEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox in which ``a.b`` and ``a['b']`` are steps into JSON data and nothing can be called."""

    intercepted_binops = frozenset(BINARY)
    intercepted_unops = frozenset({"-", "+"})

    def __init__(self) -> None:
        super().__init__(optimized=False)
        self.globals.clear()
        self.filters = {name: doc.function for name, doc in FILTERS.items()} | _SYNTAX
        self.tests = {name: doc.function for name, doc in TESTS.items()}

    getattr = staticmethod(step)  # type: ignore[assignment]
    """``obj.attribute``: a field of the data."""

    getitem = staticmethod(step)  # type: ignore[assignment]
    """``obj[argument]``: a field or an element of the data."""

    def call(self, *_: Any, **__: Any) -> NoReturn:
        """Never: `syntax` refuses calls at load, and this is the second lock."""
        raise SecurityError("nothing can be called")

    def is_safe_callable(self, _: Any) -> bool:
        """False for everything."""
        return False

    def call_binop(self, _: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator of arithmetic, bounded."""
        return BINARY[operator](left, right)

    def call_unop(self, _: Context, operator: str, arg: Any) -> Any:
        """``-`` or ``+`` in front of a number."""
        return negate(arg) if operator == "-" else want_number(arg, "+")

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        return TokenStream(self._tokens(source, state), name, filename)

    def _tokens(self, source: str, state: str | None) -> Iterator[Token]:
        """The tokens of *source*, their offset in the place of a line number: errors and nodes keep it."""

        def placed() -> Iterator[tuple[int, str, str]]:
            offset = 0
            for _, kind, text in self.lexer.tokeniter(source, None, None, state):
                yield offset, kind, text
                offset += len(text)

        return self.lexer.wrap(placed(), None, None)


@lru_cache(maxsize=1)
def environment() -> DataEnvironment:
    """The one sandbox; it holds no data, so every expression shares it."""
    return DataEnvironment()


def compile_checked(node: nodes.Expr, references: References, source: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function from a context to the result of *node*, a checked tree of *source* that reads *references*."""
    roots = sorted({reference[0] for reference in references})
    assign = nodes.Assign(nodes.Name(_RESULT, "store", lineno=1), node, lineno=1)
    tree = nodes.Template([assign], lineno=1)
    tree.set_environment(environment())
    run: Callable[[Any], Iterator[str]] = environment().from_string(tree).root_render_func

    def evaluate(context: Mapping[str, Any]) -> Any:
        known: AllKnown | None = getattr(context, "known", None)
        if known and (one := known.get(source)) is not None:
            return known_value(one)
        values: dict[str, Any] = {}
        for root in roots:  # a comprehension is a call more
            values[root] = context.get(root, MISSING)
        frame = _Frame(values)
        BUDGET.left, BUDGET.names = MAX_WORK, context
        try:
            next(run(frame), None)  # it yields no text: the result is an assignment
        except ExpressionError as error:
            error.reading(references)
            raise
        except AggregatorError:
            raise
        except Exception as error:
            raise ExpressionError(explain(error)).reading(references) from error
        finally:
            BUDGET.names = None
        return frame.vars[_RESULT]

    return evaluate


class _Frame:
    """The part of a Jinja context that an assignment uses; building a real one takes longer than it runs."""

    __slots__ = ("resolve_or_missing", "vars")

    def __init__(self, values: dict[str, Any]) -> None:
        self.resolve_or_missing = values.__getitem__
        self.vars: dict[str, Any] = {}


def explain(error: Exception) -> str:
    """The border: what an operator reads of a foreign exception, whose own text may quote data."""
    return next((text for kind, text in _EXPLAINED if isinstance(error, kind)), "an expression failed")


_EXPLAINED: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TypeError, "an expression compares or combines values of kinds that do not go together"),
    (ZeroDivisionError, "an expression divides by zero"),
    (OverflowError, "a number is too large"),
    (RecursionError, "data is nested too deeply for an expression"),
    (TemplateError, "an expression tries what the sandbox forbids"),
)


def _array(_: Any, *items: Any) -> list[Any]:
    return [None if item is MISSING else item for item in items]


def _object(_: Any, *pairs: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str | int | float):
            raise ExpressionError(f"the key of an object is a string, not {kind_of(key)}")
        made[text_of(key)] = None if value is MISSING else value
    return made


def _chain(value: Any, *links: Any) -> bool:
    """Return whether *value* compares with what follows, and that with what follows it: ``a < b < c``.

    *links* are the operator and the value of each.
    """
    for sign, other in zip(links[::2], links[1::2], strict=True):
        if bool(TESTS[COMPARISONS[sign]].function(value, other)) is (sign == "notin"):
            return False
        value = other
    return True


def _concat(*parts: Any) -> str:
    BUDGET.spend(sum(map(work_of, parts)))
    written = [text_of(part) for part in parts]
    check_length(sum(map(len, written)))
    return "".join(written)


def _slice(value: Any, *bounds: Any) -> Any:
    if value is MISSING or value is None:
        return MISSING
    if not all(bound is None or type(bound) is int for bound in bounds) or bounds[2] == 0:
        raise ExpressionError("a slice goes from integer to integer")
    items = value if isinstance(value, str) else want_array(value, "[:]")
    return items[slice(*bounds)]


def _nothing(_: Any) -> Any:
    return MISSING


_SYNTAX: Final[dict[str, Callable[..., Any]]] = {
    ARRAY: _array,
    CHAIN: _chain,
    CONCAT: _concat,
    NOTHING: _nothing,
    OBJECT: _object,
    SLICE: _slice,
}
