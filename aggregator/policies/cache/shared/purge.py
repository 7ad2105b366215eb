"""A purge as processes tell it to each other."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

What: TypeAlias = Literal["tag", "key", "prefix", "upstream", "endpoint", "place", "all"]


class Purge(Struct, array_like=True, frozen=True):
    """A purge: of all that has one of the *names*, which are names of *what* (tag, key, prefix, …).

    Those of a ``place`` are tags of places in what is kept of *upstream*.
    """

    what: What
    names: tuple[str, ...] = ()
    upstream: str = ""
