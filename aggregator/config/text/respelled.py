"""Numbers that are written another way than they are sent: ``3.10`` is the number 3.1, ``0x1F`` is 31.

``values`` marks them, ``section`` takes the marks off and keeps where they stood, for ``respelling``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from aggregator.diagnostics.finding import Steps
from aggregator.templates import json_text


class Respelled(Struct, frozen=True):
    """A *number*, and the *text* that stands for it in the file, which is not what it is sent as."""

    number: int | float
    text: str


def marked(number: int | float, text: str) -> int | float | Respelled:
    """Return *number*, which the file says as *text*, with a mark unless it is sent as just that text."""
    return number if json_text(number) == text else Respelled(number, text)


def without_marks(value: Any) -> Any:
    """Return *value*, any value of a file, with the numbers themselves in the place of marks."""
    if isinstance(value, dict):
        return {key: without_marks(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_marks(inner) for inner in value]
    return value.number if isinstance(value, Respelled) else value


def marks_in(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Respelled]]:
    """Yield the marks in *value*, each with its path, which begins with *path*."""
    if isinstance(value, Respelled):
        yield path, value
    elif isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from marks_in(inner, (*path, key))
