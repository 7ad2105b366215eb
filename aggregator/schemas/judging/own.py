"""Keywords that the validator leaves to us, each a class of the form that ``jsonschema_rs`` wants.

The validator holds the interpreter from the first member of a value to the last. A function of Python inside is where
another thread, such as the event loop's, may take over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from aggregator.schemas.keywords import Schema

if TYPE_CHECKING:
    from jsonschema_rs import KeywordValidator

PAUSE: Final = "aggregator:pause"
_OF_MEMBERS: Final = (
    "items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties",
)  # fmt: skip
"""Keywords whose one schema is held against any number of members."""
_EXACT: Final = 2**53
"""Integers below it hash to themselves. Larger ones can be chosen so that they all have one hash."""


class Pause:
    """``PAUSE``: any value fits, and another thread may run."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        """Accept the arguments of every keyword validator: the schema around it, its value and its path."""

    def validate(self, instance: Any) -> None:
        """Accept *instance*, whatever it is."""


class UniqueItems:
    """``uniqueItems``, by one look at each item.

    The library compares each with all others of the same hash, which integers beyond 64 bits all have: a body of
    1 MiB of them took minutes.
    """

    __slots__ = ("_is_wanted",)

    def __init__(self, _parent: Any, value: Any, _path: Any) -> None:
        self._is_wanted = value is True

    def validate(self, instance: Any) -> None:
        """Raise ``ValueError`` when *instance* is an array that holds an item twice."""
        if self._is_wanted and isinstance(instance, list) and _holds_one_twice(instance):
            raise ValueError


OWN: Final[dict[str, type[KeywordValidator]]] = {"uniqueItems": UniqueItems, PAUSE: Pause}


def with_pauses(schema: Schema) -> Schema:
    """Return *schema*, which is changed, with a pause before each member that it is held against."""
    for name in _OF_MEMBERS:
        if isinstance(schema.get(name), dict):
            schema[name] |= {PAUSE: True}
    for inner in schema.get("patternProperties", {}).values():
        if isinstance(inner, dict):
            inner[PAUSE] = True
    return schema


def _holds_one_twice(items: list[Any]) -> bool:
    seen: set[Any] = set()
    for item in items:
        known = len(seen)
        seen.add(identity(item))
        if len(seen) == known:
            return True
    return False


def identity(value: Any) -> Any:
    """Return what is equal for values that JSON Schema calls equal, with a hash that no client can choose."""
    kind = type(value)
    if kind is str:
        return value
    if kind is float and value.is_integer():
        value, kind = int(value), int
    if kind is int:
        return value if -_EXACT < value < _EXACT else b"%x" % value
    if kind is float:
        return value
    text = _encode(value)
    return _encode(_plain(value)) if _MAY_HOLD_FLOAT(text) else text


def _plain(value: Any) -> Any:
    """Return *value* with its whole numbers as integers: 1 and 1.0 are one number."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_encode = msgspec.json.Encoder(order="deterministic").encode
_MAY_HOLD_FLOAT = re.compile(rb"[0-9][.e]").search
