"""Answers by key as they are kept: MessagePack, with the version of this form.

A store is not trusted to hold what this program wrote: what could not have been kept here is not read.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from aggregator.policies.cache.shared.replies import are_fields
from aggregator.runtime.answers.answer import Answer, Problem

_VERSION: Final = 1
"""Grows with every form that earlier programs would read wrongly."""


class _Written(Struct, frozen=True, array_like=True):
    """An answer before what is done to each answer as it leaves; the *version* is last, as the first forms had none."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    head_only: bool
    problem: Problem | None
    version: int = _VERSION


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Written)


def written(answer: Answer) -> bytes:
    """Return the bytes of *answer*."""
    return _encoder.encode(_Written(answer.status, answer.headers, answer.body, answer.head_only, answer.problem))


def read(value: bytes) -> Answer | None:
    """Return the answer that was *written*; None for what nobody of this version wrote."""
    try:
        found = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if found.version != _VERSION or not 200 <= found.status < 500:
        return None
    if not are_fields((name.lower(), field) for name, field in found.headers):
        return None
    answer = Answer(found.status, found.headers, found.body)
    answer.head_only, answer.problem = found.head_only, found.problem
    return answer
