"""What an upstream's reply means: a success whose body is what it claims, or a failure with its cause."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from aggregator.causes import State
from aggregator.codecs import json as json_codec
from aggregator.codecs.charset import utf8_of
from aggregator.codecs.media_type import parse_media_type
from aggregator.codecs.reading import read_body
from aggregator.codecs.registry import codec_for
from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import Exchange
from aggregator.http import first, seconds_until
from aggregator.parts.body import SHORT
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.plan.calls import CallPlan, SuccessPlan
from aggregator.runtime.calls.rereading import LongReading, text_of
from aggregator.runtime.coding import LARGE
from aggregator.runtime.foresight.reading import LongReads, long_reads
from aggregator.runtime.parts.refining import compile_refine
from aggregator.transport import Reply

_JSON_TYPES = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_ASCII = 0x7F
_STATUS = Cause.STATUS
_OK = State.OK
_AT_ONCE = 4 * 1024
"""Bytes that are read without a thread; as XML they take up to seven milliseconds."""
Read = Callable[[], Any]


class Judge:
    """Turns replies to a call into results. It knows nothing of the call's status map, and so may judge for many."""

    __slots__ = ("_cap", "_eager", "_forced", "_is_copied", "_is_read", "_label", "_name", "_options", "_reads",
                 "_refine", "_statuses", "_success", "_verdicts", "at_once", "may_take_long")  # fmt: skip

    def __init__(self, plan: CallPlan) -> None:
        self._name = plan.name
        self._label = plan.upstream.label
        self._success = plan.success
        self._statuses = plan.success.statuses
        self._verdicts = frozenset(status for status, _ in plan.success.verdicts)
        self._cap = plan.max_body
        self._forced = None if plan.format == "auto" else plan.format
        self._eager = plan.eager
        self._is_read = plan.is_read
        self._is_copied = plan.is_copied
        self._options = plan.reading
        self._refine = compile_refine(plan)
        self._reads = long_reads((plan.success.when, plan.shape))
        may_be_other = self._forced not in (None, "json") or (self._forced is None and self._eager)
        self.may_take_long = may_be_other or plan.is_read or self._refine is not None
        """Whether bodies of its replies may be in a format that takes long to read, or are changed, however long."""
        self.at_once = _most_at_once(may_be_other, plan.is_read or self._refine is not None, self._reads)
        """Bytes of a body up to which its replies never take long to judge; -1 where that is not known before."""

    def long_reading(self, reply: Reply) -> LongReading | None:
        """Return what reads the body of *reply* where that may take more than a few milliseconds.

        None elsewhere, and where somebody has read it before.
        """
        body = reply.body
        if len(body) <= _AT_ONCE or reply.status not in self._statuses:
            return None
        if self._cap is not None and len(body) > self._cap:
            return None
        kind = first(reply.headers, b"content-type")
        if self._forced is None and (kind in _JSON_TYPES or not self._eager):
            return None
        try:
            codec = codec_for(kind, self._forced)
        except CallError:
            return None
        how = codec.name, kind, self._options
        if codec.name == "json" or text_of(reply, how) is not None:
            return None
        return LongReading(how, partial(read_body, codec, body, kind, self._options))

    def takes_long(self, reply: Reply, names: Names) -> bool:
        """Return whether judging *reply*, and what is made of its body, may take more than a few milliseconds.

        Of *names* it may read long values besides.
        """
        if not (self._is_read or self._refine is not None) or reply.status not in self._statuses:
            return False
        size = len(reply.body) if reply.read is None else max(len(reply.body), len(reply.read.json))
        reads = self._reads
        return size > LARGE or (reads is not None and reads.are_long(names, size))

    def read_ahead(self, result: Result) -> None:
        """Decode the body of *result* if an expression will read it, and write it where its shape has changed."""
        if result.state is not State.OK:
            return
        with suppress(AggregatorError):  # told where it is read
            _ = result.json
            if self._is_read:
                _ = result.value
                if self._is_copied:
                    _ = result.as_sent

    def judge(self, frame: Frame, reply: Reply, started: float, read: Read | None = None) -> Result:
        """Return the result that *reply* is to a call that *started* then (loop time); a failure has no rows yet.

        *read* gives the body as data, or raises, when it was read before.
        """
        status, headers, body, label = reply.status, reply.headers, reply.body, self._label
        result = Result(  # all at once: setting fields later takes longer
            self._name, started, frame.loop.time(), _OK, status, headers, reply, None, None, label, "", reply.attempts,
            raw=body,
        )  # fmt: skip
        if self._cap is not None and len(body) > self._cap:
            error = CallError(Cause.TOO_LARGE, f"The upstream '{label}' sent too large a body.")
            return _as_failure(result, error)
        if status not in self._statuses:
            if status in self._verdicts and is_verdict(self._success, status, frame.exchange):
                result.decoder = _lenient
                return result
            return _as_failure(result, _status_error(label, status, headers))
        try:
            fault = self._read(result, reply, read)
            if fault is not None:
                return _as_failure(result, fault)
            if len(body) > SHORT:
                result.shares(reply)
            if self._refine is not None:
                self._refine(result, frame)
        except AggregatorError as error:
            return _as_failure(result, error)
        return result

    def _read(self, result: Result, reply: Reply, read: Read | None) -> CallError | None:
        """Prove or read the body of *result*, that of *reply*; return why it is no JSON.

        Raises what other formats have against it.
        """
        if read is not None:
            result.value = read()
            if (written := reply.read) is not None:
                result.is_written(written.json)
            return None
        kind = first(reply.headers, b"content-type")
        raw, forced = reply.body, self._forced
        if forced is None and kind in _JSON_TYPES:
            if raw:
                if raw[0] > _ASCII:  # no JSON text begins so: a byte order mark may
                    raw = _as_utf8(result, kind)
                if not reply.is_json or raw is not reply.body:
                    fault = json_codec.fault_in(raw)
                    if fault is not None:
                        return fault
                    reply.is_json = raw is reply.body
                result._json = raw if raw[0] > 32 and raw[-1] > 32 else raw.strip(b" \t\r\n")  # no property call
            return None
        if not raw:
            return None
        if not self._eager and forced is None and (kind is None or not _is_json(kind)):
            # should anybody read what passes through
            result.decoder = lambda body: read_body(codec_for(kind), body, kind, self._options)
            return None
        codec = codec_for(kind, forced)
        if codec.name == "json":
            raw = _as_utf8(result, kind)
            json_codec.validate(raw)
            result.json = raw.strip(b" \t\r\n")
        elif (text := text_of(reply, (codec.name, kind, self._options))) is not None:
            result.json = text
        else:
            result.value = read_body(codec, raw, kind, self._options)
        return None


