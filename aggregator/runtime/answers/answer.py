"""An answer to the client, and the problem documents of RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.exchange import HeaderList

PROBLEM_TYPE = b"application/problem+json"
_BODILESS = frozenset({204, 205, 304})


class Answer:
    """Status, headers and body, complete but for the headers that every answer gets.

    A large body may come in *pieces*, which a door that can write them as they are need not join.
    """

    __slots__ = ("_body", "headers", "pieces", "status")

    def __init__(self, status: int, headers: HeaderList, body: bytes | list[bytes]) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        if self.pieces is not None:
            self.body = b"".join(self.pieces)
        return self._body

    @body.setter
    def body(self, body: bytes | list[bytes]) -> None:
        if isinstance(body, bytes):
            self._body, self.pieces = body, None
        else:
            self._body, self.pieces = b"", body


def title_of(status: int) -> str:
    """Give the phrase of *status* (RFC 9110 §15), or its class for an unknown one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return {4: "Client Error", 5: "Server Error"}.get(status // 100, "Status")


def problem(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    request_id: str = "",
    headers: Sequence[tuple[bytes, bytes]] = (),
    **members: Any,
) -> Answer:
    """Give a problem document; *members* are extension members, None ones are left out."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": title or title_of(status),
        "status": status,
        "detail": detail,
    }
    if request_id:
        document["request_id"] = request_id
    document.update({name: value for name, value in members.items() if value is not None})
    return Answer(
        status,
        [(b"content-type", PROBLEM_TYPE), (b"cache-control", b"no-store"), *headers],
        json_codec.encode(document),
    )


def merged_headers(base: HeaderList, more: Mapping[bytes, bytes]) -> HeaderList:
    """Give *base* with the fields of *more* in place of its own of the same name."""
    return [(name, value) for name, value in base if name not in more] + list(more.items())


def forbid_storing(answer: Answer) -> None:
    """Make *answer* one that no cache keeps."""
    answer.headers = [(n, v) for n, v in answer.headers if n not in (b"cache-control", b"expires", b"etag")]
    answer.headers.append((b"cache-control", b"no-store"))


def has_body(status: int) -> bool:
    """Say whether an answer with *status* may have a body (RFC 9110 §6.4.1)."""
    return status not in _BODILESS and status >= 200
