"""The picture of a whole file, and trees of calls with short names."""

from __future__ import annotations

import re

from aggregator.plan.explaining.drawing.pictures import file_picture
from aggregator.plan.explaining.explain import explain
from aggregator.plan.explaining.sending.preview import Veil
from tests.plan.conftest import PlanOf

FILE = """
endpoints:
  GET /a: {call: 'shop:/a', background: 'POST users:/x'}
  GET /b: {call: 'users:/b'}
"""


def test_upstreams_stand_behind_the_endpoints_that_call_them(plan_of: PlanOf) -> None:
    """Each is drawn once, all in one column to the right; who is called after the answer has a dotted arrow."""
    plan = plan_of(FILE)
    picture = file_picture(plan, Veil(plan.secrets))
    places = {text: float(x) for x, text in re.findall(r'<text[^>]* x="([0-9.]+)"[^>]*>([^<]+)</text>', picture)}
    endpoints, upstreams = [places["GET /a"], places["GET /b"]], [places["shop"], places["users"]]
    assert len(set(endpoints)) == len(set(upstreams)) == 1
    assert endpoints[0] < upstreams[0]
    assert [picture.count(f">{name}<") for name in ("shop", "users")] == [1, 1]


def test_what_is_noted_of_a_short_name_stands_below_its_request(plan_of: PlanOf) -> None:
    """At the branch, whatever the width of the names."""
    plan = plan_of("endpoints: {GET /a: {fan_out: {a: {url: 'shop:/a', when: '{{ query.q }}', default: 1}}}}")
    assert explain(plan.endpoints[0], plan.secrets).tree == (
        "└─ a  GET shop:/a",
        "      only if {{ query.q }}",
        "      1 when it is skipped",
    )
