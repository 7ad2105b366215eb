"""``?fields=a,b.c``: what the client asks for, what of the body is made, and which calls that takes.

Read once, before anything is called; an endpoint whose keys do not tell what they are made of calls everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from msgspec import Struct

from aggregator.exchange import Exchange
from aggregator.plan.analysis.roots import references_in
from aggregator.plan.calls import FanPlan, GroupPlan
from aggregator.plan.types import EndpointPlan, ListJoinPlan
from aggregator.runtime.answers.bodies import may_be_text
from aggregator.runtime.calls.writing.splicing import Writer, compile_json
from aggregator.runtime.parts.wanted import Level, Reference, Wanted, parts_read
from aggregator.runtime.request.inputs import Refusal
from aggregator.schemas.problems import Violation
from aggregator.shaping.fields import FieldSet, parse_fields
from aggregator.shaping.join import lists_of
from aggregator.shaping.problems import ShapeProblem
from aggregator.templates import Expr, ListNode, MapNode, Node, Template, compile_expression

Names = tuple[str, ...]


class Asked(Struct, frozen=True, eq=False):
    """The selection of one request: *fields* of the answer, made by *write* (None: as usual) of the *wanted* parts."""

    fields: FieldSet
    wanted: Wanted | None = None
    write: Writer | None = None


class Narrowing:
    """Finds out what requests to one endpoint ask for, each choice of fields once."""

    __slots__ = ("_asked",)

    def __init__(self, find: Callable[[FieldSet], Asked]) -> None:
        self._asked = lru_cache(maxsize=64)(find)

    @classmethod
    def of(cls, plan: EndpointPlan) -> Narrowing | None:
        """Return the narrowing of *plan*; None when its client cannot choose."""
        if not plan.response.fields:
            return None
        made_of = _made_of(plan)
        return cls(Asked if made_of is None else made_of.asked)

    def asked(self, exchange: Exchange) -> Asked | None:
        """Return what the client asks for, None for all there is; raises ``Refusal`` (422)."""
        asked = exchange.query.get("fields")
        text = ",".join(map(str, asked)) if isinstance(asked, list) else asked
        if not isinstance(text, str) or not text:
            return None
        try:
            return self._asked(parse_fields(text))
        except ShapeProblem as problem:
            violation = Violation("/fields", "query", problem.message, "fields")
            raise Refusal(422, "The request does not fit what this endpoint declares.", (violation,)) from None


def _made_of(plan: EndpointPlan) -> _MadeOf | None:
    """Return what the body of *plan* is made of, None when its keys do not tell.

    What background calls, headers or the status read always runs, and so do calls that change something.
    """
    response = plan.response
    if plan.fan is None or response.shape is not None or response.transform is not None or may_be_text(response):
        return None
    if response.body is None and response.merge != "object":
        return None
    body = response.body
    if plan.kind == "call":
        if body is not None or not isinstance(plan.fan.parts[0].core, GroupPlan):
            return None  # there is but one call, and its status is that of the answer
        body = Template(Expr(compile_expression("call")))
    read = references_in((plan.effects, response.headers, response.status_expression, response.cache_control))
    return _MadeOf(plan.fan, body, response.join, read)


class _MadeOf:
    """The body of an answer: the parts of *fan* under their names, or *body*; then *joins* between its lists."""

    __slots__ = ("_always", "_body", "_joins", "_level", "_names")

    def __init__(
        self, fan: FanPlan, body: Template | None, joins: tuple[ListJoinPlan, ...], always: Iterable[Reference]
    ) -> None:
        self._level = Level.of(fan)
        self._names = frozenset(self._level.parts)
        self._always = parts_read(always, self._names)
        self._body = body
        self._joins = [(*lists_of(join.left, join.right), join.part) for join in reversed(joins)]

    def asked(self, fields: FieldSet) -> Asked:
        """Return what it takes to answer *fields*."""
        paths = list(fields.paths)
        joined: list[Reference] = []
        for left, right, part in self._joins:
            if any(_overlap(left, path) for path in paths):
                (paths if part is None else joined).append(right)
        node = None if self._body is None else _pruned(self._body.node, paths)
        reads = paths if node is None else [read for path in paths for read in _reads(node, path)]
        wanted = self._level.needed((*self._always, *parts_read([*reads, *joined], self._names)))
        return Asked(fields, wanted, None if node is None else compile_json(Template(node)))


def _overlap(one: Names, other: Names) -> bool:
    """Return whether one path leads through the other."""
    return all(first == second for first, second in zip(one, other, strict=False))


def _pruned(node: Node, paths: Iterable[Names]) -> Node:
    """Return *node* without the entries that no path leads to: what they are made of may not have been called."""
    paths = list(paths)
    if () in paths:
        return node
    if isinstance(node, ListNode):
        return ListNode(tuple(_pruned(item, paths) for item in node.items))
    if not isinstance(node, MapNode):
        return node
    below = {key: [path[1:] for path in paths if path[0] == key] for key, _ in node.entries}
    return MapNode(tuple((key, _pruned(inner, below[key])) for key, inner in node.entries if below[key]))


def _reads(node: Node, path: Names) -> Iterator[Reference]:
    """Yield what *node* reads for what *path* leads to; names go through lists."""
    if path and isinstance(node, MapNode):
        for key, inner in node.entries:
            if key == path[0]:
                yield from _reads(inner, path[1:])
    elif path and isinstance(node, ListNode):
        for item in node.items:
            yield from _reads(item, path)
    elif isinstance(node, Expr) and node.expression.path is not None:
        yield from ((*reference, *path) for reference in node.expression.references)
    else:
        yield from (reference for expression in node.expressions() for reference in expression.references)
