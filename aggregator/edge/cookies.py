"""Cookies, both ways (RFC 6265): the ``Cookie`` header as names and values, and ``Set-Cookie`` lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

_OCTETS = "!#$%&'()*+-./:<=>?@[]^_`{|}~"
"""What a value may hold beside letters and digits (§4.1.1); everything else is percent-encoded."""
_MOST = 300
_BLANKS = " \t"
"""What may stand around a pair (RFC 9110 §5.6.3), and nothing else that a program calls white space.

A page may set a cookie named as ``__Host-session`` with U+2000 before it, which browsers take for another name.
"""


def read_cookies(lines: Iterable[str]) -> dict[str, str]:
    """Return the cookies in *lines*, the values of the ``Cookie`` header, by name.

    Of two with one name the first counts: user agents send the more specific path first (§5.4). Quotes around a
    value are taken off. No more than 300 are read.
    """
    found: dict[str, str] = {}
    for name, value in _pairs(lines):
        if name not in found and len(found) < _MOST:
            found[name] = value
    return found


def values_of_cookie(lines: Iterable[str], name: str) -> list[str]:
    """Return all values of the cookie *name* in *lines*, as ``read_cookies`` reads them."""
    return [value for found, value in _pairs(lines) if found == name]


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        for pair in line.split(";", _MOST):
            name, equals, value = pair.partition("=")
            name, value = name.strip(_BLANKS), value.strip(_BLANKS)
            if equals and name:
                yield name, value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def cookie_value(text: str) -> str:
    """Return *text* as the value of a cookie: what RFC 6265 does not allow is percent-encoded, ``%`` too then."""
    if all(character.isascii() and (character.isalnum() or character in _OCTETS) for character in text):
        return text
    return quote(text, safe=_OCTETS.replace("%", ""))


def set_cookie(name: str, value: str, attributes: Mapping[str, str | bool | None]) -> bytes:
    """Return a ``Set-Cookie`` value. An attribute that is True stands alone, one that is False or None is left out."""
    parts = [f"{name}={cookie_value(value)}"]
    for attribute, setting in attributes.items():
        if setting is True:
            parts.append(attribute)
        elif setting not in (False, None):
            parts.append(f"{attribute}={setting}")
    return "; ".join(parts).encode("ascii")


def read_set_cookies(lines: Iterable[str]) -> dict[str, str]:
    """Return name and value of each ``Set-Cookie`` line, as a login sets them; the last of one name counts (§5.3)."""
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition(";")[0].partition("=")
        if equals and name.strip():
            found[name.strip()] = value.strip()
    return found
