"""The files that patterns of ``include`` name, found within a bound on what has to be looked at for them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from aggregator.errors import AggregatorError

MOST_MATCHES = 1000
"""Most files that one pattern may match."""
MOST_ENTRIES = 50_000
"""Most files and folders that all patterns may look at; ``check`` would seem to hang otherwise."""


class TooManyFiles(AggregatorError):  # noqa: N818 - said of a pattern
    """A pattern matches, or makes one look at, more files than a configuration has."""


class Search:
    """Finds files by patterns, and counts what it looks at."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MOST_ENTRIES

    def files(self, pattern: str, folder: Path) -> list[str]:
        """Return the files below *folder* that match *pattern*, as paths from there, sorted.

        Raises ``TooManyFiles``; nothing is searched then.
        """
        try:
            self._count(pattern, folder)
            matching = glob.iglob(pattern, root_dir=folder, recursive=True)
            found = list(islice((one for one in matching if (folder / one).is_file()), MOST_MATCHES + 1))
        except RecursionError:
            raise TooManyFiles(f"`{pattern}` leads through too many folders within each other") from None
        if len(found) > MOST_MATCHES:
            raise TooManyFiles(f"`{pattern}` matches more than {MOST_MATCHES} files")
        return sorted(found)

    def _count(self, pattern: str, folder: Path) -> None:
        fixed, *steps = _steps(pattern)
        for _ in _looked_at(str(folder / fixed), steps):
            self._left -= 1
            if self._left < 0:
                raise TooManyFiles(f"with `{pattern}`, more than {MOST_ENTRIES} files and folders have to be looked at")


def fixed_part(pattern: str) -> str:
    """Return the folder that *pattern* names before its first step with a sign of patterns."""
    return _steps(pattern)[0]


def _steps(pattern: str) -> list[str]:
    """Return the folder that begins *pattern*, and then its steps from the first with a sign of patterns on."""
    steps = pattern.split("/")
    first = next((index for index, step in enumerate(steps) if glob.has_magic(step)), len(steps))
    fixed = "/".join(steps[:first])
    return ["/" if first and not fixed else fixed, *(step for step in steps[first:] if step)]


def _looked_at(folder: str, steps: Sequence[str]) -> Iterator[None]:
    """Yield once for each entry of a folder that *steps* lead into: through links, and with ``**`` nothing hidden."""
    if not steps:
        return
    first, *rest = steps
    if not glob.has_magic(first):
        yield from _looked_at(os.path.join(folder, first), rest)
        return
    is_deep = first == "**"
    if is_deep:
        yield from _looked_at(folder, rest)
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield None
                if _leads_on(entry, first, steps) and entry.is_dir():
                    yield from _looked_at(entry.path, steps if is_deep else rest)
    except OSError:  # there is no such folder, or nobody may read it
        return


def _leads_on(entry: os.DirEntry[str], first: str, steps: Sequence[str]) -> bool:
    if first == "**":
        return not entry.name.startswith(".")
    return len(steps) > 1 and fnmatch(entry.name, first)
