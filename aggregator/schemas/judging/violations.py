"""What a client reads when its data breaks a schema: a sentence for each violation, without the data.

Of a value that fits none of several alternatives it reads what keeps it from the nearest one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, Any

from aggregator.schemas.judging.engine import build, build_teller, folded_in, root_forms, teller_schema
from aggregator.schemas.judging.forms import MAX_NODES, Forms, first_error, is_small
from aggregator.schemas.judging.own import with_pauses
from aggregator.schemas.judging.sentences import UNTOLD, sentence
from aggregator.schemas.keywords import rewrite
from aggregator.schemas.problems import Violation, pointer_to

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["MAX_NODES", "MAX_VIOLATIONS", "Judge"]

MAX_VIOLATIONS = 20
"""So many are listed at most; a body with more is told the first twenty."""


class Judge:
    """Holds values against one schema: a look whether they fit, and only then the search for violations."""

    __slots__ = ("_forms", "_hidden", "_is_valid", "_patient", "_root_forms", "_schema", "_teller")

    def __init__(self, schema: Any, hidden: Sequence[Any] = ()) -> None:
        """Build the validator of *schema*; *hidden* are values in it that no sentence may tell."""
        self._schema = schema
        self._hidden = hidden
        self._patient: Judge | None = None
        validator = build(schema)
        telling = teller_schema(schema)
        self._is_valid = validator.is_valid
        self._teller = validator if telling is None else build_teller(telling)
        self._forms = Forms(telling)
        self._root_forms = () if self._teller is None else root_forms(telling)

    @property
    def patient(self) -> Judge:
        """The same judge for large values in a thread: it lets others run between their members."""
        if self._patient is None:
            self._patient = Judge(rewrite(self._schema, with_pauses), self._hidden)
        return self._patient

    def violations(self, value: Any, location: str, prefix: tuple[str | int, ...] = ()) -> list[Violation]:
        """Return the violations of *value*, in the order of the schema; *prefix* starts their pointers."""
        try:
            return [] if self._is_valid(value) else self._found(value, location, prefix)
        except ValueError:  # nested beyond the limit of the validator, or text that is not Unicode
            return [Violation(pointer_to(prefix), location, "is nested too deeply or holds invalid text", "type")]

    def _found(self, value: Any, location: str, prefix: tuple[str | int, ...]) -> list[Violation]:
        if not is_small(value):  # an error at the root would copy all of it
            for forms in self._root_forms:
                if not self._forms.has_fitting(forms, value):
                    return list(islice(self._unfit("anyOf", forms, value, location, prefix), MAX_VIOLATIONS))
        found = (
            []
            if self._teller is None
            else list(islice(self._told(self._teller, value, location, prefix), MAX_VIOLATIONS))
        )
        return found or [Violation(pointer_to(prefix), location, UNTOLD, "schema")]

    def _told(
        self, teller: jsonschema_rs.Validator, value: Any, location: str, prefix: tuple[str | int, ...]
    ) -> Iterator[Violation]:
        for error in teller.iter_errors(value) if is_small(value) else first_error(teller, value):
            yield from self._described(error, value, location, prefix)

    def _described(self, error: Any, value: Any, location: str, prefix: tuple[str | int, ...]) -> Iterator[Violation]:
        """Yield the violations of *value* that one *error* of the validator stands for: one for each name in it."""
        keyword, path = error.kind.name, (*prefix, *error.instance_path)
        details = error.kind.as_dict() | {"hidden": self._hidden}
        if keyword == "not" and (folded := folded_in(details["schema"])) is not None:
            yield from self._unfit(*folded, reduce(_below, error.instance_path, value), location, path)
            return
        rule = error.schema_path[-1] if error.schema_path else None
        if keyword == "falseSchema" and rule in _NO_NAMES:
            yield Violation(pointer_to(path), location, "must be an empty object", rule)
        elif keyword in _NAMING:
            key, message = _NAMING[keyword]
            names = details[key] if isinstance(details[key], list) else [details[key]]
            yield from (Violation(pointer_to((*path, name)), location, message, keyword) for name in names)
        else:
            yield Violation(pointer_to(path), location, sentence(keyword, details), keyword)

    def _unfit(
        self, keyword: str, forms: list[Any], value: Any, location: str, path: tuple[str | int, ...]
    ) -> Iterator[Violation]:
        """Yield that *value* fits none of *forms*, or of ``oneOf`` too many, and what keeps it from the nearest."""
        if keyword == "oneOf" and not self._forms.has_fitting(forms, value):
            keyword = "anyOf"
        message = sentence("not", {"schema": {"not": {keyword: forms}}, "value": value})
        near = None if keyword == "oneOf" else self._forms.nearest(forms, value)
        if near is None:
            yield Violation(pointer_to(path), location, message, keyword)
        else:
            yield Violation(pointer_to(path), location, f"{message}; form {near.number} is nearest", keyword)
            yield from self._told(near.validator, value, location, path)


def _below(value: Any, step: str | int) -> Any:
    """Return the member of *value* that *step* leads to; a key of digits is told as a number by the library."""
    return value.get(str(step)) if isinstance(value, dict) else value[step]


_NAMING = {
    "required": ("property", "is required"),
    "additionalProperties": ("unexpected", "is not a declared name"),
    "unevaluatedProperties": ("unexpected", "is not a declared name"),
}
"""Keywords whose error names members: the detail that holds them, and what is said of each."""

_NO_NAMES = ("additionalProperties", "propertyNames")
"""Keywords that, when they are false and stand alone, let no name in."""
