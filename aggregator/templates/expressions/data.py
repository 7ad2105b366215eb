"""The data that expressions read: JSON values, the mark of what is not there, one step into a value.

Everything here treats a value as data: a key of an object, an index of an array, never an attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from aggregator.errors import ExpressionError


class Missing:
    """The type of `MISSING`: false, equal to nothing, empty, and an error in order and arithmetic."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return id(self)

    def __contains__(self, item: object) -> bool:
        return False

    def __lt__(self, other: object) -> NoReturn:
        raise ExpressionError("a missing value has no order; give it a `default`")

    __le__ = __gt__ = __ge__ = __lt__

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""What an expression gives when the data has no such field; `None` is the null that the data does have."""


class Joined(list[Any]):
    """A list of scalars for expressions; in a URL it stands as one text, its elements with *separator* between."""

    __slots__ = ("separator",)

    def __init__(self, items: Iterable[Any], separator: str) -> None:
        super().__init__(items)
        self.separator = separator


_OBJECTS: Final = (dict, Mapping)
"""An object of the data; asking an abstract class alone takes longer than the step."""


def step(value: Any, key: Any) -> Any:
    """The field or element *key* of *value*, or `MISSING`; the rule behind ``a.b``, ``a['b']`` and ``a[0]``.

    An integer also finds a field whose name is its digits, so ``people_by_id[order.user_id]`` works.
    """
    kind = str if isinstance(key, str) else type(key)
    if kind is not str and kind is not int:
        return MISSING
    if isinstance(value, _OBJECTS):
        return value.get(key if kind is str else str(key), MISSING)
    if kind is int and isinstance(value, list | tuple | str):
        try:
            return value[key]
        except IndexError:
            return MISSING
    return MISSING


def is_number(value: Any) -> bool:
    """Whether *value* is a JSON number; a boolean is none."""
    return type(value) is int or type(value) is float


def kind_of(value: Any) -> str:
    """How an error message calls *value*: ``null``, ``a number``, ``an array``, …, ``a missing value``."""
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "an object"
    return _KINDS.get(str if isinstance(value, str) else type(value), "a value of an unknown kind")


_KINDS: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    tuple: "an array",
    Joined: "an array",
    Decimal: "a number",
    Missing: "a missing value",
}
