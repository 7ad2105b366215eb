"""What endpoints share when they say the same, and what they must not share."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.plan.serving import BackgroundPlan
from aggregator.runtime.background.effects import EffectQueue
from aggregator.runtime.plugins.functions import Plugins
from aggregator.runtime.resources import Resources
from aggregator.runtime.stack.endpoint import build_endpoint

UPSTREAM = "upstreams: {u: {url: http://u.example, timeout: 2s, headers: {authorization: key}}}\n"


@pytest.fixture
def built(plan_of: Any) -> Any:
    """Return a function (two endpoints, each what follows its path) → their handlers."""

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
    """Endpoints have one routine, and so have their calls, when they differ in paths and in what statuses become."""
    one, two = built("{call: 'u:/a/{id}'}", "{call: 'u:/b/{id}/c?d=e', status_map: {404: {status: 410}}}")
    assert one.routine is two.routine
    first, second = one.parts[0], two.parts[0]
    assert first.routine is second.routine
    assert (first.head + first.tail, second.head + second.tail) == (b"/a/", b"/b//c?d=e")


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', max_body: 9}}", "judge"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', select: x}}", "judge"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', success: {status: [204]}}}", "judge"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', timeout: 1s}}", "timeout"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', headers: {x: y}}}", "block"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', redirects: 1}}", "redirects"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', query: {x: '{{ id }}'}}}", "target"),
        ("{call: 'u:/a'}", "{call: {url: 'u:/a', headers: {x: '{{ id }}'}}}", "headers"),
        ("{call: 'u:/a/{id}'}", "{call: 'u:/a/x'}", "splice"),
    ],
)
def test_other_words_are_another_object(built: Any, one: str, other: str, differ: str) -> None:
    """A call that is judged, timed or written otherwise has a routine of its own."""
    first, second = (handler.parts[0].routine for handler in built(one, other))
    assert getattr(first, differ) != getattr(second, differ)


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("{call: 'u:/a'}", "{timeout: 1s, call: 'u:/a'}", "budget"),
        ("{call: 'u:/a'}", "{call: 'u:/a', response: {headers: {x: y}}}", "assembly"),
        ("{call: 'u:/a'}", "{query: {q: {}}, call: 'u:/a'}", "inputs"),
        ("{call: 'u:/a/{id}'}", "{call: 'u:/a/{id}', background: ['u:/b']}", "effects"),
        ("{call: 'u:/a/{id}'}", "{fan_out: {a: 'u:/a/{id}'}}", "order"),
    ],
)
def test_an_endpoint_served_otherwise_has_a_routine_of_its_own(built: Any, one: str, other: str, differ: str) -> None:
    """What differs in one thing shares nothing by mistake."""
    first, second = (handler.routine for handler in built(one, other))
    assert getattr(first, differ) != getattr(second, differ)


def test_defaults_that_python_takes_for_equal_stay_apart(built: Any) -> None:
    """1 and true are equal in Python and not in an answer."""
    declared = "{query: {q: {type: %s, default: %s}}, call: 'u:/a/{id}'}"
    one, other = built(declared % ("integer", "1"), declared % ("boolean", "true"))
    assert one.routine.inputs is not other.routine.inputs
