"""The form of a variable's value in a URL, which depends on the part of the URL that the reference stands in.

What begins a URL is that part of it, what stands in a name, a host or a port has to be one, and in a path or a query a
value is data: it arrives as it is, percent-encoded (RFC 3986 §2.1), and begins nothing.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from aggregator.templates import percent_encode

Zone = Literal["beginning", "name", "host", "data"]
"""Where a reference stands: at the beginning of a URL, in the name of an upstream, in a host or port, behind these."""

_METHOD: Final = re.compile(r"[A-Za-z]+\s+(?=\S)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*:(?=/)")
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/?#]*)")
_ALLOWED: Final = {
    "name": (re.compile(r"[A-Za-z0-9_-]*"), "is no part of the name of an upstream"),
    "host": (re.compile(r"[A-Za-z0-9._:%\[\]-]*"), "is neither a host nor a port"),
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BRACES: Final = str.maketrans({"{": "%7B", "}": "%7D"})


def zone_of(words: str, start: int, chained: int) -> Zone:
    """Return the zone of the reference at *start* in *words*, a URL with words in the place of its references.

    References that follow each other without a sign between them, from *chained* on, begin a URL together.
    """
    method = _METHOD.match(words)
    first = method.end() if method else 0
    if min(start, chained) <= first:
        return "beginning"
    origin = _ORIGIN.match(words, first)
    if origin is not None:
        return "host" if origin.start("host") <= start < origin.end() else "data"
    name = _NAME.match(words, first)
    return "name" if name is not None and start < name.end() else "data"


def fault_in(value: str, zone: Zone) -> str | None:
    """Return why *value* cannot stand in *zone*, as the end of a sentence about it, or None when it can."""
    if _CONTROL.search(value):
        return "has a line break or another control character, which a URL cannot hold"
    allowed, why = _ALLOWED.get(zone, (None, ""))
    return None if allowed is None or allowed.fullmatch(value) else why


def form_in(value: str, zone: Zone) -> str:
    """Return *value* as it is written in *zone*; placeholders are named by the file alone."""
    return percent_encode(value).decode("ascii") if zone == "data" else value.translate(_BRACES)
