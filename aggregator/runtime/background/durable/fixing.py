"""What a durable call sends, fixed when its request ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aggregator.errors import AggregatorError, ExpressionError
from aggregator.parts.frame import Frame
from aggregator.parts.names import ItemNames, Names
from aggregator.plan.calls import EachPlan
from aggregator.policies.durable.plan import DeliveryPlan
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.observing.tracing import Tracing
from aggregator.runtime.parts.batching import work_of
from aggregator.stores.effects.records import Alternative, EffectRecord, FixedRequest
from aggregator.telemetry.traces.trace import Trace, new_span
from aggregator.templates import MISSING, Expression, Template, text_of

CREDENTIALS = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
"""Headers that are never written to a disk."""
_UNKEPT = CREDENTIALS | {b"host", b"aggregator-attempt"}


Lost = Callable[[str, AggregatorError], None]
"""Takes the name of what could not be written, and why."""


class Piece(Struct, frozen=True):
    """A part of an effect kept by itself, under *name*: one call, or one for each item of a list, where *when* holds.

    *senders* write the call and its alternatives, *upstreams* are the names of theirs.
    """

    name: str
    upstreams: tuple[str, ...]
    senders: tuple[Sender, ...]
    each: EachPlan | None = None
    when: Expression | None = None

    def frames(self, frame: Frame) -> Iterator[Frame | AggregatorError]:
        """Yield the surroundings of each call for the request of *frame*, or why there are none for an item.

        Raises ``AggregatorError`` when there is no list, or one that is too long.
        """
        names = frame.names
        if self.when is not None and not self.when.truth(names):
            return
        if self.each is None:
            yield frame
            return
        for job in work_of(self.each, self.name, names).jobs:
            yield job.error or frame.with_names(ItemNames(names, job.seed, self.each.items))

    def request(self, frame: Frame, traced: Callable[[bytes], bytes]) -> FixedRequest:
        """Return what is sent, with *traced* headers; raises ``AggregatorError`` when something cannot be sent."""
        first, *others = (self._request(sender, frame, traced) for sender in self.senders)
        if not others:
            return first
        return replace(first, others=tuple(map(Alternative, self.upstreams[1:], others)))

    def _request(self, sender: Sender, frame: Frame, traced: Callable[[bytes], bytes]) -> FixedRequest:
        rendered = sender.render(frame)
        headers = traced(_without_credentials(rendered.headers))
        return FixedRequest(sender.plan.request.method, rendered.target, headers, rendered.body)


class DurableEffect(Struct, frozen=True):
    """A durable effect of an endpoint: its *pieces* are kept, or *effect* is made at once where nothing can be kept.

    *tracing* has it tell the trace of the request that caused it, with one span for all deliveries of a record.
    """

    effect: Effect
    endpoint: str
    pieces: tuple[Piece, ...]
    delivery: DeliveryPlan
    tracing: Tracing | None = None

    @property
    def fewest(self) -> int:
        """How many are kept of it at least for a request that succeeds."""
        if self.effect.when is not None or not self.effect.follows(success=True):
            return 0
        return sum(piece.each is None and piece.when is None for piece in self.pieces)

    def fix(self, frame: Frame, now: float, lost: Lost) -> list[EffectRecord]:
        """Return what is kept of it for the request of *frame*, which ended *now* (Unix time).

        What has no value, or one that cannot be sent, is *lost*, and the rest is kept.
        """
        records: list[EffectRecord] = []
        for piece in self.pieces:
            try:
                for one in piece.frames(frame):
                    self._keep(piece, one, now, lost, records)
            except AggregatorError as error:
                lost(piece.name, error)
        return records

    def _keep(
        self, piece: Piece, frame: Frame | AggregatorError, now: float, lost: Lost, records: list[EffectRecord]
    ) -> None:
        try:
            if isinstance(frame, AggregatorError):
                raise frame
            records.append(self._record(piece, frame, now))
        except AggregatorError as error:
            lost(piece.name, error)

    def _record(self, piece: Piece, frame: Frame, now: float) -> EffectRecord:
        plan, names = self.delivery, frame.names
        span = new_span()
        request = piece.request(frame, lambda headers: self._traced(headers, frame.exchange.trace, span))
        due = now + plan.delay
        if plan.at is not None and (at := _moment(plan.at.render(names))) is not None:
            due = max(due, at)
        order, dedupe = _key(plan.order, names), _key(plan.dedupe, names)
        return EffectRecord(
            id=secrets.token_hex(16),
            name=piece.name,
            endpoint=self.endpoint,
            upstream=piece.upstreams[0],
            request_id=frame.exchange.id,
            request=request,
            created=now,
            due=due,
            order=None if order is None else f"{piece.name}\n{order}",
            # another endpoint may have a call of the same name
            dedupe=None if dedupe is None else (f"{self.endpoint} {piece.name}\n{dedupe}", now + plan.dedupe_for),
        )

    def _traced(self, headers: bytes, trace: Trace | None, span: str) -> bytes:
        """Return *headers* with the context of *trace*, which is that of the request, in place of any other."""
        if self.tracing is None or trace is None:
            return headers
        return self.tracing.block(headers, trace, span)


def _key(template: Template | None, names: Names) -> str | None:
    """Return the key that *template* gives; None for null."""
    value = None if template is None else template.render(names, missing="null")
    return None if value is None or value is MISSING else text_of(value)


def _without_credentials(block: bytes) -> bytes:
    """Return the lines of *block* that may be kept."""
    lines = (line for line in block.split(b"\r\n") if line and line.partition(b":")[0].lower() not in _UNKEPT)
    return b"".join(line + b"\r\n" for line in lines)


def _moment(value: Any) -> float | None:
    """Return *value*, a moment as RFC 3339 writes it or in Unix time, in Unix time; None for null."""
    if value is None or value is MISSING:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ExpressionError("'at' needs a moment as RFC 3339 writes it, or in Unix time.") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
