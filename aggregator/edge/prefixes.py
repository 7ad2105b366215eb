"""Which settings for a path and what is below it are meant for a request: `/v1` is not `/v10`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def is_below(path: str, prefix: str) -> bool:
    """Return whether *path* is *prefix*, or goes on behind it with a slash."""
    start = prefix.rstrip("/")
    return path == start or path.startswith(start + "/")


def layers_of(path: str, declared: Mapping[str, T]) -> list[T]:
    """Return what is *declared* for prefixes of *path*, the shortest, which is the outermost, first."""
    return [declared[prefix] for prefix in sorted(declared, key=len) if is_below(path, prefix)]
