"""The words of HTTP that several packages need: methods, statuses, header fields and media types (RFC 9110).

Methods and field names stand in the sets both as text and as bytes: settings hold text, plans and the wire hold bytes.
Header fields are lists of (name, value) in bytes, with names in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal, get_args

HeaderList = list[tuple[bytes, bytes]]
"""Header fields in order, names in lower case."""

Names = frozenset[str | bytes]


def _names(*names: str) -> Names:
    """Return *names* as text and as bytes."""
    return frozenset((*names, *(name.encode("ascii") for name in names)))


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
"""What endpoints answer and calls send; CONNECT and TRACE are not for an aggregator."""

FETCHING: Final = _names("GET", "HEAD")
"""Methods that ask for a representation (RFC 9110 §9.3.1, §9.3.2); a body that they carry has no meaning."""

SAFE: Final = _names("GET", "HEAD", "OPTIONS", "TRACE")
"""Methods that change nothing (RFC 9110 §9.2.1)."""

IDEMPOTENT: Final = SAFE | _names("PUT", "DELETE")
"""Methods that may be sent again: twice is as good as once (RFC 9110 §9.2.2)."""

WITH_CONTENT: Final = _names("POST", "PUT", "PATCH")
"""Methods whose requests have a body or say that it is empty (RFC 9110 §8.6)."""

BODILESS: Final = frozenset({204, 205, 304})
"""Final statuses whose responses have no content (RFC 9110 §15.3.5, §15.3.6, §15.4.5)."""

UNFRAMED: Final = frozenset({204, 304})
"""Final statuses whose responses end with their head, whatever it says of a length (RFC 9112 §6.3)."""

HOP_BY_HOP: Final = _names(
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
)  # fmt: skip
"""Fields of one connection, which go no further (RFC 9110 §7.6.1)."""

FRAMING: Final = HOP_BY_HOP | _names("content-length")
"""Fields that the connection writes itself."""

NEVER_FORWARDED: Final = FRAMING | _names("host", "accept-encoding", "expect")
"""Fields of a request that are true of the connection with the client alone, and never go to an upstream."""

CREDENTIALS: Final = _names("authorization", "cookie", "proxy-authorization")
"""Fields of a request that prove who asks."""

NEVER_PASSED: Final = FRAMING | _names("content-encoding", "content-type")
"""Fields of a response that are not true of an answer that was made from it."""

TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - a pattern
"""The pattern of a token, such as a method or the name of a field (RFC 9110 §5.6.2)."""
is_token: Final = re.compile(TOKEN).fullmatch
is_token_bytes: Final = re.compile(TOKEN.encode("ascii")).fullmatch

_CLASSES: Final = {4: "Client Error", 5: "Server Error"}


def first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the value of the first field *name*, None when there is none."""
    for field, value in headers:
        if field == name:
            return value
    return None


def joined(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the values of the fields *name* joined by commas (RFC 9110 §5.3), None when nothing is in them."""
    return b", ".join([value for field, value in headers if field == name]) or None


def without(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> HeaderList:
    """Return *headers* without the fields *names*."""
    return [field for field in headers if field[0] not in names]


def replaced(headers: Iterable[tuple[bytes, bytes]], name: bytes, value: bytes) -> HeaderList:
    """Return *headers* with *value* as the only field *name*, at the end."""
    return [*without(headers, name), (name, value)]


def field_text(value: bytes) -> str:
    """Return a field value as text: as UTF-8 where it is UTF-8, otherwise as ISO-8859-1 (RFC 9110 §5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


_IS_OVER = re.compile(r"\s*max-age\s*=\s*(?:0+|-[0-9]+)\s*", re.IGNORECASE).fullmatch


class Repeated(str):
    """The value of a field that came several times, joined by commas (RFC 9110 §5.3); *each* are its values."""

    __slots__ = ("each",)
    each: tuple[str, ...]

    @classmethod
    def of(cls, first: str, second: str) -> Repeated:
        """Return *first*, which may have come several times itself, and *second*."""
        joined = cls(f"{first}, {second}")
        joined.each = (*(first.each if isinstance(first, Repeated) else (first,)), second)
        return joined


def header_map(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return *headers* by name; repeated ones are `Repeated`."""
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1"), field_text(value)
        found[key] = Repeated.of(found[key], text) if key in found else text
    return found


def seconds_until(retry_after: bytes, headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Return the seconds that *retry_after* asks to wait (RFC 9110 §10.2.3); None when it says nothing of use.

    A date is held against the ``Date`` among *headers*, of the same clock.
    """
    if retry_after.isdigit():
        return float(retry_after) if len(retry_after) < 7 else None
    now = first(headers, b"date")
    try:
        then, sent = (parsedate_to_datetime((text or b"").decode("latin-1")) for text in (retry_after, now))
        seconds = (then - sent).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(0.0, seconds) if seconds < 1_000_000 else None


def cookie_map(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the cookies that ``Set-Cookie`` fields of *headers* set, by name (RFC 6265 §5.2); the last one counts.

    A cookie that is taken away (``Max-Age=0``) is not there.
    """
    found: dict[str, str] = {}
    for field, value in headers:
        pair, *attributes = field_text(value).split(";") if field == b"set-cookie" else [""]
        name, equals, text = pair.partition("=")
        name = name.strip()
        if equals and name:
            found.pop(name, None)
            if not any(map(_IS_OVER, attributes)):
                found[name] = text.strip()
    return found


def is_json(media: str) -> bool:
    """Return whether a media type (lower case, no parameters) is JSON: by name, or by suffix (RFC 6839 §3.1)."""
    return media in ("application/json", "text/json") or media.endswith("+json")


def essence(content_type: str) -> str:
    """Return the media type of a Content-Type that we or a known sender wrote: lower case, no parameters."""
    return content_type.partition(";")[0].strip().lower()


_PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}  # an attribute of an enum takes far longer


def phrase(status: int) -> str:
    """Return the reason phrase of *status* (RFC 9110 §15), or its class for an unknown one."""
    return _PHRASES.get(status) or _CLASSES.get(status // 100, "Status")


def has_body(status: int) -> bool:
    """Return whether a response with *status* may have content (RFC 9110 §6.4.1)."""
    return status >= 200 and status not in BODILESS
