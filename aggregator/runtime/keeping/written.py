"""Whole answers as they lie in the store: MessagePack, with the version of this form.

A store is not trusted to hold what this program wrote: what could not have been made here is not read.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import Struct

from aggregator.errors import AggregatorError
from aggregator.policies.cache.shared.level import Read
from aggregator.policies.cache.shared.replies import are_fields
from aggregator.policies.cache.shared.results import WrittenResult, result_of, written_of
from aggregator.runtime.answers.answer import Tail
from aggregator.runtime.keeping.contract import KeptAnswer


class _Written(Struct, array_like=True, frozen=True, tag=1):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    results: list[WrittenResult | None]
    age_made: float
    tags: tuple[str, ...]
    age: float


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Written)


class AnswerCodec:
    """The format of whole answers in the store."""

    def write(self, value: KeptAnswer, tags: Collection[str], age: float) -> bytes:
        """Return the bytes of *value*; empty where a tag, or a result that it holds, cannot be written."""
        try:
            results = [None if result is None else written_of(result) for result in value.results]
            written = _Written(
                value.status, list(value.tail.fields), value.body, results, value.age, tuple(tags), age
            )  # fmt: skip
            return _encoder.encode(written)
        except (AggregatorError, UnicodeEncodeError):  # half a surrogate pair
            return b""

    def read(self, written: bytes) -> Read[KeptAnswer] | None:
        """Return what was *written*, None for what nobody of this version wrote."""
        try:
            found = _decoder.decode(written)
            results = tuple(None if one is None else result_of(one) for one in found.results)
        except (ValueError, AggregatorError):
            return None
        if not 200 <= found.status < 600 or not found.age >= 0.0 or not found.age_made >= 0.0:
            return None
        if not are_fields(found.headers):
            return None
        answer = KeptAnswer(found.status, Tail.of(found.headers), found.body, results, found.age_made)
        return Read(answer, answer.size, frozenset(found.tags), found.age)


ANSWER_CODEC: Final = AnswerCodec()
