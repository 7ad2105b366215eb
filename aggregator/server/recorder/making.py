"""Makes a record of what is told of a request."""

from __future__ import annotations

from collections.abc import Iterable

from aggregator.exchange import Exchange
from aggregator.http import HeaderList, first
from aggregator.parts.events import CallEnded, RequestEnded
from aggregator.parts.losses import failed_in
from aggregator.parts.result import Result
from aggregator.plan.telemetry import RecorderPlan
from aggregator.plan.types import EndpointPlan
from aggregator.runtime.bars import bars_of
from aggregator.server.recorder.masking import Cleaner
from aggregator.server.recorder.record import Body, Record, Said, Why
from aggregator.telemetry.redaction import Masker

_PORTS = {"http": 80, "https": 443}
_MOST_BARS, _MOST_SAID = 256, 32


class Maker:
    """Makes records by *plan*, without the secrets that *masker* knows."""

    __slots__ = ("_clean",)

    def __init__(self, plan: RecorderPlan, masker: Masker) -> None:
        self._clean = Cleaner(plan, masker)

    def record(
        self, event: RequestEnded, endpoint: EndpointPlan, calls: Iterable[CallEnded], why: Why, now: float
    ) -> Record:
        """Return what is remembered of *event*, which *calls* were given up in; *now* is Unix time."""
        exchange = event.exchange
        clean = self._clean.beside(event.endpoint, exchange)
        seconds = event.ended - event.started
        target = clean.target(event.endpoint, exchange)
        body = clean.body(exchange.content or exchange.body, _type_of(exchange.header_list), exchange.body_value)
        fields: HeaderList = [] if event.answer is None else event.answer.headers
        failed = failed_in(event.parts, event.failure) if event.is_bad else None
        cause = event.cause or (None if failed is None else failed.cause)
        bars = bars_of(event.parts, event.started, endpoint, calls)[:_MOST_BARS]
        return Record(
            event.request, event.endpoint, why, event.method, clean.text(f"{_site(exchange)}{target}"),
            target, exchange.client, event.how, event.status, "" if cause is None else cause.value,
            event.is_partial, now - seconds, seconds, clean.text(_reason(event, failed)),
            "" if exchange.trace is None else exchange.trace.id, clean.headers(exchange.header_list),
            clean.masked(exchange, target, body), body, clean.headers(fields), _answer(clean, event, fields),
            _said(clean, event.parts), tuple(bars),
        )  # fmt: skip


def _site(exchange: Exchange) -> str:
    """Return scheme, host and port that the client asked for, the port where it is not that of the scheme."""
    origin = exchange.origin
    port = "" if origin.port == _PORTS.get(origin.scheme) else f":{origin.port}"
    return f"{origin.scheme}://{origin.host}{port}"


def _reason(event: RequestEnded, failed: Result | None) -> str:
    """Return why the answer is not whole, as the log says it: its own reason, or that of what *failed* first in it."""
    if event.reason or failed is None or failed.error is None:
        return event.reason
    return str(failed.error)


def _answer(clean: Cleaner, event: RequestEnded, fields: HeaderList) -> Body:
    if event.answer is None or event.how != "answered":
        return Body(event.size, left_out="a stream" if event.size else "")
    return clean.body(event.answer.body, _type_of(fields))


def _said(clean: Cleaner, results: Iterable[Result]) -> tuple[Said, ...]:
    found = [reply for result in results for reply in result.replies() if reply.status][:_MOST_SAID]
    return tuple(
        Said(one.name, one.upstream, one.status, clean.headers(one.headers), clean.body(one.raw, _type_of(one.headers)))
        for one in found
    )


def _type_of(fields: HeaderList) -> str:
    return (first(fields, b"content-type") or b"").decode("latin-1")
