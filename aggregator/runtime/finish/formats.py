"""Long answers in a format that is not JSON: a thread writes them, once for all who want the same text meanwhile."""

from __future__ import annotations

import asyncio
from functools import partial

from aggregator.codecs import json as json_codec
from aggregator.codecs.registry import Codec
from aggregator.errors import AggregatorError, without_frames
from aggregator.runtime.coding import aside


def written(codec: Codec, text: bytes) -> bytes:
    """Return the JSON *text* in the format of *codec*; raise ``ExpressionError`` where that cannot say it."""
    read = json_codec.decode_exact if codec.name == "xml" else json_codec.decode  # XML writes any digits
    return codec.encode(read(text))


class _Writing:
    """One text that a thread writes.

    States: *under way*, then *made* (``outcome`` is the body, or why the format cannot say it), or *left* (there is no
    outcome: whoever had asked for it gave up, or had no time, and the next of those who wait begins anew).
    """

    __slots__ = ("ended", "outcome")

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outcome: bytes | AggregatorError | None = None


class Writings:
    """The texts that are being written in one format; none is kept once it is there."""

    __slots__ = ("_codec", "_under_way")

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._under_way: dict[bytes, _Writing] = {}

    async def body(self, text: bytes, deadline: float) -> bytes:
        """Return the JSON *text* in the format, by *deadline* (loop time). Raises as ``written`` and ``aside`` do."""
        while (other := self._under_way.get(text)) is not None:
            await asyncio.wait((other.ended,))
            if other.outcome is not None:
                return _given(other.outcome)
        return _given(await self._write(text, deadline))

    async def _write(self, text: bytes, deadline: float) -> bytes | AggregatorError:
        writing = self._under_way[text] = _Writing()
        try:
            writing.outcome = await aside(partial(_outcome, self._codec, text), deadline)
        finally:
            del self._under_way[text]
            writing.ended.set_result(None)
        return writing.outcome


def _outcome(codec: Codec, text: bytes) -> bytes | AggregatorError:
    try:
        return written(codec, text)
    except AggregatorError as error:
        return without_frames(error)


def _given(outcome: bytes | AggregatorError) -> bytes:
    if isinstance(outcome, AggregatorError):
        raise without_frames(outcome)  # that of whoever raised it before
    return outcome
