"""What an answer says to caches (RFC 9111), for one caller."""

from __future__ import annotations

import re
from typing import Final

_TARGETED: Final = frozenset({b"edge-control", b"surrogate-control", b"surrogate-key", b"x-accel-expires"})
_DIRECTIVE = re.compile(rb'\s*([^=,\s]+)(\s*=\s*("(?:[^"\\]|\\.)*"|[^,]*))?\s*(?:,|$)')
_SHARED = frozenset({b"public", b"s-maxage", b"proxy-revalidate", b"private"})


def is_targeted(name: bytes) -> bool:
    """Return whether the field *name* (in lower case) speaks to shared caches alone, which heed it first.

    Those of RFC 9213 §2.1 end alike (``CDN-Cache-Control``, and those of vendors); the others are older: of nginx,
    Akamai, and the Edge Architecture Specification.
    """
    return name.endswith(b"-cache-control") or name in _TARGETED


def is_of_caches(name: bytes) -> bool:
    """Return whether the field *name* (in lower case) says what caches may do with an answer."""
    return name == b"cache-control" or is_targeted(name)


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
    if name == "x-accel-expires":  # seconds, or a moment behind `@` (ngx_http_proxy_module)
        return value.strip() != "0"
    said = {match[1].lower() for match in _DIRECTIVE.finditer(value.encode("utf-8", "surrogateescape"))}
    if said & {b"no-store", b"private"}:
        return False
    return bool(said & (_UNTIED if name == "cache-control" and authorized else _LIVES))


_UNTIED = frozenset({b"public", b"s-maxage", b"must-revalidate"})
_LIVES = _UNTIED | {b"max-age"}
