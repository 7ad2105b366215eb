"""How large a schema grows when it is compiled: not all of it may be as small as it is written.

The library compiles what ``unevaluatedProperties`` and ``unevaluatedItems`` have to know of anew for each of them: all
schemas that judge the same value, also those that references lead to. Twelve schemas of two references each are
thousands.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aggregator.schemas.judging.weight import in_place
from aggregator.schemas.keywords import Schema
from aggregator.schemas.problems import Path, SchemaProblem

MOST_GROWN: Final = 10_000
"""So many schemas take about a second at most."""
_INSTEAD: Final = {"unevaluatedProperties": "additionalProperties", "unevaluatedItems": "items"}


def growth_problems(schema: Schema, path: Path, root: Any) -> Iterator[SchemaProblem]:
    """Yield the keyword at which *schema*, at *path* of *root*, grows beyond ``MOST_GROWN`` schemas."""
    name = next((one for one in _INSTEAD if one in schema), None)
    if name is not None and sum(1 for _ in islice(_compiled(schema, root), MOST_GROWN + 1)) > MOST_GROWN:
        message = f"With references followed, more than {MOST_GROWN} schemas stand beside `{name}`."
        hint = f"write `{_INSTEAD[name]}` in each of them instead, or nest fewer references and alternatives"
        yield SchemaProblem(message, (*path, name), hint)


def _compiled(schema: Schema, root: Any) -> Iterator[Schema]:
    """Yield each schema that is compiled for *schema*, those of another one that has to know of members again."""
    for one in in_place(schema, root):
        yield one
        if one is not schema and not _INSTEAD.keys().isdisjoint(one):
            yield from in_place(one, root)
