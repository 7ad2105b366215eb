"""The border to ``jsonschema_rs``: compiles schemas, runs them, and never lets one of its errors out.

The package costs start-up time, so it is imported with the first schema that needs it. Patterns run on an
engine whose time is linear in the text, so that no request can make a pattern of the file hang.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aggregator.schemas.judging.own import OWN
from aggregator.schemas.keywords import DOCUMENTED_FORMATS, IDENTIFYING, INTEGER_FORMATS, Schema, rewrite, subschemas
from aggregator.schemas.problems import InvalidSchema, SchemaProblem

if TYPE_CHECKING:
    import jsonschema_rs

MAX_PATTERN = 1000
_MAX_COMPILED = 1 << 20  # bytes that one compiled pattern may take


def build(schema: Schema | bool) -> jsonschema_rs.Validator:
    """Return the validator for *schema*, which was checked before; formats are enforced, nothing is fetched.

    Raises ``InvalidSchema`` for what only the compiler can find.
    """
    return _compiled(rewrite(schema, _with_enforced_formats))


def _compiled(schema: Schema | bool) -> jsonschema_rs.Validator:
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=_MAX_COMPILED),
            offline=True,
            keywords=OWN,
        )
    except (ValueError, jsonschema_rs.ReferencingError):
        raise InvalidSchema([SchemaProblem("The schema cannot be compiled.")]) from None


def teller_schema(schema: Any) -> Any:
    """Return *schema* for finding the violations of values that do not fit it; None when it serves as it is.

    The library collects every error of every alternative of ``anyOf`` and ``oneOf``, nested ones too: gigabytes for a
    body of one megabyte. Within ``not`` it only looks whether a value fits, so alternatives stand in two of them here.
    They stand there once: with copies of them it would grow several times over at each level.
    """
    return rewrite(schema, _with_folded_alternatives) if has_alternatives(schema) else None


def build_teller(telling: Any) -> jsonschema_rs.Validator | None:
    """Return the validator of a schema for telling, or None for one that cannot be built.

    That is one with a ``$ref`` into an alternative, which has another place now.
    """
    try:
        return build(telling)
    except InvalidSchema:
        return None


def root_forms(telling: Any) -> tuple[list[Any], ...]:
    """Return the alternatives of a schema for telling, each of which a value has to fit one of."""
    rules = telling.get("allOf", []) if isinstance(telling, dict) else []
    folded = [folded_in(rule["not"]) for rule in rules if isinstance(rule, dict) and "not" in rule]
    return tuple(found[1] for found in folded if found is not None)


def build_form(form: Any, telling: Any) -> jsonschema_rs.Validator:
    """Return the validator of *form*, one of the alternatives in *telling*, into which its references lead."""
    root = rewrite(telling, _with_enforced_formats)
    if not isinstance(form, dict) or not isinstance(root, dict):
        return build(form)
    inner = rewrite(rewrite(form, _with_enforced_formats), _pointing_into_root)
    return _compiled({"allOf": [inner], "$defs": {"root": root | {"$id": _ROOT}}})


def _pointing_into_root(schema: Schema) -> Schema:
    if "$ref" in schema:
        schema["$ref"] = f"{_ROOT}{schema['$ref']}"
    return schema


_ROOT = "urn:root"


def has_alternatives(schema: Any) -> bool:
    """Return whether *schema*, or one inside, has ``anyOf`` or ``oneOf``."""
    if not isinstance(schema, dict):
        return False
    return not _ALTERNATIVES.isdisjoint(schema) or any(has_alternatives(sub) for _, sub in subschemas(schema))


_ALTERNATIVES = frozenset({"anyOf", "oneOf"})


def _with_folded_alternatives(schema: Schema) -> Schema:
    folded = [_fold(name, schema.pop(name)) for name in ("anyOf", "oneOf") if name in schema]
    if folded:
        schema["allOf"] = [*schema.get("allOf", []), *folded]
    for name in ("unevaluatedProperties", "unevaluatedItems"):  # they would not see what the folded ones let in
        schema.pop(name, None)
    return schema


def _fold(name: str, forms: list[Schema]) -> Schema:
    return {"not": {"not": {name: forms}}}


def folded_in(schema: Any) -> tuple[str, list[Schema]] | None:
    """Return the keyword and the alternatives that the *schema* of a failed ``not`` stands for, if it does."""
    inner = schema.get("not") if isinstance(schema, dict) else None
    if not isinstance(inner, dict) or len(inner) != 1:
        return None
    [(name, forms)] = inner.items()
    return (name, forms) if name in _ALTERNATIVES else None


@lru_cache(maxsize=256)
def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a regular expression, or None."""
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
