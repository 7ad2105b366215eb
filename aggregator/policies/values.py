"""Values that settings of policies are written in: shares, ranges of durations, rates a second, time zones."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, GetPydanticSchema, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from aggregator.durations import number_text, rate_of
from aggregator.fields import duration_text, parse_duration

_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_SHARE_FORM = "write it like 20%, above 0% up to 100%"


class Span(NamedTuple):
    """A duration that lies between two, both in seconds."""

    least: float
    most: float

    def __str__(self) -> str:
        """The span as a file writes it: one duration where it is always the same."""
        least, most = duration_text(self.least), duration_text(self.most)
        return least if self.least == self.most else f"{least}..{most}"


def _span(value: Any) -> Span:
    if isinstance(value, Span):
        return value
    least, dots, most = value.partition("..") if isinstance(value, str) else (value, "", "")
    span = Span(parse_duration(least), parse_duration(most if dots else least))
    if not 0 < span.least <= span.most:
        hint = "write the shorter one first, such as 25ms..250ms"
        raise PydanticCustomError("bad-duration", "This is not a range of durations.", {"hint": hint})
    return span


def _share(value: Any) -> float:
    if isinstance(value, str) and (found := _SHARE.fullmatch(value.strip())) and 0 < float(found[1]) <= 100:
        return float(found[1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100:
        near = f"{number_text(value * 100)}%" if value < 1 else f"{number_text(value)}%"
        hint = {"hint": f"write `{near}`", "form": _SHARE_FORM}
        raise PydanticCustomError("bad-share", "A share is written in percent.", hint)
    raise PydanticCustomError("bad-share", "This is not a share.", {"hint": _SHARE_FORM})


def share_text(share: float) -> str:
    """Return *share* as the file writes it: ``20%``."""
    return f"{number_text(share * 100)}%"


def _per_second(value: Any) -> float:
    if value == 0 and not isinstance(value, bool):
        return 0.0
    found = rate_of(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("bad-rate", "This is not a rate.", {"hint": "write it like 10/s or 30/m, or 0"})
    return found[0] / found[1]


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = {"hint": "write it like Europe/Berlin, or UTC"}
        raise PydanticCustomError("bad-calendar", "There is no such time zone here.", hint) from None
    return value


def _named(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise PydanticCustomError("too-short", "This list names nothing.", {"hint": "name something, or leave it out"})
    return value


NAMES = AfterValidator(_named)
"""Metadata of a list that has to name something."""

_ANY = GetPydanticSchema(lambda _source, _handler: core_schema.any_schema())

DurationSpan = Annotated[
    Span,
    _ANY,
    BeforeValidator(_span),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9a-z.]+(\.\.[0-9a-z.]+)?$", "examples": ["25ms..250ms", "5s"]}),
]
"""Two durations, the shorter one first; one stands for both."""

Share = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(share_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}(\.\d+)?\s*%$", "examples": ["20%", "2.5%"]}),
]
"""A share, written in percent, above zero."""

PerSecond = Annotated[
    float,
    BeforeValidator(_per_second),
    PlainSerializer(lambda rate: f"{number_text(rate)}/s", return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^[1-9]\d*/.+$", "examples": ["10/s", "30/m"]}),
]
"""A rate as a number a second; 0 is allowed."""

Zone = Annotated[str, AfterValidator(_zone)]
"""The name of a time zone: ``Europe/Berlin``."""
