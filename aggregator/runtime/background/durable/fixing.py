"""What a durable call sends, fixed when its request ends."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from aggregator.errors import ExpressionError
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.policies.durable.plan import DeliveryPlan
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.calls.sending import Sender
from aggregator.runtime.observing.tracing import Tracing
from aggregator.stores.effects.records import EffectRecord, FixedRequest
from aggregator.telemetry.traces.trace import Trace, new_span
from aggregator.templates import MISSING, Template, text_of

CREDENTIALS = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
"""Headers that are never written to a disk."""
_UNKEPT = CREDENTIALS | {b"host", b"aggregator-attempt"}


class DurableEffect(Struct, frozen=True):
    """A durable call of the *endpoint*: as *effect* it is made where nothing can be kept; *sender* writes it.

    *tracing* has it tell the trace of the request that caused it, with one span for all of its deliveries.
    """

    effect: Effect
    endpoint: str
    upstream: str
    sender: Sender
    delivery: DeliveryPlan
    tracing: Tracing | None = None

    def fix(self, frame: Frame, now: float) -> EffectRecord:
        """Return what is kept of it for the request of *frame*, which ended *now* (Unix time).

        Raises ``AggregatorError`` when a value is missing or cannot be sent.
        """
        plan, names = self.delivery, frame.names
        rendered = self.sender.render(frame)
        headers = self._traced(_without_credentials(rendered.headers), frame.exchange.trace)
        due = now + plan.delay
        if plan.at is not None and (at := _moment(plan.at.render(names))) is not None:
            due = max(due, at)
        order, dedupe = _key(plan.order, names), _key(plan.dedupe, names)
        return EffectRecord(
            id=secrets.token_hex(16),
            name=self.effect.name,
            endpoint=self.endpoint,
            upstream=self.upstream,
            request_id=frame.exchange.id,
            request=FixedRequest(self.sender.plan.request.method, rendered.target, headers, rendered.body),
            created=now,
            due=due,
            order=None if order is None else f"{self.effect.name}\n{order}",
            # another endpoint may have a call of the same name
            dedupe=None if dedupe is None else (f"{self.endpoint} {self.effect.name}\n{dedupe}", now + plan.dedupe_for),
        )

    def _traced(self, headers: bytes, trace: Trace | None) -> bytes:
        """Return *headers* with the context of *trace*, which is that of the request, in place of any other."""
        if self.tracing is None or trace is None:
            return headers
        return self.tracing.block(headers, trace, new_span(), forwards=True)


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
