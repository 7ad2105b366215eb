"""An answer to the client, and the problem documents of RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.http import HeaderList, phrase, replaced, without

PROBLEM_TYPE = b"application/problem+json"


class Tail(Struct, frozen=True):
    """Fields that stand behind the others of many answers, and the same as *lines* of a head."""

    fields: tuple[tuple[bytes, bytes], ...]
    lines: bytes

    @classmethod
    def of(cls, fields: HeaderList) -> Tail:
        """Return *fields* with their lines."""
        return cls(tuple(fields), b"".join([name + b": " + value + b"\r\n" for name, value in fields]))


class Problem(Struct, omit_defaults=True):
    """The members of a problem document, those of RFC 9457 first; what is None or empty is left out."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str = ""
    cause: str | None = None
    part: str | None = None
    upstream: str | None = None
    upstream_status: int | None = None
    parts: Any = None
    debug: Any = None
    errors: Any = None


class Variants(Protocol):
    """Bodies in content codings that were made before."""

    def find(self, body: bytes, coding: str) -> bytes | None:
        """Return *body* in *coding*, None when it is not known."""

    def keep(self, body: bytes, coding: str, coded: bytes) -> None:
        """Take note that *coded* is *body* in *coding*."""


class Answer:
    """Status, headers and body, complete but for the headers that every answer gets.

    A large body may come in *pieces*, which a door that can write them as they are need not join, and the last headers
    as a *tail*, which it need not render. *head_only* says that the body was never here, as that of a HEAD call is not:
    no length and no tag are made of it. *problem* is what a problem document says, None for any other body.
    *variants* are what is known of the body in content codings, None of a body that is sent once.
    """

    __slots__ = ("_body", "_headers", "head_only", "pieces", "problem", "status", "tail", "variants")

    def __init__(self, status: int, headers: HeaderList, body: bytes | list[bytes]) -> None:
        self.status = status
        self._headers = headers
        self.tail: Tail | None = None
        self.body = body
        self.head_only = False
        self.problem: Problem | None = None
        self.variants: Variants | None = None

    @property
    def document(self) -> dict[str, Any] | None:
        """The members of a problem by name, a new object each time; None for any other body."""
        return None if self.problem is None else msgspec.to_builtins(self.problem)

    @property
    def headers(self) -> HeaderList:
        """All fields; those of the tail are ordinary ones from then on."""
        if self.tail is not None:
            self.headers = [*self._headers, *self.tail.fields]
        return self._headers

    @headers.setter
    def headers(self, headers: HeaderList) -> None:
        self._headers, self.tail = headers, None

    @property
    def leading(self) -> HeaderList:
        """The fields before the tail."""
        return self._headers

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

    @property
    def size(self) -> int:
        """The bytes of its body."""
        return len(self._body) if self.pieces is None else sum(map(len, self.pieces))


def problem(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    request_id: str = "",
    headers: Sequence[tuple[bytes, bytes]] = (),
    **members: Any,
) -> Answer:
    """Return a problem document; *members* are the extension members of ``Problem``, None ones are left out."""
    said = Problem("about:blank", title or phrase(status), status, detail, request_id, **members)
    fields = [(b"content-type", PROBLEM_TYPE), (b"cache-control", b"no-store"), *headers]
    answer = Answer(status, fields, json_codec.encode(said))
    answer.problem = said
    return answer


def merged_headers(base: HeaderList, more: Mapping[bytes, bytes]) -> HeaderList:
    """Return *base* with the fields of *more* in place of its own of the same name."""
    return [*without(base, *more), *more.items()]


def forbid_storing(answer: Answer) -> None:
    """Make *answer* one that no cache keeps."""
    answer.headers = replaced(without(answer.headers, b"expires", b"etag"), b"cache-control", b"no-store")
