"""Input declarations: parameters and bodies by JSON Schema (2020-12), enforced and shown in OpenAPI.

::

    compile_parameter(name, declaration, location) -> Parameter     .parse(text) · .read(texts)
    compile_body(schema) -> BodySchema                              .violations(value)
    parameter_object(parameter) · relocate(schema, pointer)         for the OpenAPI document

Mistakes in a declaration raise ``InvalidSchema`` (all of them), a request that breaks it ``InvalidInput``.
"""

from aggregator.schemas.body import BodySchema, compile_body
from aggregator.schemas.openapi import parameter_object, relocate
from aggregator.schemas.parameter import ABSENT, Parameter, compile_parameter
from aggregator.schemas.problems import InvalidInput, InvalidSchema, SchemaProblem, Violation

__all__ = [
    "ABSENT",
    "BodySchema",
    "InvalidInput",
    "InvalidSchema",
    "Parameter",
    "SchemaProblem",
    "Violation",
    "compile_body",
    "compile_parameter",
    "parameter_object",
    "relocate",
]
