"""Keys of what is kept: digests of pieces that carry their lengths, so that two different things never share one."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def key_of(pieces: Iterable[bytes]) -> bytes:
    """Return the key that these *pieces* have, and no others in another order or cut."""
    return blake2b(b"".join([b"%d:%b" % (len(piece), piece) for piece in pieces]), digest_size=20).digest()
