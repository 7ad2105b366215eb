"""Which values may be long that something reads, and whether those of a request are."""

from __future__ import annotations

from typing import Any

from aggregator.parts.names import Names
from aggregator.plan.analysis.roots import roots_in, short_with
from aggregator.runtime.coding import LARGE

_OF_A_LIST = frozenset({"item", "keys"})
"""Names of what a call for each item of a list, or for many of them, is made for."""
_LEAST = 8
"""Bytes that any value is counted as, so that one of many small ones is not walked through to its end."""


class LongReads:
    """The names *reads* of values that may be long."""

    __slots__ = ("_names", "_of_a_list", "_reads_all", "_reads_body")

    def __init__(self, reads: frozenset[str]) -> None:
        self._reads_body = "body" in reads
        self._reads_all = "calls" in reads
        self._of_a_list = reads & _OF_A_LIST
        self._names = reads - _OF_A_LIST - {"body", "calls"}

    def are_long(self, names: Names, size: int = 0) -> bool:
        """Return whether work on them, and on *size* bytes, may take more than a few milliseconds."""
        if self._reads_body:
            size += len(names.exchange.content)
        if self._reads_all:
            size += sum(result.size for result in names.results if result is not None)
        for name in self._names:
            result = names.result(name)
            if result is not None:
                size += result.size
        return size > LARGE or any(is_larger(names.get(name), LARGE - size) for name in self._of_a_list)


def long_reads(value: Any, params: tuple[str, ...] = ()) -> LongReads | None:
    """Return what expressions in *value* read that may be long, None when all of it is short.

    Path parameters, *params*, are short.
    """
    reads = roots_in(value) - short_with(params)
    return LongReads(reads) if reads else None


def is_larger(value: Any, most: int) -> bool:
    """Return whether *value*, which is data, has more than about *most* bytes; it looks no further than that."""
    left, waiting = most, [value]
    while waiting and left >= 0:
        one = waiting.pop()
        many = isinstance(one, dict | list)
        left -= _LEAST * (len(one) + 1) if many else max(_LEAST, len(one)) if isinstance(one, str) else _LEAST
        if many and left >= 0:
            waiting += one
            if isinstance(one, dict):
                waiting += one.values()
    return left < 0
