"""Where a client can make a call or an answer impossible: in expressions that read nothing but what it sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.plan.analysis.roots import Reference, holders_in
from aggregator.plan.calls import CallPlan, EachPlan
from aggregator.templates import Expression, Template, UrlTemplate

Names = frozenset[str]

_SENT: Names = frozenset({"query", "headers", "cookies", "body", "params", "request", "auth"})
_NEUTRAL = frozenset({("now",), ("request", "time")})
_OF_AN_ITEM: Names = frozenset({"item", "index", "keys"})


def can_be_wrong(value: Any, sent: Names) -> bool:
    """Return whether a client can send what an expression in *value*, pieces of a plan, cannot use.

    *sent* are the names that stand for what it sent, beside those that always do: its path parameters.
    """
    return any(is_sent(one.references, sent) for one in _expressions_in(value))


def call_can_be_wrong(call: CallPlan, sent: Names) -> bool:
    """Return whether a client can send what *call* cannot use; *sent* is as for `can_be_wrong`.

    A path parameter is one text, which a query and a body take as it is; the path of a URL takes no ``..``, and a
    header no line break.
    """
    request = call.request
    placeholders = [one for one in request.url.placeholders if one.in_path or str(one.path[0]) not in sent]
    if any(is_sent(frozenset({tuple(map(str, one.path))}), sent) for one in placeholders):
        return True
    rest = [one for one in _expressions_in((request.query, request.body)) if not _is_one_of(one, sent)]
    return can_be_wrong(request.headers, sent) or any(is_sent(one.references, sent) for one in rest)


def sent_within(each: EachPlan | None, sent: Names) -> Names:
    """Return *sent* with the names of an item, where the list that *each* goes through was sent by the client."""
    return sent | _OF_AN_ITEM if each is not None and is_sent(each.items.references, sent) else sent


def is_sent(references: frozenset[Reference], sent: Names) -> bool:
    """Return whether all that *references* lead to was sent by the client, and there is something."""
    told = [reference for reference in references if reference[:2] not in _NEUTRAL]
    return bool(told) and all(reference[0] in _SENT or reference[0] in sent for reference in told)


def _is_one_of(expression: Expression, names: Names) -> bool:
    """Return whether *expression* is one of *names* as it is."""
    return expression.path is not None and len(expression.path) == 1 and str(expression.path[0]) in names


def _expressions_in(value: Any) -> Iterator[Expression]:
    for holder in holders_in(value):
        if isinstance(holder, Template):
            yield from holder.node.expressions()
        elif not isinstance(holder, UrlTemplate):
            yield holder
