"""A request and its reply without a socket: the two halves of an ASGI exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import Message

from aggregator.http import field_text
from aggregator.runtime.bars import Bar
from aggregator.templates import header_value

Headers = list[tuple[str, str]]
Begin = Callable[[int, Headers], Callable[[bytes], object] | None]
"""Told of status and headers; may give a function that takes the body piece by piece as it comes."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request: *target* is path and query, *headers* are in order."""

    method: str
    target: str
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass(slots=True)
class Reply:
    """The answer, its duration in seconds, and its calls. *body* lacks what was taken piece by piece.

    *shadows* are how many were `sent`, `failed`, `dropped` (the queue was full), and not made for their `share` or
    under `pressure`; numbers of 0 are left out.

    *hint* is a sentence about what is declared, where nothing is at the path that was asked, or about what callers
    have to show.
    """

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    seconds: float = 0.0
    bars: list[Bar] = field(default_factory=list)
    background: dict[str, Any] = field(default_factory=dict)
    shadows: dict[str, int] = field(default_factory=dict)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    hint: str | None = None


def scope_of(question: Question) -> dict[str, Any]:
    """Return the ASGI scope of *question*, from a client on this machine."""
    path, _, query = question.target.partition("?")
    named = [] if any(name.lower() == "host" for name, _ in question.headers) else [("host", "localhost")]
    headers = [*named, *question.headers]
    if question.body:
        headers.append(("content-length", str(len(question.body))))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": question.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), header_value(value)) for name, value in headers],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }


class Conversation:
    """The two halves of an ASGI exchange over a reply that is being filled.

    ``full`` is set when *most* bytes of its body are there; the rest is not taken.
    """

    def __init__(self, question: Question, reply: Reply, begin: Begin | None = None, most: int | None = None) -> None:
        self.full = asyncio.Event()
        self._most = most
        self._body: bytes | None = question.body
        self._has_body = question.method != "HEAD"  # what a server leaves out (RFC 9110 §9.3.2)
        self._reply = reply
        self._begin = begin
        self._take: Callable[[bytes], object] | None = None

    async def receive(self) -> Message:
        """Return the request once; then nothing, for this client never hangs up."""
        if self._body is None:
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body}

    async def send(self, message: Message) -> None:
        """Receive the head or a piece of the body."""
        if message["type"] == "http.response.start":
            self._reply.status = message["status"]
            self._reply.headers = [(name.decode("latin-1"), field_text(value)) for name, value in message["headers"]]
            self._take = self._begin(self._reply.status, self._reply.headers) if self._begin else None
        elif message["type"] == "http.response.body" and self._has_body:
            piece = message.get("body", b"")
            if self._take is not None:
                self._take(piece)
            elif not self.full.is_set():
                self._fill(piece)

    def _fill(self, piece: bytes) -> None:
        self._reply.body = (self._reply.body + piece)[: self._most]
        if self._most is not None and len(self._reply.body) >= self._most:
            self.full.set()
