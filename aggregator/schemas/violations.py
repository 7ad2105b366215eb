"""What a client reads when its data breaks a schema: a sentence for each violation, without the data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from aggregator.schemas.problems import Violation, pointer_to
from aggregator.schemas.types import ARTICLES

if TYPE_CHECKING:
    import jsonschema_rs

MAX_VIOLATIONS = 100
"""So many are listed at most; a body with more is told the first hundred."""
MAX_NODES = 2000
"""A value with more members than this is checked up to its first violation: finding all takes too long."""
_LONGEST_LIST = 200

_FORMATS = {
    "date-time": "a date and time with offset, like 2030-01-31T12:00:00Z",
    "date": "a date, like 2030-01-31",
    "time": "a time with offset, like 12:00:00Z",
    "duration": "a duration, like P1DT12H",
    "email": "an email address",
    "idn-email": "an email address",
    "hostname": "a host name",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "uri": "an absolute URI",
    "uuid": "a UUID, like 123e4567-e89b-12d3-a456-426614174000",
    "regex": "a regular expression",
}


def violations_of(
    validator: jsonschema_rs.Validator, value: Any, location: str, prefix: tuple[str | int, ...] = ()
) -> list[Violation]:
    """Give every violation of *value*, in the order of the schema; *prefix* starts their pointers."""
    try:
        if validator.is_valid(value):
            return []
        errors = validator.iter_errors(value) if _is_small(value) else _first(validator, value)
        return list(_limited(_described(error, location, prefix) for error in errors))
    except ValueError:  # nested beyond the limit of the validator, or text that is not Unicode
        return [Violation(pointer_to(prefix), location, "is nested too deeply or holds invalid text", "type")]


def _first(validator: jsonschema_rs.Validator, value: Any) -> Iterator[Any]:
    import jsonschema_rs

    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        yield error


def _is_small(value: Any) -> bool:
    pending, seen = [value], 0
    while pending:
        node = pending.pop()
        if isinstance(node, dict | list):
            seen += len(node)
            if seen > MAX_NODES:
                return False
            pending.extend(node.values() if isinstance(node, dict) else node)
    return True


def _limited(groups: Iterator[list[Violation]]) -> Iterator[Violation]:
    left = MAX_VIOLATIONS
    for group in groups:
        yield from group[:left]
        left -= len(group)
        if left <= 0:
            return


def _described(error: Any, location: str, prefix: tuple[str | int, ...]) -> list[Violation]:
    """Give the violations that one error of the validator stands for: one for each name it speaks of."""
    keyword, path = error.kind.name, (*prefix, *error.instance_path)
    details = error.kind.as_dict() | {"path": error.instance_path}
    rule = error.schema_path[-1] if error.schema_path else None
    if keyword == "falseSchema" and rule in _NO_NAMES:
        return [Violation(pointer_to(path), location, "must be an empty object", rule)]
    if keyword in _NAMING:
        key, message = _NAMING[keyword]
        names = details[key] if isinstance(details[key], list) else [details[key]]
        return [Violation(pointer_to((*path, name)), location, message, keyword) for name in names]
    return [Violation(pointer_to(path), location, sentence(keyword, details), keyword)]


def sentence(keyword: str, details: dict[str, Any]) -> str:
    """Give what is said of a value that breaks *keyword*; *details* are those of the validator's error."""
    write = _SENTENCES.get(keyword)
    return write(details) if write is not None else "does not fit its declaration"


def _listed(values: list[Any]) -> str:
    """Give declared values as JSON, as many as fit into a sentence."""
    texts: list[str] = []
    length = 0
    for value in values:
        text = json.dumps(value, ensure_ascii=False)
        length += len(text) + 2
        if length > _LONGEST_LIST:
            return ", ".join([*texts, "…"])
        texts.append(text)
    return ", ".join(texts)


def _any_of(details: dict[str, Any]) -> str:
    """Name the types when the alternatives differ in nothing else, the number of alternatives otherwise."""
    branches, path = details["context"], details["path"]
    if all(len(found) == 1 and _is_type_error(found[0], path) for found in branches):
        return _types([name for found in branches for name in found[0].kind.as_dict()["types"]])
    return f"fits none of the {len(branches)} allowed forms"


def _is_type_error(error: Any, path: list[str | int]) -> bool:
    return bool(error.kind.name == "type" and error.instance_path == path)


def _one_of(details: dict[str, Any]) -> str:
    if any(not branch for branch in details["context"]):
        return "fits more than one of the forms of which it may fit one"
    return _any_of(details)


def _types(names: list[str]) -> str:
    return "must be " + " or ".join(ARTICLES[name] for name in names)


def _counted(number: Any, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s" if noun[-1] != "y" else f"{number} {noun[:-1]}ies"


def _limit(text: str, noun: str = "") -> Callable[[dict[str, Any]], str]:
    def write(details: dict[str, Any]) -> str:
        limit = details["limit"]
        return f"must {text} {_counted(limit, noun) if noun else limit}"

    return write


def _property_names(details: dict[str, Any]) -> str:
    kind = details["error"].kind
    return f"has a name that {sentence(kind.name, kind.as_dict() | {'path': []})}"


_NAMING = {
    "required": ("property", "is required"),
    "additionalProperties": ("unexpected", "is not a declared name"),
    "unevaluatedProperties": ("unexpected", "is not a declared name"),
}
"""Keywords whose error names members: the detail that holds them, and what is said of each."""

_NO_NAMES = ("additionalProperties", "propertyNames")
"""Keywords that, when they are false and stand alone, let no name in."""

_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "type": lambda details: _types(details["types"]),
    "enum": lambda details: f"must be one of {_listed(details['options'])}",
    "const": lambda details: f"must be {_listed([details['expected_value']])}",
    "format": lambda details: f"must be {_FORMATS.get(details['format'], 'a valid ' + details['format'])}",
    "pattern": lambda details: f"must match the pattern {details['pattern']}",
    "minimum": _limit("be at least"),
    "maximum": _limit("be at most"),
    "exclusiveMinimum": _limit("be more than"),
    "exclusiveMaximum": _limit("be less than"),
    "multipleOf": lambda details: f"must be a multiple of {details['multiple_of']}",
    "minLength": _limit("have at least", "character"),
    "maxLength": _limit("have at most", "character"),
    "minItems": _limit("have at least", "item"),
    "maxItems": _limit("have at most", "item"),
    "minProperties": _limit("have at least", "property"),
    "maxProperties": _limit("have at most", "property"),
    "uniqueItems": lambda _: "must not hold the same item twice",
    "contains": lambda _: "does not hold the items that it has to",
    "unevaluatedItems": lambda _: "has more items than it may",
    "falseSchema": lambda _: "must not be given",
    "not": lambda _: "has a form that is not allowed",
    "propertyNames": _property_names,
    "anyOf": _any_of,
    "oneOf": _one_of,
}
