"""One walk over the parts of a plan, whatever they are made of."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from aggregator.plan.analysis.walking import calls_in, parts_in, with_calls
from aggregator.plan.calls import FanPlan

FILE = """
upstreams: {shop: {url: "http://shop.test"}}
endpoints:
  GET /a:
    fan_out:
      plain: {url: shop:/1, fallback: [shop:/2]}
      race: {race: [shop:/3, {url: shop:/4, fallback: [shop:/5]}]}
      group:
        fan_out:
          inner: shop:/6
          deeper: {race: [shop:/7, shop:/8]}
"""


@pytest.fixture
def fan(plan_of) -> FanPlan:
    """A fan-out in which parts of every kind stand, in each other."""
    return plan_of(FILE).endpoints[0].fan


def test_every_part_is_visited_before_those_inside(fan) -> None:
    """Races and groups come first, then their runners and parts."""
    names = ["plain", "race", "race[0]", "race[1]", "group", "inner", "deeper", "deeper[0]", "deeper[1]"]
    assert [part.name for part in parts_in(fan)] == names


def test_every_call_is_found(fan) -> None:
    """Alternatives, runners and parts of groups, in the order of the file."""
    assert [call.request.url.segments[0][-1:] for call in calls_in(fan)] == [b"%d" % n for n in range(1, 9)]


def test_every_call_is_changed(fan) -> None:
    """What changes calls reaches the same ones."""
    parts = tuple(with_calls(part, lambda call: replace(call, timeout=9.0)) for part in fan.parts)
    assert {call.timeout for call in calls_in(replace(fan, parts=parts))} == {9.0}


def test_nothing_is_inside_of_no_fan() -> None:
    """An endpoint that calls nobody has no parts."""
    assert [*parts_in(None)] == [*calls_in(None)] == []
