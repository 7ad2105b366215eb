"""An answer to the client, and the problem documents of RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from aggregator.codecs import json as json_codec
from aggregator.http import HeaderList, phrase, replaced, without

PROBLEM_TYPE = b"application/problem+json"
_KINDS, _SHORT = 1024, 128
"""Beginnings, details and ends of problem documents that are kept, of texts of so many characters."""


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
        """Remember *coded*, which is *body* in *coding*."""


class Answer(Struct, eq=False):
    """Status, headers and body, complete but for the headers that every answer gets.

    *content* is the body; a large one may come in *pieces*, which a door that can write them as they are need not join,
    and the last headers as a *tail*, behind the *leading* ones, which it need not render. *head_only* says that the
    body was never here, as that of a HEAD call is not: no length and no tag are made of it. *variants* are what is
    known of the body in content codings, None of a body that is sent once.
    """

    status: int
    leading: HeaderList
    content: bytes | list[bytes]
    tail: Tail | None = None
    head_only: bool = False
    _problem: Problem | bytes | None = None
    variants: Variants | None = None

    def __repr__(self) -> str:  # what its fields hold stays out of logs
        return f"<Answer {self.status}>"

    @property
    def document(self) -> dict[str, Any] | None:
        """The members of a problem by name, a new object each time; None for any other body."""
        if isinstance(self._problem, bytes):
            members: dict[str, Any] = msgspec.json.decode(self._problem)
            return members
        return None if self._problem is None else msgspec.to_builtins(self._problem)

    @property
    def problem(self) -> Problem | None:
        """The problem document of the answer, also when `errors` has replaced its body; None for any other answer."""
        if isinstance(self._problem, bytes):
            self._problem = msgspec.json.decode(self._problem, type=Problem)
        return self._problem

    @problem.setter
    def problem(self, said: Problem | bytes | None) -> None:
        self._problem = said

    @property
    def headers(self) -> HeaderList:
        """All header fields; those of the shared tail are moved among them."""
        if self.tail is not None:
            self.headers = [*self.leading, *self.tail.fields]
        return self.leading

    @headers.setter
    def headers(self, headers: HeaderList) -> None:
        self.leading, self.tail = headers, None

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        if isinstance(self.content, list):
            self.content = b"".join(self.content)
        return self.content

    @body.setter
    def body(self, body: bytes | list[bytes]) -> None:
        self.content = body

    @property
    def pieces(self) -> list[bytes] | None:
        """The pieces of a body that is not joined yet; None for one in one piece."""
        return self.content if isinstance(self.content, list) else None

    @property
    def size(self) -> int:
        """The bytes of its body."""
        return sum(map(len, self.content)) if isinstance(self.content, list) else len(self.content)


def problem(
    status: int, detail: str, *, title: str | None = None, request_id: str = "",
    headers: Sequence[tuple[bytes, bytes]] = (),
    cause: str | None = None, part: str | None = None, upstream: str | None = None, upstream_status: int | None = None,
    parts: Any = None, debug: Any = None, errors: Any = None,
) -> Answer:  # fmt: skip
    """Return a problem document with the members of ``Problem``; those that are None or empty are left out.

    Between a beginning and an end that are kept stand the detail and the id of the request, which must be one that
    JSON can hold as it is: little is built and encoded, since failing must not cost more than succeeding. Raises
    ``ExpressionError`` for what JSON cannot say.
    """
    begins = kept_opening if title is None or len(title) <= _SHORT else _opening
    says = _kept_text if len(detail) <= _SHORT else json_codec.encode
    pieces = [begins(status, title), says(detail)]
    if request_id:
        pieces += (b',"request_id":"', request_id.encode("ascii"), b'"')
    ends = kept_closing if part is None or len(part) <= _SHORT else _closing
    pieces.append(ends(cause, part, upstream, upstream_status))
    if parts is not None or debug is not None or errors is not None:
        pieces.append(_more(parts=parts, debug=debug, errors=errors))
    pieces.append(b"}")
    body = b"".join(pieces)
    answer = Answer(status, list(headers), body)
    answer.tail, answer._problem = _PROBLEM, body
    return answer


def around_id(
    status: int, detail: str, cause: str, part: str | None, upstream: str | None, upstream_status: int | None
) -> tuple[bytes, bytes]:
    """Return what ``problem`` writes before and behind the id of a request, for ``problem_around``."""
    begin = kept_opening(status, None) + json_codec.encode(detail) + b',"request_id":"'
    return begin, b'"' + _closing(cause, part, upstream, upstream_status) + b"}"


def problem_around(status: int, begin: bytes, request_id: str, end: bytes) -> Answer:
    """Return the problem document that consists of *begin*, *request_id* and *end*."""
    body = b"".join((begin, request_id.encode("ascii"), end))
    answer = Answer(status, [], body, _PROBLEM)
    answer._problem = body
    return answer


def _opening(status: int, title: str | None) -> bytes:
    """Return the beginning of a problem document, up to its detail; without *title* it has that of *status*."""
    written = json_codec.encode(title or phrase(status))
    return b'{"type":"about:blank","title":%b,"status":%d,"detail":' % (written, status)


def _closing(cause: str | None, part: str | None, upstream: str | None, upstream_status: int | None) -> bytes:
    """Return the members that say what failed, behind others."""
    return _more(cause=cause, part=part, upstream=upstream, upstream_status=upstream_status)


_kept_text = lru_cache(_KINDS)(json_codec.encode)
kept_opening = lru_cache(_KINDS)(_opening)
kept_closing = lru_cache(_KINDS)(_closing)


def _more(**members: Any) -> bytes:
    """Return *members* behind others; None ones are left out."""
    there = {name: value for name, value in members.items() if value is not None}
    return b"," + json_codec.encode(there)[1:-1] if there else b""


_PROBLEM = Tail.of([(b"content-type", PROBLEM_TYPE), (b"cache-control", b"no-store")])


PRIVATE = Tail.of([(b"cache-control", b"private")])
"""The tail of an answer that is for one caller, and to which nothing else is done."""


def merged_headers(base: HeaderList, more: Mapping[bytes, bytes]) -> HeaderList:
    """Return *base* with the fields of *more* in place of its own of the same name."""
    return [*without(base, *more), *more.items()]


def forbid_storing(answer: Answer) -> None:
    """Make *answer* one that no cache keeps."""
    answer.headers = replaced(without(answer.headers, b"expires", b"etag"), b"cache-control", b"no-store")
