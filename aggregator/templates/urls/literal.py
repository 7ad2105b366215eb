"""Literal URL text from the file: checked, then canonical; used by URL templates and path patterns."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from aggregator.templates.problem import TemplateProblem
from aggregator.templates.urls.percent import percent_encode

_CANONICAL: Final = re.compile(r"[A-Za-z0-9._~/?:@!$&'()*+,;=-]*").fullmatch
_PIECE: Final = re.compile(r"(?P<octet>%[0-9A-Fa-f]{2})|(?P<plain>[A-Za-z0-9._~-]+)|(?P<other>.)", re.DOTALL)
_RESERVED: Final = frozenset("/?:@!$&'()*+,;=")
_CONTROLS: Final = frozenset(map(chr, (*range(0x20), 0x7F)))


def encode_literal(source: str, offset: int) -> bytes:
    """*source* as it goes on the wire: ``/`` and ``%2F`` stay as they are, ``%41`` is ``A``, ``é`` UTF-8.

    *offset* is where *source* starts in the template. Raises `TemplateProblem`.
    """
    if _CANONICAL(source):
        return source.encode("ascii")
    return b"".join([_encode(piece, offset + piece.start()) for piece in _PIECE.finditer(source)])


def _encode(piece: re.Match[str], place: int) -> bytes:
    text = piece[0]
    if piece["plain"] or text in _RESERVED:
        return text.encode("ascii")
    if piece["octet"]:
        return _encode_octet(text, place)
    if text == "%":
        raise TemplateProblem("`%` is not followed by two hexadecimal digits", place, 1, "write `%25`")
    if text == "#":
        raise TemplateProblem("a fragment is never sent to a server", place, 1, "remove it, or write `%23`")
    if text == " ":
        raise TemplateProblem("a URL cannot hold a space", place, 1, "write `%20`")
    if text == "\\":
        raise TemplateProblem("a URL cannot hold a backslash", place, 1, "write `/`, or `%5C` for the character")
    if text in _CONTROLS:
        raise TemplateProblem("a URL cannot hold a control character", place)
    return _encode_unicode(text, place)


def _encode_octet(text: str, place: int) -> bytes:
    octet = unquote_to_bytes(text)
    if octet.decode("latin-1") in _CONTROLS:
        raise TemplateProblem(f"`{text}` is a control character", place, 3)
    return percent_encode(octet)


def _encode_unicode(text: str, place: int) -> bytes:
    try:
        return percent_encode(text.encode())
    except UnicodeEncodeError:
        raise TemplateProblem("this character is not valid Unicode", place) from None
