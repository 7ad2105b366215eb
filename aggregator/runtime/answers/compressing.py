"""Answers in a content coding that their client takes (RFC 9110 §8.4, §12.5.3): what is worth it, and nothing twice.

States of an answer: made, coded (or left as it is), sent. A large one is coded in a thread, beside the requests that
are being served.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from aggregator.codecs.etag import add_vary, if_none_match
from aggregator.edge.coding import Coder, Compression, accepted_coding, coder, compress, is_worth_it, weakened
from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.http import HeaderList, first, has_body, joined, replaced
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.coding import CODING, aside
from aggregator.runtime.jobs import Busy, Outcome

_LARGE = 64 * 1024
"""Bytes from which a body is coded in a thread: up to a millisecond of the loop's time."""
_LONGEST_NUMBER = 18
_OF_THE_BYTES = frozenset({b"accept-ranges", b"content-digest", b"content-length", b"content-md5", b"digest"})
"""Fields that speak of the bytes as they were."""
_VARY = (b"vary", b"accept-encoding")
_MOST = 256
"""Values of ``Accept-Encoding`` whose coding is remembered; browsers send few different ones."""


class Compressing:
    """Codes the answers of an endpoint by *settings*."""

    __slots__ = ("_known", "_settings")

    def __init__(self, settings: Compression) -> None:
        self._settings = settings
        self._known: dict[bytes | None, str | None] = {}

    def choose(self, exchange: Exchange, answer: Answer, size: int | None) -> str | None:
        """Return the coding for *answer*, None for none; that it depends on the client is said in its ``Vary``.

        *size* are the bytes of its body, None when they are not known.
        """
        if answer.status == 304:
            _match_tag(exchange, answer)
            return None
        if not has_body(answer.status) or answer.status == 206 or (size is not None and size < self._settings.above):
            return None
        if not _may_be_coded(answer.headers):
            return None
        answer.headers = _varied(answer.headers)
        sent = joined(exchange.header_list, b"accept-encoding")
        return self._known[sent] if sent in self._known else self._chosen(sent)

    def _chosen(self, sent: bytes | None) -> str | None:
        found = accepted_coding(None if sent is None else sent.decode("latin-1"), self._settings.codings)
        if len(self._known) < _MOST:
            self._known[sent] = found
        return found

    def code(self, exchange: Exchange, answer: Answer, ready: Callable[[], None]) -> None:
        """Put *answer* into its coding and call *ready*: at once, or when a thread has coded a large body."""
        coding = None if answer.head_only else self.choose(exchange, answer, answer.size)
        if coding is None:
            ready()
            return
        body = answer.body
        known = None if answer.variants is None else answer.variants.find(body, coding)
        if known is not None or len(body) < _LARGE:
            _take(answer, compress(body, coding) if known is None else known, coding)
            ready()
            return
        try:
            work = partial(compress, body, coding)
            CODING.start(
                work, lambda outcome: _taken(outcome, answer, coding, ready),
                deadline=exchange.deadline or math.inf, under_way=True,
            )  # fmt: skip
        except Busy:
            ready()

    def stream(self, exchange: Exchange, answer: Answer) -> StreamCoder | None:
        """Return what codes the body of *answer* as it comes, None when it stays as it is; its head is made to fit."""
        length = first(answer.headers, b"content-length") or b""
        is_sized = length.isdigit() and len(length) <= _LONGEST_NUMBER
        if first(answer.headers, b"content-range") is not None:
            return None
        coding = self.choose(exchange, answer, int(length) if is_sized else None)
        if coding is None:
            return None
        answer.headers = coded_headers(answer.headers, coding)
        return StreamCoder(coder(coding), flushes=not is_sized)


class StreamCoder:
    """Codes a body piece by piece; with *flushes* a reader sees each piece at once, as it has to of events."""

    __slots__ = ("_coder", "_flushes", "finish")

    def __init__(self, coder: Coder, *, flushes: bool) -> None:
        self._coder = coder
        self._flushes = flushes
        self.finish = coder.finish

    async def feed(self, piece: bytes) -> bytes:
        """Return what is ready after *piece*; may be empty."""
        if len(piece) < _LARGE:
            return self._feed(piece)
        try:
            return await aside(partial(self._feed, piece))
        except CallError as error:
            if error.cause is not Cause.QUEUE_FULL:
                raise
            return self._feed(piece)  # a stream that has begun in a coding goes on in it

    def _feed(self, piece: bytes) -> bytes:
        ready = self._coder.feed(piece)
        return ready + self._coder.flush() if self._flushes else ready


def _taken(outcome: Outcome, answer: Answer, coding: str, ready: Callable[[], None]) -> None:
    """Use the body that a thread has coded; an answer that could not be coded is sent as it is."""
    body, error = outcome
    if error is None:
        _take(answer, body, coding)
    ready()


def _take(answer: Answer, body: bytes, coding: str) -> None:
    answer.headers = coded_headers(answer.headers, coding)
    if answer.variants is not None:
        answer.variants.keep(answer.body, coding, body)
    answer.body = body


def coded_headers(headers: HeaderList, coding: str) -> HeaderList:
    """Return *headers* as those of the same answer in *coding*, whose length is another one."""
    fields = [field for field in headers if field[0] not in _OF_THE_BYTES]
    for index, (name, value) in enumerate(fields):
        if name == b"etag":
            fields[index] = (name, weakened(value))
    fields.append((b"content-encoding", coding.encode()))
    return fields


def _may_be_coded(headers: HeaderList) -> bool:
    """Return whether an answer with *headers* becomes smaller by a coding and may have one."""
    is_smaller = False
    for name, value in headers:
        if name == b"content-type":
            is_smaller = is_worth_it(value)
        elif name == b"content-encoding" or (name == b"cache-control" and b"no-transform" in value.lower()):
            return False
    return is_smaller


def _varied(headers: HeaderList) -> HeaderList:
    """Return *headers* with ``Accept-Encoding`` added to ``Vary``."""
    for name, _ in headers:
        if name == b"vary":
            return replaced(headers, b"vary", add_vary(joined(headers, b"vary"), b"accept-encoding"))
    return [*headers, _VARY]


def _match_tag(exchange: Exchange, answer: Answer) -> None:
    """Set on a 304 the entity tag by which its client knows the coded answer (RFC 9110 §15.4.5)."""
    tag, sent = first(answer.headers, b"etag"), first(exchange.header_list, b"if-none-match")
    answer.headers = _varied(answer.headers)
    if tag is not None and sent is not None and weakened(tag) in sent and if_none_match(sent, tag):
        answer.headers = replaced(answer.headers, b"etag", weakened(tag))
