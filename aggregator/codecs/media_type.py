"""Media types as they stand in Content-Type (RFC 9110 §8.3.1): parsed, and made safe to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from aggregator.http import TOKEN, is_json

_TYPE = re.compile(rf"\s*({TOKEN}/{TOKEN})(?=[\s;,]|$)[^;,]*")
_PARAMETER = re.compile(rf";[;\s]*(?:({TOKEN})=({TOKEN}|\"(?:[^\"\\]|\\.)*\")\s*(?=[;,]|$))?[^;,]*")
LONGEST = 256
"""Bytes of a header up to which what it means is remembered, so that nobody can fill the memory with headers."""


class MediaType(Struct, frozen=True):
    """A media type in lower case, such as ``text/csv``, with its parameters (names in lower case)."""

    essence: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str | None:
        """Return the parameter *name*, or None."""
        return next((value for key, value in self.parameters if key == name), None)

    @property
    def suffix(self) -> str | None:
        """Return the structured syntax suffix (RFC 6838 §4.2.8): ``json`` of ``application/problem+json``."""
        _, plus, suffix = self.essence.rpartition("+")
        return suffix if plus else None

    @property
    def is_json(self) -> bool:
        """Whether it names JSON: by either of its own names, or by its suffix (RFC 6839 §3.1)."""
        return is_json(self.essence)


def parse_media_type(header: bytes) -> MediaType | None:
    """Return the media type that a Content-Type header names, or None when it names none.

    Of a list it is the first. Parameters that cannot be read are left out, as browsers do (WHATWG MIME Sniffing §4.4):
    they must not hide what a body claims to be.
    """
    return _parse(header) if len(header) <= LONGEST else _parse.__wrapped__(header)


@lru_cache(maxsize=256)
def _parse(header: bytes) -> MediaType | None:
    text = header.decode("latin-1")
    match = _TYPE.match(text)
    if match is None or len(match[1]) > LONGEST:
        return None
    return MediaType(match[1].lower(), tuple(_parameters(text, match.end())))


def _parameters(text: str, position: int) -> Iterator[tuple[str, str]]:
    while parameter := _PARAMETER.match(text, position):
        position = parameter.end()
        if parameter[1]:
            yield parameter[1].lower(), _unquote(parameter[2])


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def shown(header: bytes | None) -> str:
    """Return a Content-Type for a message: the bare media type, never other text of the sender."""
    if header is None:
        return "no content type"
    media_type = parse_media_type(header)
    return media_type.essence if media_type is not None else "an unreadable content type"
