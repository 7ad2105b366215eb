"""Text bodies to str by their declared charset; bytes that do not fit are an error, never replaced."""

from __future__ import annotations

import codecs

from aggregator.codecs.media_type import parse_media_type
from aggregator.errors import CallError, Cause

# Python also calls zip, hex, idna or unicode_escape a codec: only character sets are let in.
_CHARSETS = frozenset(
    [
        "ascii",
        "utf-8",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "koi8-r",
        "koi8-u",
        "mac-roman",
        "tis-620",
    ]
    + [f"iso8859-{part}" for part in range(1, 17) if part != 12]
    + [f"cp{page}" for page in (437, 850, 866, 874, 932, 949, *range(1250, 1259))]
    + ["shift_jis", "euc_jp", "iso2022_jp", "euc_kr", "gb2312", "gbk", "gb18030", "big5"]
)

_SUBSETS_OF_UTF8 = ("utf-8", "ascii")
_MARKS_OF_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def charset_of(content_type: bytes | None) -> str | None:
    """Return Python's name of the charset that *content_type* declares, or None when it declares none.

    Raises ``CallError`` (``content_type``) for a charset that is not known.
    """
    media_type = parse_media_type(content_type) if content_type is not None else None
    declared = media_type.parameter("charset") if media_type else None
    if declared is None:
        return None
    try:
        name = codecs.lookup(declared).name
    except (LookupError, ValueError):
        name = ""
    if name not in _CHARSETS:
        raise CallError(Cause.CONTENT_TYPE, "The body declares a charset that is not known.")
    return name


def utf8_of(body: bytes, content_type: bytes | None) -> bytes:
    """Return *body*, a text that should be UTF-8 whatever it declares (RFC 8259 §8.1), as that: servers send others.

    A byte order mark tells what it is, else the charset that *content_type* declares, if that is one we know. A mark
    of UTF-8 is left out. Raises ``CallError`` (``malformed``) for bytes that do not fit.
    """
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :]
    charset = "utf-16" if body.startswith(_MARKS_OF_UTF16) else _known_charset(content_type)
    if charset in _SUBSETS_OF_UTF8:
        return body
    try:
        return str(body, charset).encode()
    except UnicodeError:
        raise CallError(Cause.MALFORMED, f"The body is not text in {charset}.") from None


def _known_charset(content_type: bytes | None) -> str:
    try:
        return charset_of(content_type) or "utf-8"
    except CallError:
        return "utf-8"


def decode_text(body: bytes, content_type: bytes | None) -> str:
    """Return *body* as text: by its declared charset, else UTF-8; a byte order mark of UTF-8 is left out.

    Raises ``CallError`` (``malformed``) when the bytes do not fit the charset.
    """
    charset = charset_of(content_type) or "utf-8"
    try:
        return str(body, "utf-8-sig" if charset == "utf-8" else charset)
    except UnicodeError:
        raise CallError(Cause.MALFORMED, f"The body is not text in {charset}.") from None
