"""Effects and what became of them as the scripts take them, and effects as the scripts return them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from aggregator.stores.effects.records import EffectRecord, FixedRequest, Outcome
from aggregator.stores.effects.showing import shown
from aggregator.stores.redis.effects.reading import FIELDS

OVERHEAD: Final = 1000
"""Bytes that an effect takes beside its request, about."""
AT_ONCE: Final = 64
"""Effects that one script keeps, of so many bytes, if one request does not cause more: a script holds up the server."""
BYTES_AT_ONCE: Final = 1024 * 1024
_request = msgspec.msgpack.Decoder(FixedRequest).decode


def in_scripts(groups: list[list[EffectRecord]]) -> Iterator[list[list[EffectRecord]]]:
    """Yield *groups* in the lists that a script takes each, in their order: about ``AT_ONCE`` records, and bytes."""
    some: list[list[EffectRecord]] = []
    number = size = 0
    for records in groups:
        some.append(records)
        number += len(records)
        size += sum(record.size for record in records)
        if number >= AT_ONCE or size >= BYTES_AT_ONCE:
            yield some
            some, number, size = [], 0, 0
    if some:
        yield some


def packed(record: EffectRecord) -> tuple[Any, ...]:
    """Return *record* as ``PUT`` takes it, beside what it sends; false for nothing, since None ends a list in Lua."""
    key, until = record.dedupe or (False, 0.0)
    lifetime = max(1, round((until - record.created) * 1000))
    return (
        record.id, record.name, record.endpoint, record.upstream, record.request_id,
        record.request.size + OVERHEAD, record.order is not None and record.order,
        max(0.0, record.due - record.created), key, lifetime,
    )  # fmt: skip


def ended(outcome: Outcome, now: float, place: int) -> tuple[Any, ...]:
    """Return *outcome* as ``TURN`` takes it, at *now*; its last answer is the argument with the number *place*."""
    due = 0.0 if outcome.due is None else outcome.due - now
    return (outcome.id, outcome.state, outcome.last is not None and place, due, outcome.counts)


def record_of(id_: bytes, fields: list[Any]) -> EffectRecord:
    """Return a claimed effect."""
    name, endpoint, upstream, request_id, request, created, due, order, attempts = fields
    return EffectRecord(
        id_.decode(), name.decode(), endpoint.decode(), upstream.decode(), request_id.decode(), _request(request),
        float(created), float(due), None if order is None else order.decode(), int(attempts),
    )  # fmt: skip


def row_of(place: int, id_: bytes, due: bytes | None, fields: list[Any]) -> dict[str, Any]:
    """Return an effect as operators see it, with what a file says of it."""
    found: dict[str, Any] = dict(zip(FIELDS, fields, strict=True))
    texts = {key: None if found[key] is None else found[key].decode() for key in FIELDS[:6]}
    times = {key: None if value is None else float(value) for key, value in _times(found, due)}
    numbers = {key: int(found[key]) for key in ("attempts", "size")}
    return shown({"place": int(place), "id": id_.decode()} | texts | times | numbers | {"last": found["last"]})


def _times(found: dict[str, Any], due: bytes | None) -> list[tuple[str, bytes | None]]:
    return [*((key, found[key]) for key in ("created", "not_before")), ("due", due), ("ended", found["ended"])]
