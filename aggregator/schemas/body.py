"""Request bodies: a JSON Schema compiled at load, held against each body that a client sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aggregator.schemas.check import check_schema
from aggregator.schemas.engine import build
from aggregator.schemas.problems import InvalidSchema, Violation
from aggregator.schemas.violations import violations_of

if TYPE_CHECKING:
    import jsonschema_rs


@dataclass(frozen=True, slots=True)
class BodySchema:
    """A declared body; equal to another that was declared in the same words."""

    schema: Any
    validator: jsonschema_rs.Validator = field(compare=False, repr=False)

    def violations(self, value: Any) -> list[Violation]:
        """Give every way in which *value* breaks the schema; none means that it fits.

        At most ``MAX_VIOLATIONS`` are listed, of a value with more than ``MAX_NODES`` members only the first.
        """
        return violations_of(self.validator, value, "body")


def compile_body(schema: Any) -> BodySchema:
    """Give the compiled form of *schema*, a JSON Schema or the name of a type; raise ``InvalidSchema``."""
    declared = {"type": schema} if isinstance(schema, str) else schema
    problems = check_schema(declared)
    if problems:
        raise InvalidSchema(problems)
    return BodySchema(declared, build(declared))
