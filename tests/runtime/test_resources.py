"""What endpoints share when they say the same, and what they must not share."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.plan.types import BackgroundPlan
from aggregator.runtime.effects import EffectQueue
from aggregator.runtime.plugins import Plugins
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack import build_endpoint

UPSTREAM = "upstreams: {u: {url: http://u.example, timeout: 2s, headers: {authorization: key}}}\n"


@pytest.fixture
def built(plan_of: Any) -> Any:
    """Give a function (two endpoints, each what follows its path) → their handlers."""

    def build(*endpoints: str) -> list[Any]:
        lines = "".join(f"  GET /{number}/{{id}}: {text}\n" for number, text in enumerate(endpoints))
        plan = plan_of(f"{UPSTREAM}endpoints:\n{lines}")
        plugins = Plugins()
        resources = Resources(lambda upstream: upstream, plugins, EffectQueue(BackgroundPlan()), plan.server)  # type: ignore[arg-type, return-value]
        handlers = [build_endpoint(endpoint, resources) for endpoint in plan.endpoints]
        plugins.close()
        return handlers

    return build


def test_the_same_words_are_one_object(built: Any) -> None:
    """Inputs, order, assembly, judge and the constants of requests are one for calls that differ in their paths."""
    one, two = built("{call: 'u:/a/{id}'}", "{call: 'u:/b/{id}/c?d=e', status_map: {404: {status: 410}}}")
    assert one._inputs is two._inputs
    assert one._order is two._order
    assert one._assembly is two._assembly
    first, second = one._parts[0], two._parts[0]
    for shared in ("_block", "_judge", "_method", "_splice", "_timeout"):
        assert getattr(first, shared) is getattr(second, shared), shared
    assert (first._head + first._tail, second._head + second._tail) == (b"/a/", b"/b//c?d=e")


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', max_body: 9}}", "_judge"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', select: x}}", "_judge"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', success: {status: [204]}}}", "_judge"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', timeout: 1s}}", "_timeout"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', headers: {x: y}}}", "_block"),
        ("{call: 'u:/a/{id}'}", "{call: 'u:/a/x'}", "_splice"),
    ],
)
def test_other_words_are_another_object(built: Any, one: str, other: str, differ: str) -> None:
    """A call that is judged, timed or written otherwise has its own."""
    first, second = (handler._parts[0] for handler in built(one, other))
    assert getattr(first, differ) is not getattr(second, differ)


def test_defaults_that_python_takes_for_equal_stay_apart(built: Any) -> None:
    """1 and true are equal in Python and not in an answer."""
    declared = "{query: {q: {type: %s, default: %s}}, call: 'u:/a/{id}'}"
    one, other = built(declared % ("integer", "1"), declared % ("boolean", "true"))
    assert one._inputs is not other._inputs
