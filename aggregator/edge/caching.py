"""What an answer says to caches (RFC 9111), for one caller."""

from __future__ import annotations

import re
from typing import Final

TARGETED: Final = (b"cdn-cache-control", b"surrogate-control", b"surrogate-key")
"""Fields that speak to shared caches alone (RFC 9213 §3)."""
_DIRECTIVE = re.compile(rb'\s*([^=,\s]+)(\s*=\s*("(?:[^"\\]|\\.)*"|[^,]*))?\s*(?:,|$)')
_SHARED = frozenset({b"public", b"s-maxage", b"proxy-revalidate", b"private"})


def private_field(value: bytes) -> bytes:
    """Return the Cache-Control *value* without what it says to shared caches, and with ``private``.

    ``no-store`` alone stays as it is. ``private`` of some fields becomes that of all.
    """
    directives = [(match[1].lower(), match[0].strip(b" \t,")) for match in _DIRECTIVE.finditer(value)]
    kept = [written for name, written in directives if name not in _SHARED]
    if any(name == b"no-store" for name, _ in directives):
        return b", ".join(kept)
    return b", ".join([b"private", *kept])


def is_for_shared_caches(name: str, value: str, *, authorized: bool) -> bool:
    """Return whether a field *name* (in lower case) with *value* lets a shared cache answer others than who asked.

    Where the credential comes in ``Authorization`` (*authorized*), RFC 9111 §3.5 names what of ``Cache-Control`` does;
    of one in another place shared caches know nothing, and any life is enough.
    """
    said = {match[1].lower() for match in _DIRECTIVE.finditer(value.encode("utf-8", "surrogateescape"))}
    if said & {b"no-store", b"private"}:
        return False
    return bool(said & (_UNTIED if name == "cache-control" and authorized else _LIVES))


_UNTIED = frozenset({b"public", b"s-maxage", b"must-revalidate"})
_LIVES = _UNTIED | {b"max-age"}
