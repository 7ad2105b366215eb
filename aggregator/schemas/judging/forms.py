"""The alternatives of ``anyOf`` and ``oneOf``: which of them a value that fits none of them comes nearest to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from aggregator.schemas.judging.engine import build_form

if TYPE_CHECKING:
    import jsonschema_rs

MAX_NODES = 2000
"""A value with more members than this is checked up to its first violation: finding all takes too long."""
_MOST_ERRORS = 20

Distance = tuple[int, int, int, int]
"""How far a value is from a form: whether it is something else, how many of its members mark another form, how much
else is wrong (a member that is missing counts twice), and how early."""


class Near(NamedTuple):
    """The form that a value comes nearest to, with its number in its list, from 1."""

    number: int
    validator: jsonschema_rs.Validator


class Forms:
    """The alternatives in *root*, a schema whose own alternatives are folded; compiled when first asked for."""

    __slots__ = ("_built", "_root")

    def __init__(self, root: Any) -> None:
        self._root = root
        self._built: dict[str, jsonschema_rs.Validator] = {}

    def has_fitting(self, forms: list[Any], value: Any) -> bool:
        """Return whether *value* fits one of *forms*."""
        return any(self._validator(form).is_valid(value) for form in forms)

    def nearest(self, forms: list[Any], value: Any) -> Near | None:
        """Return the one of *forms* that *value* fits best, the first of equals.

        None when its type is that of no form, and when nothing tells which of several a plain value is meant as.
        """
        counts = is_small(value, MAX_NODES // max(1, len(forms)))
        ranked: list[tuple[Distance, Near]] = []
        for number, form in enumerate(forms, 1):
            validator = self._validator(form)
            errors = validator.iter_errors(value) if counts else first_error(validator, value)
            ranked.append((_distance(islice(errors, _MOST_ERRORS)), Near(number, validator)))
        ranked.sort(key=lambda one: (one[0], one[1].number))
        is_plain = not isinstance(value, dict | list)
        is_open = is_plain and len(ranked) > 1 and ranked[0][0] == ranked[1][0]
        return None if not ranked or ranked[0][0][0] or is_open else ranked[0][1]

    def _validator(self, form: Any) -> jsonschema_rs.Validator:
        key = json.dumps(form)
        if key not in self._built:
            self._built[key] = build_form(form, self._root)
        return self._built[key]


def _distance(errors: Iterator[Any]) -> Distance:
    """Return how far *errors*, of one form, are; of the first error alone it matters how far the judge has come."""
    found = [(error.kind.name, error.instance_path) for error in errors]
    index = next((step for step in found[0][1] if isinstance(step, int)), 0) if len(found) == 1 else 0
    return (
        int(any(name in _SAYING_WHICH and not path for name, path in found)),
        sum(name in _MARKING and len(path) == 1 for name, path in found),
        sum(1 if path else 2 for _, path in found),
        -index,
    )


_MARKING = ("const", "enum")
_SAYING_WHICH = ("type", "falseSchema", *_MARKING)


def first_error(validator: jsonschema_rs.Validator, value: Any) -> Iterator[Any]:
    """Yield the first error of *value*, if it has one."""
    import jsonschema_rs

    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        yield error


def is_small(value: Any, most: int = MAX_NODES) -> bool:
    """Return whether *value* has at most *most* members, at any depth."""
    pending, seen = [value], 0
    while pending:
        node = pending.pop()
        if isinstance(node, dict | list):
            seen += len(node)
            if seen > most:
                return False
            pending.extend(node.values() if isinstance(node, dict) else node)
    return True
