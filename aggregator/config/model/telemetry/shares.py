"""Percentages as the file writes them: ``99.5%``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _parsed(what: str, example: str, *, whole: bool) -> Callable[[Any], float]:
    """Return what reads a percentage as a share; *whole* tells whether 100% is one, *what* is said of others."""
    most = "100% at most" if whole else "less than 100%"
    hint = {"hint": f"write it like {example}, more than 0% and {most}"}

    def parse(value: Any) -> float:
        if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())):
            share = float(match[1]) / 100
            if 0 < share < 1 or (whole and share == 1):
                return share
        raise PydanticCustomError("bad-share", f"This is not {what}.", hint)

    return parse


_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?%$"})
Objective = Annotated[float, BeforeValidator(_parsed("an objective", "99.5%", whole=False)), _SCHEMA]
"""A share of good requests: all of them are nothing that can be promised."""
Sample = Annotated[float, BeforeValidator(_parsed("a share", "1%", whole=True)), _SCHEMA]
"""The share of something that is told."""
