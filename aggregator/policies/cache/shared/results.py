"""Results as they lie in the store: what expressions read of them, and answers that are made of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import Struct

from aggregator.causes import Cause, State
from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.parts.result import Result
from aggregator.policies.cache.shared.level import Read
from aggregator.policies.cache.shared.replies import are_fields


class WrittenResult(Struct, array_like=True, frozen=True):
    """The end of a part, with its body as JSON text; *state* and *cause* are the words of the causes' table."""

    name: str
    state: str
    status: int
    headers: list[tuple[bytes, bytes]]
    json: bytes
    cause: str | None = None
    upstream: str = ""


def written_of(result: Result) -> WrittenResult:
    """Return what of *result* is written; raises ``AggregatorError`` when its body is no JSON."""
    cause = None if result.cause is None else result.cause.value
    return WrittenResult(
        result.name, result.state.value, result.status, result.headers, result.json, cause, result.upstream
    )


def result_of(written: WrittenResult) -> Result:
    """Return the result that was *written*; raises ``ValueError`` or ``AggregatorError`` for garbage."""
    if not 0 <= written.status < 600 or not are_fields(written.headers):
        raise ValueError("This is no result.")
    json_codec.validate(written.json)
    result = Result(written.name, 0.0, 0.0, state=State(written.state), status=written.status)
    result.headers, result.json, result.upstream = written.headers, written.json, written.upstream
    result.cause = None if written.cause is None else Cause(written.cause)
    return result


class _Written(Struct, array_like=True, frozen=True, tag=1):
    value: WrittenResult
    tags: tuple[str, ...]
    age: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Written)


class ResultCodec:
    """The format of last good values in the store: MessagePack, with its version."""

    def write(self, value: Result, tags: Collection[str], age: float) -> bytes:
        """Return the bytes of *value*; empty where a tag cannot be written."""
        try:
            return _encoder.encode(_Written(written_of(value), tuple(tags), age))
        except (AggregatorError, UnicodeEncodeError):  # half a surrogate pair
            return b""

    def read(self, written: bytes) -> Read[Result] | None:
        """Return the result that was *written*, None where another version wrote it."""
        try:
            found = _decoder.decode(written)
            result = result_of(found.value)
        except (ValueError, AggregatorError):
            return None
        if result.state is not State.OK or not found.age >= 0.0:
            return None
        return Read(result, len(result.json), frozenset(found.tags), found.age)


RESULT_CODEC: Final = ResultCodec()
