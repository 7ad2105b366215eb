"""What is asked of the level of a cache that processes share.

A level has spaces, such as one an upstream. Each numbers its purges: who makes a value remembers the number of the last
one before it began, and a value is neither kept nor given out when one of its tags was purged behind that number.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

LARGEST: Final = 128 * 2**10
"""Bytes that one value may have, so that a few on their way hold up no limit that asks the same store."""
LONGEST: Final = 7 * 86_400.0
"""Seconds for which a value may be kept."""
MOST_TAGS: Final = 10_000
"""Purged tags of one space that are remembered; what began before one that is not counts as purged."""


class Looked(NamedTuple):
    """What there is of a key: the *number* of the last purge of its space, and a *value* that is *age* seconds old.

    The value is None when there is none.
    """

    number: int
    value: bytes | None = None
    age: float = 0.0


def tag_digest(tag: str) -> bytes:
    """Return the 16 bytes by which a level knows *tag*: what stands in it is nobody else's matter."""
    return blake2b(tag.encode("utf-8", "surrogateescape"), digest_size=16).digest()
