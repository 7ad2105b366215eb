"""An allow-list over the tree of an expression: what is left can run in the sandbox, its reads are known."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import reduce
from typing import Any, Final, NoReturn

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from aggregator.templates.expressions import mistakes
from aggregator.templates.expressions.environment import ARRAY, CHAIN, COMPARISONS, CONCAT, NOTHING, OBJECT, SLICE
from aggregator.templates.expressions.paths import Path, is_name
from aggregator.templates.filters import (
    FILTERS,
    FILTERS_TO_MAP,
    NAMES_A_FILTER,
    NAMES_A_TEST,
    TESTS,
    FilterDoc,
)
from aggregator.templates.filters.patterns import LONGEST, is_pattern
from aggregator.templates.problem import TemplateProblem

_ALLOWED: Final = (
    nodes.Add, nodes.And, nodes.Compare, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Mul, nodes.Neg,
    nodes.Not, nodes.Operand, nodes.Or, nodes.Pos, nodes.Pow,
)  # fmt: skip


def check(node: nodes.Expr, source: str) -> tuple[nodes.Expr, frozenset[tuple[str, ...]]]:
    """The tree to compile in the place of *node*, and the paths that it reads, root first.

    Raises `TemplateProblem`.
    """
    checker = _Checker(source)
    return checker.visit(node), frozenset(checker.references)


class _Checker(NodeTransformer):
    """Refuses what is not allowed, notes what is read, turns syntax whose values need care into filters."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.references: set[tuple[str, ...]] = set()

    def get_visitor(self, node: nodes.Node) -> Any:
        return getattr(self, f"on_{type(node).__name__.lower()}", None)

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if not isinstance(node, _ALLOWED):
            self._fail("this has no place in an expression", node.lineno)
        return super().generic_visit(node, *args, **kwargs)

    def on_const(self, node: nodes.Const) -> nodes.Expr:
        value = node.value
        if isinstance(value, float) and not math.isfinite(value):
            self._fail("a number is too large", node.lineno)
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            self._fail("a string holds half a surrogate pair", node.lineno)
        return node

    def on_name(self, node: nodes.Name) -> nodes.Expr:
        if node.name == "null":
            return nodes.Const(None, lineno=node.lineno)
        if not is_name(node.name):
            self._fail(f"`{node.name}` cannot be a name", node.lineno, len(node.name))
        self.references.add((node.name,))
        return node

    def on_getattr(self, node: nodes.Getattr) -> nodes.Expr:
        if node.attr.startswith("__") and node.attr.endswith("__"):
            hint = f"write `['{node.attr}']` for a field of this name"
            self._fail(f"`{node.attr}` is not a field", node.lineno, len(node.attr) + 1, hint)
        return self._visit_step(node)

    def on_getitem(self, node: nodes.Getitem) -> nodes.Expr:
        if isinstance(node.arg, nodes.Slice):
            bounds = [bound or nodes.Const(None) for bound in (node.arg.start, node.arg.stop, node.arg.step)]
            return _filter(self.visit(node.node), SLICE, [self.visit(bound) for bound in bounds])
        if isinstance(node.arg, nodes.Tuple):
            self._fail("one key or index at a time", node.lineno, 1, "write `[0][1]`, or a slice `[0:2]`")
        node.arg = self.visit(node.arg)
        return self._visit_step(node)

    def _visit_step(self, node: nodes.Getattr | nodes.Getitem) -> nodes.Expr:
        path = path_of(node)
        if path is None:
            node.node = self.visit(node.node)
            return node
        noted = set(self.references)
        node.node = self.visit(node.node)
        self.references = noted | {tuple(map(str, path))}
        return node

    def on_filter(self, node: nodes.Filter) -> nodes.Expr:
        doc = FILTERS.get(node.name)
        if doc is None:
            hint = mistakes.hint_for_filter(node.name)
            self._fail(f"there is no filter `{node.name}`", node.lineno, len(node.name), hint)
        self._check_arguments(node, doc, node.lineno)
        self._check_applied(node)
        return self._visit_parts(node)

    def on_test(self, node: nodes.Test) -> nodes.Expr:
        place = self._behind_is(node.lineno)
        doc = TESTS.get(node.name)
        if doc is None:
            hint = mistakes.hint_for_test(node.name)
            self._fail(f"there is no test `{node.name}`", place, len(node.name), hint)
        self._check_arguments(node, doc, place)
        if node.name == "matches":
            self._check_pattern(node, place)
        return self._visit_parts(node)

    def _check_pattern(self, node: nodes.Test, place: int) -> None:
        """A pattern stands in the file: nobody who calls may bring one, and a wrong one is found at load."""
        (pattern,) = [*node.args, *(keyword.value for keyword in node.kwargs)]
        if not isinstance(pattern, nodes.Const) or not isinstance(pattern.value, str):
            self._fail("the pattern of `matches` is written out", place, len(node.name), "write matches('[a-z]+')")
        if not is_pattern(pattern.value):
            message = "this is no regular expression that takes linear time"
            hint = f"use no look-around and no back-references, and at most {LONGEST} characters"
            self._fail(message, place, len(node.name), hint)

    def on_call(self, node: nodes.Call) -> NoReturn:
        called = node.node
        if isinstance(called, nodes.Getattr):
            hint, name = mistakes.hint_for_method(called.attr), f".{called.attr}"
        elif isinstance(called, nodes.Name):
            hint, name = mistakes.hint_for_function(called.name), called.name
        else:
            hint, name = "there are only filters: `value | name`", ""
        place = called.lineno if name else node.lineno
        self._fail("nothing can be called in an expression", place, len(name) + 1, hint)

    def on_list(self, node: nodes.List) -> nodes.Expr:
        return _filter(nodes.Const(None), ARRAY, [self.visit(item) for item in node.items])

    def on_tuple(self, node: nodes.Tuple) -> nodes.Expr:
        return _filter(nodes.Const(None), ARRAY, [self.visit(item) for item in node.items])

    def on_dict(self, node: nodes.Dict) -> nodes.Expr:
        pairs = [part for pair in node.items for part in (pair.key, pair.value)]
        return _filter(nodes.Const(None), OBJECT, [self.visit(part) for part in pairs])

    def on_concat(self, node: nodes.Concat) -> nodes.Expr:
        first, *rest = [self.visit(part) for part in node.nodes]
        return _filter(first, CONCAT, rest)

    def on_condexpr(self, node: nodes.CondExpr) -> nodes.Expr:
        node.test, node.expr1 = self.visit(node.test), self.visit(node.expr1)
        node.expr2 = self.visit(node.expr2) if node.expr2 else _filter(nodes.Const(None), NOTHING, [])
        return node

    def on_compare(self, node: nodes.Compare) -> nodes.Expr:
        """Return the tests that *node* stands for, which count their work; of a chain ``a < b < c`` those of its links.

        What stands between two links is evaluated for both where it is a path or a constant. Anything else is so once:
        chains inside of chains would take twice as long for each.
        """
        between = [operand.expr for operand in node.ops[:-1]]
        is_short = all(path_of(side) is not None or _constant(side) is not None for side in between)
        sides = [self.visit(side) for side in (node.expr, *(operand.expr for operand in node.ops))]
        if not is_short:
            said = [part for operand, side in zip(node.ops, sides[1:], strict=True)
                    for part in (nodes.Const(operand.op), side)]  # fmt: skip
            return _filter(sides[0], CHAIN, said)
        pairs = zip(sides[:-1], node.ops, sides[1:], strict=True)
        return reduce(nodes.And, [_link(left, operand.op, right) for left, operand, right in pairs])

    def on_sub(self, node: nodes.Sub) -> nodes.Expr:
        beside = node.left
        while isinstance(beside, nodes.BinExpr):
            beside = beside.right
        left = path_of(beside)
        if left and len(left) > 1 and left[-2] == "headers":
            written = re.search(rf"headers\.({left[-1]}(?:-\w+)+)", self.source)
            if written:
                name, hint = written[1], f"write `headers['{written[1]}']`"
                self._fail(f"`{name}` is read as a subtraction", written.start(1), len(name), hint)
        node.left, node.right = self.visit(node.left), self.visit(node.right)
        return node

    def _visit_parts(self, node: nodes.Filter | nodes.Test) -> nodes.Expr:
        assert node.node is not None  # only a filter block of a whole template has none
        node.node = self.visit(node.node)
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.kwargs:
            keyword.value = self.visit(keyword.value)
        return node

    def _check_arguments(self, node: nodes.Filter | nodes.Test, doc: FilterDoc, place: int) -> None:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            self._fail("arguments are written out, without `*`", place, len(node.name))
        named = [str(keyword.key) for keyword in node.kwargs]
        if not doc.accepts(len(node.args), named):
            shown = doc.signature or " takes no argument"
            self._fail(f"`{node.name}` does not take these arguments", place, len(node.name), f"`{node.name}{shown}`")

    def _check_applied(self, node: nodes.Filter) -> None:
        """Require that the name of a filter or test passed as text is a constant of the file, never data."""
        if node.name in NAMES_A_FILTER:
            docs, index, what = FILTERS_TO_MAP, NAMES_A_FILTER[node.name], "filter"
        elif node.name in NAMES_A_TEST:
            docs, index, what = TESTS, NAMES_A_TEST[node.name], "test"
        else:
            return
        named = next((keyword.value for keyword in node.kwargs if keyword.key == what), None)
        chosen = named if len(node.args) <= index else node.args[index]
        if chosen is not None:
            self._check_chosen(node, chosen, docs, what, len(node.args[index + 1 :]))
        elif what == "filter" and not any(keyword.key == "attribute" for keyword in node.kwargs):
            hint = "write `map(attribute='name')` or `map('upper')`"
            self._fail(f"`{node.name}` says nothing to apply", node.lineno, len(node.name), hint)

    def _check_chosen(
        self, node: nodes.Filter, chosen: nodes.Expr, docs: Mapping[str, FilterDoc], what: str, arguments: int
    ) -> None:
        if not isinstance(chosen, nodes.Const) or not isinstance(chosen.value, str):
            self._fail(f"the name of a {what} is written out, in quotes", node.lineno, len(node.name))
        name, width = chosen.value, len(chosen.value) + 2
        doc = docs.get(name)
        if doc is None:
            hint = (mistakes.hint_for_filter if what == "filter" else mistakes.hint_for_test)(name)
            self._fail(f"there is no {what} `{name}` to apply", chosen.lineno, width, hint)
        if not doc.accepts(arguments, []):
            self._fail(f"`{name}` does not take these arguments", chosen.lineno, width, f"`{name}{doc.signature}`")

    def _behind_is(self, place: int) -> int:
        behind = re.compile(r"is\s+(?:not\s+)?").match(self.source, place)
        return behind.end() if behind else place

    def _fail(self, message: str, place: int, length: int = 1, hint: str | None = None) -> NoReturn:
        raise TemplateProblem(message, place, length, hint)


def _filter(node: nodes.Expr, name: str, arguments: list[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(node, name, arguments, [], None, None)


def _link(left: nodes.Expr, sign: str, right: nodes.Expr) -> nodes.Expr:
    """Return the test that compares *left* with *right*, by the operator that Jinja calls *sign*."""
    test = nodes.Test(left, COMPARISONS[sign], [right], [], None, None)
    return nodes.Not(test) if sign == "notin" else test


def path_of(node: nodes.Node) -> Path | None:
    """The path that *node* is, a name and then constant keys and indexes, or None."""
    if isinstance(node, nodes.Name):
        return None if node.name == "null" else (node.name,)
    if isinstance(node, nodes.Getattr):
        key: Any = node.attr
    elif isinstance(node, nodes.Getitem):
        key = _constant(node.arg)
    else:
        return None
    before = path_of(node.node)
    return None if before is None or type(key) not in (str, int) else (*before, key)


def _constant(node: nodes.Node) -> Any:
    if isinstance(node, nodes.Neg):
        value = _constant(node.node)
        return -value if type(value) is int else None
    return node.value if isinstance(node, nodes.Const) else None
