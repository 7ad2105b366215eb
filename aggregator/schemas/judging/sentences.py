"""What is said of a value that breaks a keyword of JSON Schema: the rule, and never the value."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from aggregator.schemas.judging.engine import folded_in
from aggregator.schemas.types import ARTICLES, has_type

UNTOLD = "does not fit its declaration"
_LONGEST_LIST = 200
_STATED = ("options", "expected_value", "pattern")
"""Details of the validator's errors that are values of the declaration."""

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


def sentence(keyword: str, details: dict[str, Any]) -> str:
    """Return what is said of a value that breaks *keyword*; *details* are those of the validator's error.

    Nothing is told of a rule that holds one of ``details["hidden"]``.
    """
    write, hidden = _SENTENCES.get(keyword), details.get("hidden", ())
    if write is None or any(_holds(details.get(name), hidden) for name in _STATED):
        return UNTOLD
    return write(details)


def _holds(value: Any, hidden: Sequence[Any]) -> bool:
    if isinstance(value, dict | list):
        return any(_holds(inner, hidden) for inner in (value.values() if isinstance(value, dict) else value))
    return value in hidden


def _listed(values: list[Any]) -> str:
    """Return declared values as JSON, as many as fit into a sentence."""
    texts: list[str] = []
    length = 0
    for value in values:
        text = json.dumps(value, ensure_ascii=False)
        length += len(text) + 2
        if length > _LONGEST_LIST:
            return ", ".join([*texts, "…"])
        texts.append(text)
    return ", ".join(texts)


def _forms(details: dict[str, Any]) -> str:
    """Return the types when the value has none of those of the alternatives, the number of alternatives otherwise."""
    folded = folded_in(details["schema"])
    if folded is None:
        return "has a form that is not allowed"
    name, forms = folded
    if name == "oneOf":  # told only where at least one fits
        return "fits more than one of the forms of which it may fit one"
    names = [kind for form in forms for kind in _types_of(form)]
    if all(map(_types_of, forms)) and not any(has_type(details["value"], kind) for kind in names):
        return _one_of_types(list(dict.fromkeys(names)))
    return f"fits none of the {len(forms)} allowed forms"


def _types_of(form: Any) -> list[str]:
    declared = form.get("type", []) if isinstance(form, dict) else []
    return declared if isinstance(declared, list) else [declared]


def _one_of_types(names: list[str]) -> str:
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
    said = sentence(kind.name, kind.as_dict() | {"value": "", "hidden": details.get("hidden", ())})
    return f"has a name that {said}"


_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "type": lambda details: _one_of_types(details["types"]),
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
    "not": _forms,
    "propertyNames": _property_names,
}
