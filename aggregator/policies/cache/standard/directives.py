"""Caching directives of a reply: ``Cache-Control``, dates and ages, as RFC 9111 reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime

from aggregator.http import HeaderList

Directives = dict[str, str | None]
"""The directives of ``Cache-Control`` by name in lower case, each with its argument, None where it has none."""

MOST_SECONDS = 2**31
"""Larger numbers of seconds are this one (RFC 9111 §1.2.2)."""
_DIRECTIVE = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?\s*(?:,|$)')


def directives_of(headers: HeaderList) -> Directives:
    """Return the directives of a reply with *headers*; of one that is said twice the first counts.

    What is no directive is passed over to the next comma.
    """
    text = ", ".join(value.decode("latin-1") for name, value in headers if name == b"cache-control")
    found: Directives = {}
    at = 0
    while at < len(text):
        match = _DIRECTIVE.match(text, at)
        if match is not None and match.end() > at:
            quoted, token = match[2], match[3]
            argument = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
            found.setdefault(match[1].lower(), argument)
            at = match.end()
        else:
            comma = text.find(",", at)
            at = len(text) if comma < 0 else comma + 1
    return found


def seconds_of(directives: Directives, name: str) -> float | None:
    """Return the seconds that the directive *name* says, None when it is not there.

    One that cannot be read says 0 (RFC 9111 §4.2.1: what is invalid is stale).
    """
    if name not in directives:
        return None
    text = directives[name] or ""
    return float(min(int(text), MOST_SECONDS)) if text.isascii() and text.isdigit() and len(text) < 100 else 0.0


def age_of(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Return the seconds of ``Age``, the first one that is said; 0 for what is none (RFC 9111 §5.1)."""
    for name, value in headers:
        if name == b"age":
            text = value.split(b",")[0].strip()
            return float(min(int(text), MOST_SECONDS)) if text.isdigit() and len(text) < 100 else 0.0
    return 0.0


def moment_of(headers: HeaderList, name: bytes) -> float | None:
    """Return the date in the field *name* (lower case) in seconds since 1970; None when it is none, or said twice."""
    found = [value for one, value in headers if one == name]
    if len(found) != 1:
        return None
    text = found[0].decode("latin-1").strip()
    if not text[:3].isalpha():  # RFC 5322 knows dates without a day of the week, HTTP does not
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
