"""Expressions without names have one value: where that cannot be used, it is told before any request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from aggregator.config.analysis.sites import Analysis
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics.finding import Finding
from aggregator.templates import Const, TemplateProblem, compile_value

_LEAST, _MOST = 200, 599


def check_constants(analysis: Analysis, _around: Surroundings) -> Iterator[Finding]:
    """Yield findings about statuses, lists and moments that are the same for every request, and wrong."""
    yield from _check_status(analysis)
    for call in analysis.calls:
        each = call.settings.for_each if call.via is None else None
        items = constant(each.items) if each is not None and "{{" in each.items else None
        if items is not None and items[0] is not None and not isinstance(items[0], list):
            hint = "name a list, as in `{{ order.items }}`"
            yield Finding("bad-expression", "this is no list", (*call.path, "for_each", "in"), hint)
        at = constant(call.effect.at) if call.effect is not None and call.settings is call.effect else None
        if at is not None and not _is_moment(at[0]):
            hint = "write it like `2027-01-31T09:00:00Z`, or name a field that holds a moment"
            yield Finding("bad-durable", "this is no moment, so the call is lost", (*call.path, "at"), hint)


def constant(text: str | None) -> tuple[object] | None:
    """Return what *text* is for every request, None when that depends on it."""
    if text is None:
        return None
    try:
        node = compile_value(text).node
    except TemplateProblem:
        return None
    return (node.value,) if isinstance(node, Const) else None


def _check_status(analysis: Analysis) -> Iterator[Finding]:
    """Yield a finding about an answer whose status is none of any answer."""
    response = analysis.settings.response if analysis.settings is not None else None
    said = response.status if response is not None else None
    status = constant(said) if isinstance(said, str) and "{{" in said else None
    if status is None or (isinstance(status[0], int) and _LEAST <= status[0] <= _MOST):
        return
    message = "this is no status of an answer, so every request fails"
    hint = f"write a number from {_LEAST} to {_MOST}"
    yield Finding("bad-status", message, (*analysis.path, "response", "status"), hint)


def _is_moment(value: object) -> bool:
    """Return whether a call can be delivered at *value*; null is at once."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return True
    try:
        return isinstance(value, str) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False
