"""Stacks as short lists of lines, outermost first: ``file:line in function: source``."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterable
from types import FrameType

_MOST = 16


def frames_of(error: BaseException) -> tuple[str, ...]:
    """Give where *error* was raised, the raising line last; at most 16 lines."""
    return _lines(
        (frame.f_code.co_filename, number, frame.f_code.co_name)
        for frame, number in traceback.walk_tb(error.__traceback__)
    )


def frames_above(frame: FrameType) -> tuple[str, ...]:
    """Give where a running *frame* stands, its current line last; at most 16 lines."""
    found = [(above.f_code.co_filename, number, above.f_code.co_name) for above, number in traceback.walk_stack(frame)]
    return _lines(reversed(found))


def _lines(places: Iterable[tuple[str, int, str]]) -> tuple[str, ...]:
    innermost = list(places)[-_MOST:]
    return tuple(
        f"{file}:{number} in {name}: {_source(file, number)}".removesuffix(": ") for file, number, name in innermost
    )


def _source(file: str, number: int) -> str:
    return linecache.getline(file, number).strip()
