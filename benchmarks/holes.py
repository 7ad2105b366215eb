"""Whether new objects keep out of the holes that loading has left: ``python benchmarks/holes.py``; fails when not.

Of each size of block every other of 20 000 is freed. A thousand objects that are made then lie in these holes; after
``Holes.fill`` next to none do, also when more holes have come since.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from aggregator.server.process.memory import Holes

RIDDLED, MADE = 20_000, 1000
MAKERS: dict[int, Callable[[int], Any]] = {
    16: lambda _: object(),
    32: lambda number: 0.5 + number,
    48: lambda _: bytes(15),
    64: lambda _: bytes(31),
    512: lambda _: bytes(479),
}


def main() -> int:
    """Print for each size how many new objects lie in holes; 0 when few do after filling."""
    good = True
    print(f"{'bytes':>6} {'before':>7} {'filled':>7} {'again':>7}   of {MADE} new objects in holes")
    for size, make in MAKERS.items():
        before, filled, again = asyncio.run(measured(make))
        print(f"{size:>6} {before:>7} {filled:>7} {again:>7}")
        good &= before > MADE * 0.9 and max(filled, again) < MADE * 0.1
    return 0 if good else 1


async def measured(make: Callable[[int], Any]) -> tuple[int, int, int]:
    """Return how many of a thousand new objects lie in holes before filling, after it, and after filling more holes."""
    holes, (kept, first) = Holes(), riddled(make)
    before = made_in(first, make)
    await holes.fill()
    filled = made_in(first, make)
    more, second = riddled(make)
    await holes.fill()
    again = made_in(first | second, make)
    del kept, more
    return before, filled, again


def riddled(make: Callable[[int], Any]) -> tuple[list[Any], set[int]]:
    """Return every other of many objects, and the addresses of those between them, which are free."""
    objects = [make(number) for number in range(RIDDLED)]
    holes = set(map(id, objects[::2]))
    del objects[::2]
    return objects, holes


def made_in(holes: set[int], make: Callable[[int], Any]) -> int:
    """Return how many of a thousand new objects lie at addresses of *holes*."""
    made = [make(number) for number in range(MADE)]
    return len(set(map(id, made)) & holes)


if __name__ == "__main__":
    sys.exit(main())
