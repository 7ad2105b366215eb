"""Request bodies: a JSON Schema compiled at load, held against each body that a client sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aggregator.schemas.check import check_schema
from aggregator.schemas.judging.violations import Judge
from aggregator.schemas.keywords import stated_at, without
from aggregator.schemas.problems import InvalidSchema, Path, Violation


@dataclass(frozen=True, slots=True)
class BodySchema:
    """A declared body; equal to another that was declared in the same words.

    *shown* is *schema* without what variables hold.
    """

    schema: Any
    shown: Any
    judge: Judge = field(compare=False, repr=False)

    def violations(self, value: Any, *, aside: bool = False) -> list[Violation]:
        """Return the ways in which *value* breaks the schema; none means that it fits.

        *aside* is for a large one in a thread of its own: other threads run between its members.

        At most ``MAX_VIOLATIONS`` are listed, of a value with more than ``MAX_NODES`` members only the first.
        """
        return (self.judge.patient if aside else self.judge).violations(value, "body")


def compile_body(schema: Any, filled: Sequence[Path] = ()) -> BodySchema:
    """Return the compiled form of *schema*, a JSON Schema or the name of a type; raise ``InvalidSchema``.

    *filled* are the places in it that hold values of variables: these are shown to nobody.
    """
    declared = {"type": schema} if isinstance(schema, str) else schema
    problems = check_schema(declared)
    if problems:
        raise InvalidSchema(problems)
    return BodySchema(declared, without(declared, filled), Judge(declared, stated_at(declared, filled)))
