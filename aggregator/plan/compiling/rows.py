"""Status maps: the rows of call, endpoint, upstream and defaults in one table, nearest first."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from aggregator.config.model.failure import StatusRow
from aggregator.plan.compiling.expressions import optional_expression, templates, text_or_template
from aggregator.plan.types import RowPlan
from aggregator.templates import compile_value


def compile_rows(rows: Iterable[StatusRow]) -> tuple[RowPlan, ...]:
    """Return the rows of one status map, compiled."""
    return tuple(_row(row) for row in rows)


def _row(row: StatusRow) -> RowPlan:
    return RowPlan(
        on=row.on,
        part=row.part,
        when=optional_expression(row.when),
        status=row.status,
        title=text_or_template(row.title),
        detail=None if row.detail is None else compile_value(row.detail),
        body=compile_value(row.body) if "body" in row.model_fields_set else None,
        headers=templates(dict(row.headers)),
        forward=row.forward,
    )


def rows_for(names: Collection[str], *levels: tuple[RowPlan, ...]) -> tuple[RowPlan, ...]:
    """Return the rows that may speak of the part with these *names*, in the order of *levels* (nearest first).

    A part has its own name and those of the parts that it is in.
    """
    return tuple(row for level in levels for row in level if row.part is None or row.part in names)