def _as_utf8(result: Result, kind: bytes | None) -> bytes:
    """Return the body of *result*, which is JSON, in UTF-8, as which it is also passed on."""
    sent = result.raw
    raw = utf8_of(sent, kind)
    if raw is not sent and kind is not None and (media := parse_media_type(kind)) is not None:
        told = media.essence.encode("latin-1") + b"; charset=utf-8"
        result.headers = [(n, told if n == b"content-type" else value) for n, value in result.headers]
    result.raw = raw
    return raw


def is_verdict(success: SuccessPlan, status: int, exchange: Exchange) -> bool:
    """Return whether *status* answers a condition that the client of *exchange* set, and so is no failure."""
    for verdict, names in success.verdicts:
        if verdict == status:
            return any(name in names for name, _ in exchange.header_list)
    return False


def judges_alike(plan: CallPlan) -> Hashable | None:
    """Return what is equal for calls whose replies mean the same; None for a call that has a meaning of its own."""
    if plan.graphql != "no" or plan.success.when is not None or plan.shape is not None:
        return None
    reading = (plan.format, plan.reading, plan.eager, plan.is_read, plan.is_copied)
    return plan.name, plan.upstream.label, plan.success, plan.max_body, reading


def _as_failure(result: Result, error: AggregatorError) -> Result:
    result.decoder = _lenient
    result.fail(error)
    if result.reply is not None and len(result.raw) > SHORT:
        result.shares(result.reply)
    return result


def _lenient(raw: bytes) -> Any:
    """Return the body of a failed answer for expressions: as JSON if it is, as text otherwise."""
    try:
        return json_codec.decode(utf8_of(raw, None))
    except CallError:
        return raw.decode("utf-8", "replace")


def _status_error(label: str, status: int, headers: list[tuple[bytes, bytes]]) -> CallError:
    if status in (429, 503) and (wait := first(headers, b"retry-after")):
        return CallError(Cause.STATUS, _meaning(label, status), retry_after=seconds_until(wait, headers))
    return CallError(_STATUS, _meaning(label, status))


@lru_cache(1024)  # an upstream that fails does so thousands of times a second
def _meaning(label: str, status: int) -> str:
    """Return the sentence that the upstream *label* answered with *status*."""
    if status == 404:
        return f"The upstream '{label}' did not find it."
    if status in _MEANINGS:
        return f"The upstream '{label}' {_MEANINGS[status]}."
    if 300 <= status < 400:
        return f"The upstream '{label}' answered with a redirect ({status}), which is not followed."
    return f"The upstream '{label}' answered with status {status}."


_MEANINGS = {
    206: "sent only a part of its content (206), of which no whole answer can be made",
    304: "answered that nothing was modified (304), so there is no body to make an answer of",
    412: "answered that a condition of the request does not hold (412)",
    416: "answered that it has no such range (416)",
}
"""Statuses of which the number alone would not tell what happened."""


def _is_json(kind: bytes) -> bool:
    try:
        return codec_for(kind).name == "json"
    except CallError:
        return False


def _most_at_once(may_be_other: bool, is_looked_into: bool, reads: LongReads | None) -> int:
    """Return ``Judge.at_once``: what takes long is to read a reply, or to look into it, which *reads* more besides."""
    if is_looked_into and reads is not None:
        return -1
    most = LARGE if is_looked_into else sys.maxsize
    return min(most, _AT_ONCE) if may_be_other else most
