"""What a client reads when its data breaks a schema: a sentence for each violation, without the data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from aggregator.schemas.engine import build, build_forms, build_teller, folded_in, has_alternatives
from aggregator.schemas.problems import Violation, pointer_to
from aggregator.schemas.types import ARTICLES, has_type

if TYPE_CHECKING:
    import jsonschema_rs

MAX_VIOLATIONS = 20
"""So many are listed at most; a body with more is told the first twenty."""
MAX_NODES = 2000
"""A value with more members than this is checked up to its first violation: finding all takes too long."""
_LONGEST_LIST = 200
_UNTOLD = "does not fit its declaration"
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


class Judge:
    """Holds values against one schema: a look whether they fit, and only then the search for violations."""

    __slots__ = ("_fits_no_form", "_hidden", "_is_valid", "_teller")

    def __init__(self, schema: Any, hidden: Sequence[Any] = ()) -> None:
        """Build the validator of *schema*; *hidden* are values in it that no sentence may tell."""
        self._hidden = hidden
        validator = build(schema)
        self._is_valid = validator.is_valid
        self._teller = build_teller(schema) if has_alternatives(schema) else validator
        forms = build_forms(schema)
        self._fits_no_form = None if forms is None else lambda value: not forms.is_valid(value)

    def violations(self, value: Any, location: str, prefix: tuple[str | int, ...] = ()) -> list[Violation]:
        """Return the violations of *value*, in the order of the schema; *prefix* starts their pointers."""
        try:
            return [] if self._is_valid(value) else self._found(value, location, prefix)
        except ValueError:  # nested beyond the limit of the validator, or text that is not Unicode
            return [Violation(pointer_to(prefix), location, "is nested too deeply or holds invalid text", "type")]

    def _found(self, value: Any, location: str, prefix: tuple[str | int, ...]) -> list[Violation]:
        found: list[Violation] = []
        small = _is_small(value)
        if not small and self._fits_no_form is not None and self._fits_no_form(value):  # an error would copy all of it
            return [Violation(pointer_to(prefix), location, "fits none of the allowed forms", "anyOf")]
        if self._teller is not None:
            errors = self._teller.iter_errors(value) if small else _first(self._teller, value)
            found = list(_limited(self._described(error, value, location, prefix) for error in errors))
        return found or [Violation(pointer_to(prefix), location, _UNTOLD, "schema")]

    def _described(self, error: Any, value: Any, location: str, prefix: tuple[str | int, ...]) -> list[Violation]:
        """Return the violations of *value* that one *error* of the validator stands for: one for each name in it."""
        keyword, path = error.kind.name, (*prefix, *error.instance_path)
        details = error.kind.as_dict() | {"hidden": self._hidden}
        if keyword == "not" and (folded := folded_in(details["schema"])) is not None:
            details["value"] = reduce(_below, error.instance_path, value)
            return [Violation(pointer_to(path), location, _alternatives(details), folded[0])]
        rule = error.schema_path[-1] if error.schema_path else None
        if keyword == "falseSchema" and rule in _NO_NAMES:
            return [Violation(pointer_to(path), location, "must be an empty object", rule)]
        if keyword in _NAMING:
            key, message = _NAMING[keyword]
            names = details[key] if isinstance(details[key], list) else [details[key]]
            return [Violation(pointer_to((*path, name)), location, message, keyword) for name in names]
        return [Violation(pointer_to(path), location, sentence(keyword, details), keyword)]


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


def _below(value: Any, step: str | int) -> Any:
    """Return the member of *value* that *step* leads to; a key of digits is told as a number by the library."""
    return value.get(str(step)) if isinstance(value, dict) else value[step]


def sentence(keyword: str, details: dict[str, Any]) -> str:
    """Return what is said of a value that breaks *keyword*; *details* are those of the validator's error.

    Nothing is told of a rule that holds one of ``details["hidden"]``.
    """
    write, hidden = _SENTENCES.get(keyword), details.get("hidden", ())
    if write is None or (hidden and any(_holds(details.get(name), hidden) for name in _STATED)):
        return _UNTOLD
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


def _alternatives(details: dict[str, Any]) -> str:
    """Name the types when the value has none of those of the alternatives, the number of alternatives otherwise."""
    folded = folded_in(details["schema"])
    if folded is None:
        return "has a form that is not allowed"
    name, forms = folded
    if name == "oneOf":  # told only where at least one fits
        return "fits more than one of the forms of which it may fit one"
    names = [kind for form in forms for kind in _types_of(form)]
    if all(map(_types_of, forms)) and not any(has_type(details["value"], kind) for kind in names):
        return _types(list(dict.fromkeys(names)))
    return f"fits none of the {len(forms)} allowed forms"


def _types_of(form: Any) -> list[str]:
    declared = form.get("type", []) if isinstance(form, dict) else []
    return declared if isinstance(declared, list) else [declared]


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
    said = sentence(kind.name, kind.as_dict() | {"value": "", "hidden": details.get("hidden", ())})
    return f"has a name that {said}"


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
    "not": _alternatives,
    "propertyNames": _property_names,
}
