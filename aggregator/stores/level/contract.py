"""What is asked of the level of a cache that processes share.

A level has spaces, such as one an upstream. Each numbers its purges: who makes a value remembers the number of the last
one before it began, and a value is neither kept nor given out when one of its tags was purged behind that number.

Of those who lack the same value one holds a lease of its key: it makes the value, and others know that it does. A lease
ends with the value, when its holder gives it up, or with its life: nothing is refused for want of one.
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


class Lease(NamedTuple):
    """A lease that is asked for by its *token*, for a *life* in seconds, where there is no value, or *anyway*.

    With a life of 0 none is taken; who holds it is told all the same. There is none for an empty token.
    """

    token: bytes = b""
    life: float = 0.0
    anyway: bool = False


NO_LEASE: Final = Lease()


class Looked(NamedTuple):
    """The state of a key: the *number* of the last purge of its space, and a *value* that is *age* seconds old.

    The value is None when there is none. *holder* is the token of the lease of the key, empty where nobody has one or
    none was asked for.
    """

    number: int
    value: bytes | None = None
    age: float = 0.0
    holder: bytes = b""


def tag_digest(tag: str) -> bytes:
    """Return the 16 bytes by which a level knows *tag*: what stands in it is nobody else's matter."""
    return blake2b(tag.encode("utf-8", "surrogateescape"), digest_size=16).digest()
