"""A durable effect as operators see it."""

from __future__ import annotations

from typing import Any

import msgspec

from aggregator.stores.effects.records import FixedRequest


def shown(kept: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an effect as they are *kept*, with the key of its order and its last answer as data."""
    key, last = kept.pop("order_key"), kept.pop("last")
    kept["key"] = None if key is None else key.partition("\n")[2]
    kept["last"] = None if last is None else msgspec.msgpack.decode(last)
    return kept


def sends(request: FixedRequest) -> dict[str, Any]:
    """Return what *request* sends, with its alternatives, as data."""
    others = [{"upstream": other.upstream} | _sent(other.request) for other in request.others]
    return {"request": _sent(request)} | ({"fallback": others} if others else {})


def _sent(request: FixedRequest) -> dict[str, Any]:
    return {
        "method": request.method.decode(),
        "target": request.target.decode("latin-1"),
        "headers": [line.split(": ", 1) for line in request.headers.decode("latin-1").split("\r\n") if line],
        "body": None if request.body is None else request.body.decode("utf-8", "replace"),
    }
