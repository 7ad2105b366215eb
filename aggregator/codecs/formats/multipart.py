"""``multipart/form-data`` request bodies (RFC 7578): fields and files, and a boundary that none can guess."""

from __future__ import annotations

import re
import secrets

from aggregator.codecs.bounds import MAX_WRITTEN_FIELDS
from aggregator.codecs.formats.form import scalar_text
from aggregator.errors import ExpressionError

_CONTROL_OR_QUOTE = re.compile(r'[\x00-\x1f"\x7f]')
_CONTENT_TYPE = re.compile(r"[!-~]+/[!-~]+(?:; ?[ -~]+)?")


def is_media_type(text: str) -> bool:
    """Return whether *text* can be the content type of a file."""
    return _CONTENT_TYPE.fullmatch(text) is not None


class MultipartBody:
    """Collects parts in order; then *content_type* is the header and ``encode()`` the body.

    Adding more than ``MAX_WRITTEN_FIELDS`` parts raises ``ExpressionError``.
    """

    __slots__ = ("_boundary", "_count", "_pieces")

    def __init__(self, boundary: str | None = None) -> None:
        # 128 random bits, so that content which is not ours cannot hold the boundary.
        self._boundary = (boundary or f"aggregator-{secrets.token_hex(16)}").encode("ascii")
        self._pieces: list[bytes] = []
        self._count = 0

    @property
    def content_type(self) -> bytes:
        """Return the value of the Content-Type header."""
        return b"multipart/form-data; boundary=" + self._boundary

    def field(self, name: str, value: object) -> MultipartBody:
        """Add a field: a text, number or boolean, a list of them (the name repeats), or null (left out)."""
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                self._part(f'form-data; name="{_escape(name)}"', None, scalar_text(item).encode())
        return self

    def file(
        self, name: str, filename: str, content: bytes, content_type: str = "application/octet-stream"
    ) -> MultipartBody:
        """Add a file; raise ``ExpressionError`` for a content type that is none."""
        if not is_media_type(content_type):
            raise ExpressionError("The content type of a file is not a media type.")
        disposition = f'form-data; name="{_escape(name)}"; filename="{_escape(filename)}"'
        self._part(disposition, content_type, content)
        return self

    def _part(self, disposition: str, content_type: str | None, content: bytes) -> None:
        self._count += 1
        if self._count > MAX_WRITTEN_FIELDS:
            raise ExpressionError(f"A multipart body is written with more than {MAX_WRITTEN_FIELDS} parts.")
        head = f"\r\nContent-Disposition: {disposition}\r\n"
        if content_type is not None:
            head += f"Content-Type: {content_type}\r\n"
        self._pieces += (b"--", self._boundary, _utf8(head), b"\r\n", content, b"\r\n")

    def encode(self) -> bytes:
        """Return the body."""
        return b"".join([*self._pieces, b"--", self._boundary, b"--\r\n"])


def _escape(name: str) -> str:
    """Escape what could end the quoted name or its line, as browsers do (WHATWG HTML §4.10.22.7)."""
    return _CONTROL_OR_QUOTE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ExpressionError("The name of a form part holds half of a surrogate pair.") from None
