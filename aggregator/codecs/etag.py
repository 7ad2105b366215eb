"""Entity tags of answers (RFC 9110 §8.8.3): made from the bytes, compared with If-None-Match."""

from __future__ import annotations

import re
from hashlib import blake2b

_TAG = re.compile(rb'\s*(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')
_EMPTY = re.compile(rb"\s*,")


def etag_of(body: bytes) -> bytes:
    """Return the strong entity tag of *body*: 128 bits of BLAKE2b, in quotes."""
    return b'"%s"' % blake2b(body, digest_size=16).hexdigest().encode()


def if_none_match(header: bytes, etag: bytes) -> bool:
    """Return whether If-None-Match names *etag*, so that 304 answers a GET (weak comparison, RFC 9110 §13.1.2).

    A header that cannot be read names nothing from there on: the client gets the whole answer.
    """
    if header.strip() == b"*":
        return True
    wanted, position = etag.removeprefix(b"W/"), 0
    while position < len(header):
        found = _TAG.match(header, position)
        if found is not None and found[1] == wanted:
            return True
        found = found or _EMPTY.match(header, position)
        if found is None:
            return False
        position = found.end()
    return False


def add_vary(existing: bytes | None, *names: bytes) -> bytes:
    """Return a Vary header that names *names* (lower case) besides what it named already; ``*`` stays alone."""
    present = [name.strip() for name in (existing or b"").split(b",") if name.strip()]
    if b"*" in present or b"*" in names:
        return b"*"
    known = {name.lower() for name in present}
    return b", ".join(present + [name for name in names if name not in known])
