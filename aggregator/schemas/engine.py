"""The border to ``jsonschema_rs``: compiles schemas, runs them, and never lets one of its errors out.

The package costs start-up time, so it is imported with the first schema that needs it. Patterns run on an
engine whose time is linear in the text, so that no request can make a pattern of the file hang.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from aggregator.schemas.keywords import DOCUMENTED_FORMATS, IDENTIFYING, INTEGER_FORMATS, Schema, rewrite
from aggregator.schemas.problems import InvalidSchema, SchemaProblem

if TYPE_CHECKING:
    import jsonschema_rs

MAX_PATTERN = 1000
_MAX_COMPILED = 1 << 20  # bytes that one compiled pattern may take


def build(schema: Schema | bool) -> jsonschema_rs.Validator:
    """Give the validator for *schema*, which was checked before; formats are enforced, nothing is fetched.

    Raises ``InvalidSchema`` for what only the compiler can find.
    """
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator(
            rewrite(schema, _with_enforced_formats),
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=_MAX_COMPILED),
            offline=True,
        )
    except (ValueError, jsonschema_rs.ReferencingError):
        raise InvalidSchema([SchemaProblem("The schema cannot be compiled.")]) from None


@lru_cache(maxsize=256)
def pattern_problem(pattern: str) -> str | None:
    """Give what is wrong with a regular expression, or None."""
    import jsonschema_rs

    if len(pattern) > MAX_PATTERN:
        return f"A pattern has at most {MAX_PATTERN} characters."
    options = jsonschema_rs.RegexOptions(size_limit=_MAX_COMPILED)
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except ValueError:
        if "(?" in pattern or "\\" in pattern:
            return "This pattern cannot be used; look-around and back-references are not supported."
        return "This is not a regular expression, or one that grows too large."
    return None


def _with_enforced_formats(schema: Schema) -> Schema:
    """Turn formats that only OpenAPI knows into bounds (int32, int64) or drop them (password, double, …)."""
    for identifying in IDENTIFYING:
        schema.pop(identifying, None)  # references start at the root of what was declared
    name = schema.get("format")
    if name in DOCUMENTED_FORMATS or name in INTEGER_FORMATS:
        del schema["format"]
    if name in INTEGER_FORMATS:
        limit = INTEGER_FORMATS[name]
        bounds = {"minimum": -limit, "maximum": limit - 1}
        schema["allOf"] = [*schema.get("allOf", []), bounds]
    return schema
