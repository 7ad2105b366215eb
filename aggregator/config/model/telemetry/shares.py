"""Percentages as the file writes them: ``99.5%``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from aggregator.durations import number_text

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _parsed(what: str, example: str, *, ends: bool) -> Callable[[Any], float]:
    """Return what reads a percentage as a share; *ends* tells whether 0% and 100% are some, *what* names them."""
    range_ = "from 0% to 100%" if ends else "more than 0% and less than 100%"
    hint = {"hint": f"write it like {example}, {range_}"}

    def parse(value: Any) -> float:
        if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())):
            share = float(match[1]) / 100
            if 0 < share < 1 or (ends and share in (0, 1)):
                return share
        raise PydanticCustomError("bad-share", f"This is not {what}.", hint)

    return parse


_TEXT = PlainSerializer(lambda share: f"{number_text(share * 100)}%", return_type=str)
_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?%$"})
Objective = Annotated[float, BeforeValidator(_parsed("an objective", "99.5%", ends=False)), _TEXT, _SCHEMA]
"""A share of good requests: all of them are nothing that can be promised."""
Sample = Annotated[float, BeforeValidator(_parsed("a share", "1%", ends=True)), _TEXT, _SCHEMA]
"""The share of something that is told."""
