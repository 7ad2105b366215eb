"""The key of an answer: its endpoint with its plan, and every input that the plan reads, each with its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.exchange import Exchange
from aggregator.parts.cookies import cookies_of
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.plan import AnswerKeyPlan, LastGoodPlan
from aggregator.runtime.calls.writing.rendering import forwarded_pairs


def key_maker(plan: AnswerKeyPlan) -> Callable[[Exchange], bytes]:
    """Return what returns the key of the answer to a request, whose inputs are valid."""
    if plan != AnswerKeyPlan(plan.start):
        return lambda exchange: key_of(_pieces(plan, exchange))
    only = key_of((plan.start, b"{}", _NONE, _NONE))  # that of all requests to a path without parameters
    return lambda exchange: key_of(_pieces(plan, exchange)) if exchange.params else only


def part_key(plan: LastGoodPlan, start: bytes, frame: Frame) -> bytes:
    """Return the key of the value of a part, in what *start* stands for: the inputs and the results that it reads."""
    names = frame.names
    results = [(name, names.result(name)) for name in plan.results]
    read = [name.encode() + b":" + (b"" if result is None else result.json) for name, result in results]
    return key_of((start, *_pieces(plan.key, frame.exchange), *read))


def _pieces(plan: AnswerKeyPlan, exchange: Exchange) -> list[bytes]:
    """Return the pieces of the key; what the plan does not read of a request is not even parsed."""
    found = [
        plan.start,
        json_codec.encode(exchange.params) if exchange.params else b"{}",
        _query(plan.query, exchange),
        _NONE if plan.headers == () else _text(exchange.headers, plan.headers),
    ]
    if plan.cookies:
        found.append(b"cookies" + _text(cookies_of(exchange), plan.cookies))
    if plan.request:
        found.append(b"request" + _text(exchange.request, plan.request))
    if plan.auth:
        found.append(b"auth" + _text(Names(exchange)["auth"], plan.auth))
    if plan.identity:
        found.append(b"caller" + ("" if exchange.caller is None else exchange.caller.identity).encode())
    if plan.body:
        found.append(b"body" + exchange.body)
    if plan.passed and exchange.query_string:
        found.append(b"passed" + b"&".join(forwarded_pairs(exchange.query_string, frozenset(plan.passed))))
    return found


def _query(names: tuple[str, ...] | None, exchange: Exchange) -> bytes:
    """Return *names* of the query with their values; for None the query as it came, since its order may be sent on."""
    if names is None:
        return exchange.query_string
    return _text(exchange.query, names) if names else _NONE


_NONE = b"[]"
"""The text of no names."""


def _text(values: Mapping[str, Any], names: tuple[str, ...] | None) -> bytes:
    """Return *names* of *values* as one text, all of them for None; what is missing differs from what is null."""
    chosen = sorted(values) if names is None else [name for name in names if name in values]
    return json_codec.encode([[name, values[name]] for name in chosen])
