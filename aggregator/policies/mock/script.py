"""The behaviour of a mock for one request: its delay and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from math import exp, log
from random import gauss, random
from typing import NamedTuple

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError, CallError, Cause
from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.parts.names import Names
from aggregator.policies.mock.matching import find_route
from aggregator.policies.mock.plan import DelayPlan, FailPlan, MockPlan, MockRoutePlan
from aggregator.templates import header_value, text_of
from aggregator.transport import Reply

_NINETY_NINE = 2.326
"""Standard deviations of a normal distribution below which 99 of 100 lie."""
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Act(NamedTuple):
    """The outcome of a mocked call after *delay* seconds.

    A reply, of which no more than *cut* bytes come; a failure; or nothing (None): the request goes on to the upstream.
    Without an *end* nothing ever comes.
    """

    delay: float
    outcome: Reply | CallError | None
    cut: int | None = None
    end: bool = True


class Script:
    """The behaviour of *plan*; *draw* gives numbers from 0 to 1, and *drift* normally distributed ones."""

    def __init__(
        self, plan: MockPlan, draw: Callable[[], float] = random, drift: Callable[[], float] = lambda: gauss(0.0, 1.0)
    ) -> None:
        self._plan = plan
        self._draw = draw
        self._drift = drift

    def act(self, method: bytes, target: bytes, headers: bytes, body: bytes | None) -> Act:
        """Return what comes of a request."""
        plan = self._plan
        path, _, query = target.removeprefix(plan.prefix).partition(b"?")
        route, params = find_route(plan.routes, method.decode("ascii"), path, query)
        delay = self._delay(plan.delay) + (0.0 if route is None else self._delay(route.delay))
        fail = self._fault((plan.fail, None if route is None else route.fail))
        if fail is not None and fail.bytes is None:
            return _failing(fail, delay)
        if route is not None:
            names = _names(method.decode("ascii"), path, query, headers, body, params)
            return Act(delay, _reply(route, names, head=method == b"HEAD"), None if fail is None else fail.bytes)
        if plan.is_alone:
            return Act(delay, Reply(404, [_JSON], b'{"error":"The mock has no such route."}'))
        return Act(delay, None, None if fail is None else fail.bytes)

    def _delay(self, plan: DelayPlan | None) -> float:
        if plan is None:
            return 0.0
        if plan.p50 == plan.p99:
            return plan.p50
        return plan.p50 * exp(self._drift() * log(plan.p99 / plan.p50) / _NINETY_NINE)

    def _fault(self, plans: Iterable[FailPlan | None]) -> FailPlan | None:
        return next((plan for plan in plans if plan is not None and self._draw() < plan.share), None)


def _failing(fail: FailPlan, delay: float) -> Act:
    if fail.timeout:
        return Act(delay, None, end=False)
    if fail.reset:
        return Act(delay, CallError(Cause.RESET, "The upstream reset the connection."))
    return Act(delay, Reply(fail.status or 500, [_JSON], b'{"error":"A fault on purpose."}'))


def _names(method: str, path: bytes, query: bytes, headers: bytes, body: bytes | None, params: dict[str, str]) -> Names:
    fields: HeaderList = [
        (name.strip().lower(), value.strip())
        for name, _, value in (line.partition(b":") for line in headers.split(b"\r\n") if line)
    ]
    exchange = Exchange(method, path.decode("latin-1"), query, fields)
    exchange.body = exchange.content = body or b""
    with suppress(AggregatorError):
        exchange.body_value = json_codec.decode(body) if body else None
    exchange.params.update(params)
    return Names(exchange, params)


def _reply(route: MockRoutePlan, names: Names, *, head: bool) -> Reply:
    try:
        body = b"" if route.body is None else _body(route, names)
        fields = [(name, header_value(text_of(template.render(names)))) for name, template in route.headers]
    except AggregatorError as error:
        return Reply(500, [_JSON], json_codec.encode({"error": f"The mock failed: {error}."}))
    known = {name for name, _ in fields}
    if body and b"content-type" not in known:
        fields.append(_TEXT if route.is_text else _JSON)
    if head and b"content-length" not in known:
        fields.append((b"content-length", b"%d" % len(body)))  # that of the answer to a GET (RFC 9110 §8.6)
    return Reply(route.status, fields, b"" if head else body)


def _body(route: MockRoutePlan, names: Names) -> bytes:
    assert route.body is not None
    value = route.body.render(names, missing="null")
    return text_of(value).encode() if route.is_text else json_codec.encode(value)
