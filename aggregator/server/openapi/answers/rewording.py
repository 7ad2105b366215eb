"""Errors that the file puts in words of its own: what is documented of a problem becomes what is sent instead."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from aggregator.http import has_body
from aggregator.plan.edge import ErrorPlan
from aggregator.server.openapi.answers.outcomes import Outcome
from aggregator.server.openapi.components import PROBLEM_TYPE
from aggregator.templates import Const, Template, Text


def reworded(outcome: Outcome, errors: tuple[ErrorPlan, ...]) -> Iterator[Outcome]:
    """Yield what *outcome* is when *errors* have been applied: itself, unless it is a problem that has a row."""
    row = _row_for(outcome, errors)
    if row is None:
        yield outcome
        return
    told = replace(outcome, status=str(row.status or outcome.status), shared=None, example=None)
    if row.status is not None and not has_body(row.status):
        yield replace(told, media=None, schema=None)
        return
    yield told if row.body is None else replace(told, media=_media(row.body), schema={})
    if row.html is not None:
        yield replace(told, media="text/html", schema={"type": "string"})


def _row_for(outcome: Outcome, errors: tuple[ErrorPlan, ...]) -> ErrorPlan | None:
    if outcome.media != PROBLEM_TYPE:
        return None
    keys = (outcome.status, f"{outcome.status[:1]}xx")
    return next((row for key in keys for row in errors if row.on == key), None)


def _media(body: Template) -> str:
    is_text = isinstance(body.node, Text) or (isinstance(body.node, Const) and isinstance(body.node.value, str))
    return "text/plain" if is_text else "application/json"
