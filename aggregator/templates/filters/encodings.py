"""Filters between values and their written forms."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from aggregator.errors import ExpressionError
from aggregator.templates.expressions.bounds import BUDGET, check_length, work_of
from aggregator.templates.expressions.data import MISSING
from aggregator.templates.expressions.json_pieces import decode_text
from aggregator.templates.expressions.pieces import texts_of
from aggregator.templates.filters.doc import FilterDoc, table
from aggregator.templates.filters.wants import refuse, want_text
from aggregator.templates.text import json_text, text_of
from aggregator.templates.urls.percent import percent_encode


def _tojson(value: Any) -> str:
    BUDGET.spend(work_of(value))
    written = json_text(None if value is MISSING else value)
    check_length(len(written))
    return written


def _fromjson(value: Any) -> Any:
    text = want_text(value, "fromjson")
    check_length(len(text))
    try:
        return decode_text(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise ExpressionError("`fromjson` takes a string with JSON in it") from None


def _b64encode(value: Any) -> str:
    return base64.b64encode(_octets(value, "b64encode")).decode("ascii")


def _b64decode(value: Any) -> str:
    text = want_text(value, "b64decode").translate(_URL_SAFE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        raise ExpressionError("`b64decode` takes a string with UTF-8 text in Base64") from None


def _urlencode(value: Any) -> str:
    if not isinstance(value, str | int | float):
        refuse(value, "urlencode", "a string, a number or a boolean")
    text = text_of(value)
    check_length(len(text))
    return _joined(percent_encode(piece).decode("ascii") for piece in texts_of(text))


def _xml_escape(value: Any) -> str:
    if value is None or value is MISSING:
        return ""
    BUDGET.spend(work_of(value))
    text = text_of(value)
    check_length(len(text))
    if _NOT_IN_XML(text):
        raise ExpressionError("`xml_escape` takes characters that XML has")
    return _joined(piece.translate(_XML) for piece in texts_of(text))


def _joined(pieces: Iterable[str]) -> str:
    """Return *pieces* as one text, which is refused as soon as it is too long."""
    made, length = [], 0
    for piece in pieces:
        made.append(piece)
        length += len(piece)
        check_length(length)
    return "".join(made)


def _octets(value: Any, who: str) -> bytes:
    try:
        return want_text(value, who).encode()
    except UnicodeEncodeError:
        raise ExpressionError(f"`{who}` takes valid Unicode") from None


_URL_SAFE: Final = str.maketrans("-_", "+/")
_XML: Final = {
    ord(character): entity
    for character, entity in (
        ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"),
        ("\t", "&#9;"), ("\n", "&#10;"), ("\r", "&#13;"),  # an attribute would read them as spaces
    )
}  # fmt: skip
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
"""What is no character of XML 1.0 (§2.2, *Char*); a set of what is one takes seven times as long to compile."""
ENCODINGS: Final = table(
    FilterDoc("tojson", _tojson, "A value as compact JSON text.", "{'a': [1, null]} | tojson", '{"a":[1,null]}'),
    FilterDoc("fromjson", _fromjson, "The value that JSON text says.", "'[1, 2]' | fromjson", [1, 2]),
    FilterDoc("b64encode", _b64encode, "Text in Base64.", "'user:pass' | b64encode", "dXNlcjpwYXNz"),
    FilterDoc("b64decode", _b64decode, "Text out of Base64, URL-safe or not.", "'w6k' | b64decode", "é"),
    FilterDoc("urlencode", _urlencode, "A value percent-encoded.", "'a b/c' | urlencode", "a%20b%2Fc"),
    FilterDoc(
        "xml_escape",
        _xml_escape,
        "A value as text for XML and HTML, in elements and in quoted attributes; null is nothing.",
        "'<a> & b' | xml_escape",
        "&lt;a&gt; &amp; b",
    ),
)
