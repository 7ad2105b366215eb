"""Newline-delimited JSON (``application/x-ndjson``): a list of values, one a line, both ways."""

from __future__ import annotations

from typing import Any

from aggregator.codecs import json
from aggregator.codecs.bounds import MAX_LINES
from aggregator.codecs.charset import utf8_of
from aggregator.errors import CallError, Cause, ExpressionError


def decode_ndjson(body: bytes, content_type: bytes | None = None) -> list[Any]:
    """Return the value of every line that is not blank; raise ``CallError`` (``malformed``) naming the line."""
    if body.count(b"\n") > MAX_LINES:
        raise CallError(Cause.MALFORMED, f"The body is more than {MAX_LINES} lines of JSON.")
    values = []
    for number, line in enumerate(utf8_of(body, content_type).split(b"\n"), 1):
        if line.strip(json.WHITESPACE):
            try:
                values.append(json.decode(line))
            except CallError as error:
                raise CallError(error.cause, f"Line {number}: {error.message}") from None
    return values


def encode_ndjson(value: Any) -> bytes:
    """Return a list as lines of JSON; raise ``ExpressionError`` for anything else, or too many."""
    if not isinstance(value, list | tuple):
        raise ExpressionError("Newline-delimited JSON is built from a list.")
    if len(value) > MAX_LINES:
        raise ExpressionError(f"The list makes more than {MAX_LINES} lines of JSON, which are too many.")
    return b"".join([json.encode(item) + b"\n" for item in value])
