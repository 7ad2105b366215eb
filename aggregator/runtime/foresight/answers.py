"""What the answer of an endpoint reads of results: nothing, values that it looks up, or values that it works on.

What is only copied as a whole is bytes, and nobody reads it. What is looked up takes no time once the body is decoded,
which is done once for all who got the same reply. Work goes to a thread, as each has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from aggregator.parts.names import FINISHING
from aggregator.parts.result import Result
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.calls.writing.splicing import whole_name
from aggregator.runtime.coding import LARGE, aside
from aggregator.runtime.parts.fanout import Run
from aggregator.templates import Expr, Expression, ListNode, MapNode, Node, Path, Template


class AnswerReads:
    """What an answer reads: it looks into the results called *looked_into*, or it *works* on long values besides."""

    __slots__ = ("_looked_into", "works")

    def __init__(self, looked_into: frozenset[str], *, works: bool) -> None:
        self._looked_into = looked_into
        self.works = works
        """Whether making the answer may take more than a few milliseconds, however often results were decoded."""

    def takes_long(self, run: Run) -> bool:
        """Return whether making the answer to *run* at once may take more than a few milliseconds."""
        return has_long_values(run) if self.works else any(self._unread(run))

    async def ready(self, run: Run) -> None:
        """Decode what the answer looks into, in a thread; raises ``CallError`` when too much waits for threads."""
        for result in tuple(self._unread(run)):
            await read_once(result, run.frame.exchange.deadline + FINISHING)

    def _unread(self, run: Run) -> Iterator[Result]:
        for name, result in zip(run.order.names, run.results, strict=True):
            if result is not None and name in self._looked_into and result.size > LARGE and not result.is_read:
                yield result


def has_long_values(run: Run) -> bool:
    """Return whether work on the results of *run*, and on the body of its request, may take more than a few ms."""
    results = sum(result.size for result in run.results if result is not None)
    return results + len(run.frame.exchange.content) > LARGE


async def read_once(result: Result, deadline: float) -> None:
    """Decode the body of *result* in a thread; who shares its data waits for the same. Raises as ``aside`` does."""
    decoded = result.decoded
    if decoded is None:
        await aside(lambda: result.value, deadline)
        return
    while not decoded.is_there:
        if decoded.reading is not None:
            await asyncio.wait((decoded.reading,))
            continue
        reading = decoded.reading = asyncio.get_running_loop().create_future()
        try:
            await aside(lambda: decoded.value, deadline)
        finally:  # one who gives up, or has no time, leaves it to the next of those who wait
            decoded.reading = None
            reading.set_result(None)


def answer_reads(plan: EndpointPlan, *, has_steps: bool, is_text: bool) -> AnswerReads | None:
    """Return what the answers of *plan* read, before steps over their body if it *has_steps*; None for nothing.

    *is_text* tells that their body may be a text that stands as it is.
    """
    response = plan.response
    names = frozenset(() if plan.fan is None else (part.name for part in plan.fan.parts))
    long = names | {"body", "calls"}
    works = not has_steps and response.merge != "object"
    if response.body is not None and not has_steps:
        read = response.body.node.expressions() if is_text else _read(response.body.node, names)
        works = works or any(one.roots & long for one in read)
    others = [one for one in _around(plan) if one.roots & long]
    works = works or any(one.path is None for one in others)
    looked_into = frozenset(name for one in others if one.path for name in _results(one.path, names))
    return AnswerReads(looked_into, works=works) if works or looked_into else None


def _read(node: Node, names: frozenset[str]) -> Iterator[Expression]:
    """Yield the expressions of *node* that are written from data: not those whose bytes are copied from *names*."""
    if isinstance(node, Expr):
        path = node.expression.path
        if path is None or whole_name(path) not in names:
            yield node.expression
    elif isinstance(node, ListNode | MapNode):
        for inner in node.items if isinstance(node, ListNode) else (value for _, value in node.entries):
            yield from _read(inner, names)
    else:
        yield from node.expressions()


def _results(path: Path, names: frozenset[str]) -> Iterable[str]:
    """Return those of *names* whose data *path* leads into."""
    if path[0] != "calls":
        return names & {str(path[0])}
    return names if len(path) < 2 else names & {str(path[1])}


def _around(plan: EndpointPlan) -> Iterator[Expression]:
    """Yield the expressions of an answer beside its body."""
    response = plan.response
    templates = [template for _, template in response.headers]
    templates += [cookie.value for cookie in response.cookies]
    if response.status_expression is not None:
        yield response.status_expression
    for template in templates:
        yield from template.node.expressions()
    if isinstance(response.cache_control, Template):
        yield from response.cache_control.node.expressions()
