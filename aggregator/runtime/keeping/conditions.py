"""What a client gets of a whole answer that it asked for on a condition, or in part (RFC 9110 §13, §14)."""

from __future__ import annotations

import re

from aggregator.codecs.etag import if_none_match
from aggregator.exchange import Exchange
from aggregator.http import FETCHING, first, joined, without
from aggregator.runtime.answers.answer import Answer

CONDITIONS = frozenset(
    {b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since", b"if-range", b"range"}
)
"""Request fields that are not asked while an answer is made that is kept: it is made whole, for everybody."""
_RANGE = re.compile(rb"bytes=(\d*)-(\d*)")


def apply_conditions(answer: Answer, exchange: Exchange) -> None:
    """Make *answer*, a whole one, what its client asked for: 304 for what it has, 206 for one range of it."""
    if answer.status != 200 or exchange.method not in FETCHING:
        return
    for name, _ in exchange.header_list:
        if name in CONDITIONS:
            break
    else:  # as with most
        return
    tag, sent = first(answer.headers, b"etag"), joined(exchange.header_list, b"if-none-match")
    if tag is not None and sent is not None and if_none_match(sent, tag):
        answer.status, answer.body = 304, b""
        answer.headers = without(answer.headers, b"content-type", b"content-length")
        return
    wanted = first(exchange.header_list, b"range")
    if wanted is not None and exchange.method == "GET" and _is_same(exchange, tag):
        _cut(answer, wanted)


def _is_same(exchange: Exchange, tag: bytes | None) -> bool:
    """Return whether ``If-Range`` lets a range be taken: it is not there, or names the very body (strongly)."""
    named = first(exchange.header_list, b"if-range")
    return named is None or (named == tag and not named.startswith(b"W/"))


def _cut(answer: Answer, wanted: bytes) -> None:
    """Cut *answer* to the one range *wanted*; several ranges, and what is none, are ignored."""
    found, size = _RANGE.fullmatch(wanted.strip()), len(answer.body)
    if found is None or found[0] == b"bytes=-":
        return
    first_byte, last_byte = found[1], found[2]
    start = int(first_byte) if first_byte else max(0, size - int(last_byte))
    end = min(size - 1, int(last_byte)) if first_byte and last_byte else size - 1
    if first_byte and last_byte and int(last_byte) < int(first_byte):
        return
    if start >= size or (not first_byte and int(last_byte) == 0):
        answer.status, answer.body = 416, b""
        answer.headers = [*without(answer.headers, b"content-type"), (b"content-range", b"bytes */%d" % size)]
        return
    answer.status, answer.body = 206, answer.body[start : end + 1]
    answer.headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end, size)))
