"""The value types that settings are made of: durations, sizes, status patterns, and their base class.

Used by every settings model; a wrong value raises a pydantic error whose context may carry a ``hint``.
"""

import re
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from aggregator.causes import CAUSES, RENAMED
from aggregator.durations import duration_of, number_text
from aggregator.edge.networks import parse_networks
from aggregator.errors import Cause

_UNIT_WORDS = {
    "ms": ("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
}
_LOOSE_DURATION = re.compile(
    rf"(\d+(?:\.\d+)?)\s*({'|'.join(word for words in _UNIT_WORDS.values() for word in words)})"
)
_LOOSE_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?", re.IGNORECASE)
_DURATION_FORM = "write it like 250ms, 2s, 1m30s or 1h"
_HOUR = 3600
_SIZE_FORM = "write it like 64KiB, 8MB or a number of bytes"
_ANY = frozenset({"default", "*", "else", "otherwise", "other", "others", "all", "error", "errors", "_"})
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)")
_BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
_CLASS = re.compile(r"[1-5]xx")
_LARGEST_SIZE = 2**50
_LONGEST = 36_500 * 86_400.0
_Number = TypeVar("_Number", int, float)

CAUSE_FAMILIES: tuple[str, ...] = tuple(
    dict.fromkeys(name for cause in CAUSES if cause is not Cause.STATUS for name in cause.families)
)
CAUSE_NAMES: tuple[str, ...] = tuple(dict.fromkeys([*CAUSE_FAMILIES, *(cause.value for cause in CAUSES)]))


class TextKind(Enum):
    """What becomes of the texts in a setting; a field says it as metadata, and is plain when it says nothing.

    *PLAIN* text is never evaluated, so `check` refuses ``{{`` in it. *FIELDS* is a template whose values are all sent
    as text: headers, query parameters, forms, cookies; *PARTS* are the fields of a multipart body, which may be files.
    *EXPRESSION* is one expression, *CONDITION* one that is true or false. *PARAMETERS* are declarations whose defaults
    are templates.
    """

    PLAIN = "plain"
    TEMPLATE = "template"
    FIELDS = "fields"
    PARTS = "parts"
    EXPRESSION = "expression"
    CONDITION = "condition"
    URL = "url"
    PARAMETERS = "parameters"


DATE = "date"
"""Metadata of a field that takes a date, which may stand there without quotes."""


class Settings(BaseModel):
    """Base of every settings model: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


SettingsT = TypeVar("SettingsT", bound=Settings)


def unwritten(model: type[SettingsT]) -> Callable[[], SettingsT]:
    """Return what makes the settings of *model* where nobody has written any, the same ones each time.

    They are frozen and may be shared. To make them, pydantic inspects the signatures of the factories of all defaults,
    which was a third of the time that a small file takes to load.
    """
    return cast("Callable[[], SettingsT]", cache(model.model_construct))


def parse_duration(value: Any) -> float:
    """Return *value* ("250ms", "2s", "1m30s") in seconds; raise a located problem otherwise."""
    if isinstance(value, str):
        seconds = duration_of(value.strip())
        if seconds is not None:
            return _within_a_life(seconds)
    if isinstance(value, int | float) and not isinstance(value, bool):
        is_near = duration_of(f"{value}s") is not None
        hint = f"write `{value}s` or `{value}ms`" if is_near else _DURATION_FORM
        raise PydanticCustomError("bad-duration", "A duration needs a unit.", {"hint": hint, "form": _DURATION_FORM})
    if isinstance(value, dict):
        hint = "write one duration; the phases of a call have their limits in `timeout` of the call or its upstream"
        raise PydanticCustomError("bad-duration", "A duration is expected, not a mapping.", {"hint": hint})
    hint = _DURATION_FORM
    if isinstance(value, str) and (near := _LOOSE_DURATION.fullmatch(value.strip().lower())):
        hint = f"write `{near[1]}{next(unit for unit, words in _UNIT_WORDS.items() if near[2] in words)}`"
    raise PydanticCustomError("bad-duration", "This is not a duration.", {"hint": hint, "form": _DURATION_FORM})


def _within_a_life(seconds: float) -> float:
    """Return *seconds*; raise a located problem for more than clocks and timers can count."""
    if seconds > _LONGEST:
        hint = {"hint": "write 36500d or less"}
        raise PydanticCustomError("bad-duration", "This is longer than a hundred years.", hint)
    return seconds


def duration_text(seconds: float) -> str:
    """Return *seconds* as the file writes them, to the millisecond: ``250ms``, ``2s``, ``10.05s``, ``90s``, ``2h``."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds >= _HOUR and seconds % _HOUR == 0:
        return f"{seconds / _HOUR:.0f}h"
    return f"{number_text(round(seconds, 3))}s"


