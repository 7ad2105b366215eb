"""Stacks as short lists of lines, ``file:line in function: source``: of an error, and of a loop that stands still."""

from __future__ import annotations

import asyncio
import linecache
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from itertools import dropwhile, groupby
from types import FrameType
from typing import NamedTuple

_MOST = 16
_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep
_ASYNCIO = os.path.dirname(asyncio.__file__) + os.sep
_LIBRARY = (
    sysconfig.get_path("stdlib") + os.sep,
    f"{os.sep}site-packages{os.sep}",
    f"{os.sep}dist-packages{os.sep}",
    "<",
)


def frames_of(error: BaseException) -> tuple[str, ...]:
    """Return where *error* was raised, the raising line last; at most 16 lines."""
    frames = [
        _Frame(frame.f_code.co_filename, number, frame.f_code.co_name)
        for frame, number in traceback.walk_tb(error.__traceback__)
    ]
    return tuple(frame.line(frame.file) for frame in frames[-_MOST:])


class Standstill(NamedTuple):
    """The line at which a thread is blocked: *where* is the nearest line of the operator's code, else the innermost.

    *stack* begins with the innermost line, each one called by the next; at most 16 lines.
    """

    where: str = ""
    stack: tuple[str, ...] = ()


def standstill_of(frame: FrameType) -> Standstill:
    """Return where the running *frame* stands, from the callback on that the event loop called.

    Of code that is not the operator's only the innermost line is shown, and how many lines there are else. Where
    there is none of theirs, our own code is shown in its place.
    """
    # Between two lines, as at the entry of a function, a frame of another thread has no number.
    frames = [_Frame(above.f_code.co_filename, number or above.f_code.co_firstlineno, above.f_code.co_name)
              for above, number in traceback.walk_stack(frame)]  # fmt: skip
    frames = _below_the_loop(frames)
    shown = min(frame.strangeness for frame in frames)
    near = next(number for number, frame in enumerate(frames) if frame.strangeness == shown)
    lines = list(_folded(frames, shown))
    return Standstill(frames[near].line(), tuple(lines[:_MOST]))


class _Frame(NamedTuple):
    """One line that runs: *number* in *file*, in the function *name*."""

    file: str
    number: int
    name: str

    @property
    def strangeness(self) -> int:
        """0 for code of the operator, 1 for ours, 2 for libraries."""
        if self.file.startswith(_OWN):
            return 1
        return 2 if any(part in self.file for part in _LIBRARY) else 0

    def line(self, file: str | None = None) -> str:
        """The line as text, below the folder that its module is found in."""
        source = linecache.getline(self.file, self.number).strip()
        place = f"{_short(self.file) if file is None else file}:{self.number} in {self.name}"
        return f"{place}: {source}" if source else place


def _below_the_loop(frames: list[_Frame]) -> list[_Frame]:
    """*frames*, innermost first, without the event loop and what started it; the innermost where that is the loop."""
    called = reversed(frames)
    loop = list(dropwhile(lambda frame: not frame.file.startswith(_ASYNCIO), called))
    inner = list(dropwhile(lambda frame: frame.file.startswith(_ASYNCIO), loop))
    return inner[::-1] or (frames[:1] if loop else frames)


def _folded(frames: list[_Frame], shown: int) -> Iterator[str]:
    """The lines of *frames* down to the outermost that is *shown*, with a count in the place of all others."""
    last = max(number for number, frame in enumerate(frames) if frame.strangeness == shown)
    yield frames[0].line()
    for is_shown, run in groupby(frames[1 : last + 1], key=lambda frame: frame.strangeness == shown):
        lines = list(run)
        if is_shown:
            yield from (frame.line() for frame in lines)
        else:
            yield f"… {len(lines)} in libraries"


def _short(file: str) -> str:
    """*file* without the longest of the folders that modules are imported from."""
    folders: Iterable[str] = (
        os.path.join(folder or os.getcwd(), "") for folder in [*sys.path, os.path.dirname(_OWN[:-1])]
    )
    longest = max((folder for folder in folders if file.startswith(folder)), key=len, default="")
    return file[len(longest) :]
