"""Mocks of upstreams."""

from __future__ import annotations

from urllib.parse import quote

from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.plan.compiling.expressions import optional_expression, templates
from aggregator.policies.mock.matching import in_order
from aggregator.policies.mock.plan import DelayPlan, FailPlan, MockPlan, MockRoutePlan
from aggregator.policies.mock.settings import DelaySettings, FailSettings, MockRouteSettings
from aggregator.templates import compile_pattern, compile_value

_OF_QUERIES = "!$%&'()*+,-./:;=?@_~"
"""What stands in a query as it is (RFC 3986 §3.4), and the `%` of what is encoded already."""


def compile_mock(upstream: UpstreamSettings, prefix: bytes) -> MockPlan | None:
    """Return the mock before *upstream*, whose paths begin with *prefix*; None for none."""
    said = upstream.mock
    if said is None:
        return None
    routes = [_route(key, route) for key, route in said.routes.items()]
    return MockPlan(
        in_order(routes), _delay(said.delay), _fail(said.fail), optional_expression(said.when), upstream.is_mock, prefix
    )


def _route(key: str, said: MockRouteSettings) -> MockRoutePlan:
    method, _, target = key.partition(" ")
    path, _, query = target.partition("?")
    is_text = said.body is not None
    has_json = "json_" in said.model_fields_set
    body = compile_value(said.body) if is_text else compile_value(said.json_) if has_json else None
    return MockRoutePlan(
        method, compile_pattern(path), said.status, body, is_text, templates(dict(said.headers)), _delay(said.delay),
        _fail(said.fail), frozenset(quote(query, safe=_OF_QUERIES).encode("ascii").split(b"&") if query else ()),
    )  # fmt: skip


def _delay(said: DelaySettings | None) -> DelayPlan | None:
    return None if said is None else DelayPlan(said.p50, said.p99)


def _fail(said: FailSettings | None) -> FailPlan | None:
    if said is None:
        return None
    return FailPlan(said.share, said.status, said.timeout, said.reset, said.bytes)