def _positive(value: float) -> float:
    if value <= 0:
        raise PydanticCustomError(
            "bad-duration", "A timeout must be longer than zero.", {"hint": "leave the key out to inherit"}
        )
    return value


def parse_size(value: Any) -> int:
    """Return *value* ("64KiB", "8MB", or a number of bytes) in bytes; raise a located problem otherwise."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return _within_memory(value)
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        return int(_within_memory(float(match[1]) * _BYTES[match[2]]))
    hint = _SIZE_FORM
    if isinstance(value, str) and (near := _LOOSE_SIZE.fullmatch(value.strip())):
        prefix = near[2].upper() + ("i" if near[3] else "")
        hint = f"write `{near[1]}{'kB' if prefix == 'K' else f'{prefix}B'}`"
    raise PydanticCustomError("bad-size", "This is not a size.", {"hint": hint, "form": _SIZE_FORM})


def _within_memory(size: _Number) -> _Number:
    """Return *size*, a number of bytes, that a machine may have; raise a located problem for a larger one."""
    if size > _LARGEST_SIZE:
        raise PydanticCustomError("bad-size", "This is more than a machine can hold.", {"hint": "write 1GiB or less"})
    return size


def size_text(size: int) -> str:
    """Return *size*, a number of bytes, as the file writes it: ``64KiB``, ``8MiB``, ``1000``."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return str(size)


def parse_status_key(value: Any) -> str:
    """Return the canonical form of what a ``status_map`` row matches: "404", "5xx" or a cause."""
    if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
        return str(value)
    if isinstance(value, str):
        text = value.strip()
        if text.isdigit() and 100 <= int(text) <= 599:
            return text
        if _CLASS.fullmatch(text.lower()):
            return text.lower()
        if text in CAUSE_NAMES or text == "any":
            return text
        if text in RENAMED:
            now = RENAMED[text].value
            raise PydanticCustomError("bad-status-key", "This cause has another name now.", {"hint": f"write `{now}`"})
    if isinstance(value, str) and value.strip().lower() in _ANY:
        hint = {"hint": "write `any`, in the last row"}
        raise PydanticCustomError("bad-status-key", "This is not a status, a class of statuses or a cause.", hint)
    raise PydanticCustomError(
        "bad-status-key",
        "This is not a status, a class of statuses or a cause.",
        {
            "hint": f"use 404, 5xx, any, or a cause: {', '.join(CAUSE_FAMILIES)}",
            "candidates": [*CAUSE_NAMES, "any"],
        },
    )


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(lambda seconds: f"{number_text(seconds)}s", return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$", "examples": ["250ms", "2s", "1m30s"]}
    ),
]
"""Seconds, written with a unit; zero is allowed."""

Timeout = Annotated[Duration, AfterValidator(_positive)]
"""Seconds, written with a unit, more than zero."""

ByteSize = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "pattern": r"^\d+(\.\d+)?\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)$",
            "minimum": 0,
            "examples": ["64KiB", "8MB", 1048576],
        }
    ),
]
"""Bytes, written as a number or with a unit."""

StatusKey = Annotated[
    str,
    BeforeValidator(parse_status_key),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^[1-5]([0-9][0-9]|xx|XX)$"},
                {"enum": [*CAUSE_NAMES, "any"]},
            ],
            "examples": [404, "5xx", "timeout"],
        }
    ),
]
"""What a ``status_map`` row matches."""


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        try:
            parse_networks([text])
        except ValueError as error:
            hint = "write an address or a network, such as 10.0.0.0/8, 2001:db8::/32, or unix:"
            raise PydanticCustomError("bad-network", "{why}.", {"why": str(error), "hint": hint}) from None
    return value


NetworkList = Annotated[tuple[str, ...], AfterValidator(_networks)]
"""Addresses, networks, and `unix:` for peers on a Unix socket."""
