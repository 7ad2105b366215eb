"""Multipart bodies as a server reads them."""

from __future__ import annotations

import email
import email.policy

import pytest

from aggregator.codecs.formats.multipart import MultipartBody
from aggregator.errors import ExpressionError


def parse(body: MultipartBody) -> list[tuple[str, str | None, bytes]]:
    """Return name, file name and content of each part, read by the standard library."""
    message = email.message_from_bytes(
        b"Content-Type: " + body.content_type + b"\r\n\r\n" + body.encode(), policy=email.policy.HTTP
    )
    return [
        (part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True))
        for part in message.iter_parts()
    ]


def test_the_bytes_are_those_of_the_rfc() -> None:
    """Every byte of a small body."""
    body = MultipartBody("B").field("a", 1).file("f", "x.txt", b"\r\n--", "text/plain; charset=utf-8")
    assert body.content_type == b"multipart/form-data; boundary=B"
    assert body.encode() == (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n\r\n--\r\n--B--\r\n"
    )


def test_fields_and_files_arrive() -> None:
    """Lists repeat their name, null is left out, file bytes are untouched."""
    body = MultipartBody().field("a", ["x", True]).field("n", None).file("f", "é.bin", bytes(range(256)))
    assert parse(body) == [("a", None, b"x"), ("a", None, b"true"), ("f", "é.bin", bytes(range(256)))]


def test_names_cannot_leave_their_quotes() -> None:
    """Quotes, line breaks and controls in names are escaped as browsers do."""
    evil = 'a"; filename="x\r\nX-Evil: 1\r\n\r\n\x00'
    written = MultipartBody("B").field(evil, "v").file("f", evil, b"").encode()
    assert written.count(b"\r\nX-Evil") == 0
    assert b'name="a%22; filename=%22x%0D%0AX-Evil: 1%0D%0A%0D%0A%00"\r\n' in written


def test_boundaries_cannot_be_guessed() -> None:
    """Two bodies never share a boundary."""
    assert MultipartBody().content_type != MultipartBody().content_type
    assert len(MultipartBody().content_type) > 60


@pytest.mark.parametrize("content_type", ["text/plain\r\nX: 1", "text", "", "a/b; é"])
def test_the_type_of_a_file_is_a_media_type(content_type: str) -> None:
    """It cannot smuggle a header either."""
    with pytest.raises(ExpressionError, match="media type"):
        MultipartBody().file("f", "n", b"", content_type)


def test_what_cannot_be_sent_is_an_expression_error() -> None:
    """Objects as values and half surrogate pairs in names."""
    with pytest.raises(ExpressionError):
        MultipartBody().field("a", {"b": 1})
    with pytest.raises(ExpressionError):
        MultipartBody().field("\ud800", "x")
