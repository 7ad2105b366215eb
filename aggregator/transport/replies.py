"""What comes back from an upstream: whole (`Reply`) or as it arrives (`StreamReply`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from types import TracebackType
from typing import Any

from msgspec import Struct

from aggregator.transport.wire.bodies import StreamBody


class ReadBody(Struct, eq=False):
    """A body of another format decoded, as *json* text; *how* says of which format, and by which options.

    A cache that keeps it beside its reply has it *counted*.
    """

    how: Hashable
    json: bytes
    is_counted: bool = False


class Reply(Struct, eq=False):
    """A complete response.

    *headers* are in order, names in lower case, values as sent. *body* is decoded; ``content-encoding``
    and ``content-length`` are gone from *headers* when a coding was undone. *reused* tells whether the
    connection had served before. The four instants are monotonic seconds: the call was *started*, the
    request *sent* (after waiting and connecting), the *first_byte* came, the last one (*finished*). *attempts* is how
    often it was sent: twice where an idle connection had swallowed it. *met* is what each time but the last one met,
    where that was another thing. *is_json* tells that somebody has proved the body to be JSON, so that nobody who is
    given the same reply, kept or shared, has to do it again; *read* is what a body in another format was read to, for
    the same end, and *reading* whoever does so now. *decoded* is a weak reference to its data, which results share.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    reused: bool = False
    started: float = 0.0
    sent: float = 0.0
    first_byte: float = 0.0
    finished: float = 0.0
    attempts: int = 1
    is_json: bool = False
    met: tuple[str, ...] = ()
    read: ReadBody | None = None
    reading: Any = None
    decoded: Any = None

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes>"


class StreamReply:
    """A response whose body is read as it arrives: ``async for piece in reply``, once.

    The upstream is held back while nobody reads. *headers* are as in `Reply`. Whoever gets one closes it,
    with `aclose` or ``async with``; a body that was read to its end needs no closing, but may be closed.
    """

    __slots__ = ("_body", "headers", "reused", "status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: StreamBody, reused: bool = False) -> None:
        self.status = status
        self.headers = headers
        self.reused = reused
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.__aiter__()

    async def aclose(self) -> None:
        """Stop reading; a body that is not at its end takes its connection with it."""
        await self._body.aclose()

    async def __aenter__(self) -> StreamReply:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<StreamReply {self.status}>"
