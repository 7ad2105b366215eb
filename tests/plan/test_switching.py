"""The plan while something is switched off: what is off says so, everything else is the same object."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.explaining.summary import route_member
from aggregator.plan.switching import switched, unknown_target
from aggregator.plan.types import Plan
from aggregator.policies.switches.plan import OffPlan
from aggregator.policies.switches.table import Target

PlanOf = Callable[..., Plan]

FILE = """
endpoints:
  GET /page:
    fan_out: {user: users:/u, cart: shop:/c}
    background: [{name: seen, url: "POST users:/seen"}, {name: sold, url: "POST shop:/sold"}]
    shadow: [{url: shop:/u}]
  GET /user: {call: users:/u}
  GET /fixed: {respond: {body: 1}}
"""
OFF = OffPlan(503, None, 100.0)


def test_nothing_off_changes_nothing(plan_of: PlanOf) -> None:
    """The plan is the same object, and so is each endpoint that a switch does not speak of."""
    plan = plan_of(FILE)
    assert switched(plan, {}) is plan
    page, user, fixed = switched(plan, {Target("endpoint", "GET /page"): OFF}).endpoints
    assert (user, fixed) == plan.endpoints[1:]
    assert user is plan.endpoints[1]
    assert page.admission.off == OFF
    assert page.digest != plan.endpoints[0].digest


def test_an_upstream_that_is_off_takes_its_calls_along(plan_of: PlanOf) -> None:
    """Its calls are off, its effects and its shadow are gone; calls to others stay."""
    page = switched(plan_of(FILE), {Target("upstream", "shop"): OFF}).endpoints[0]
    assert page.fan is not None
    assert {call.upstream.name: call.off for call in calls_in(page.fan)} == {"users": None, "shop": OFF}
    assert [effect.name for effect in page.effects] == ["seen"]
    assert page.shadows == ()


def test_a_part_or_an_effect_may_be_off_alone(plan_of: PlanOf) -> None:
    """Each by its name in its endpoint."""
    offs = {Target("part", "GET /page", "user"): OFF, Target("effect", "GET /page", "sold"): OFF}
    page = switched(plan_of(FILE), offs).endpoints[0]
    assert page.fan is not None
    assert [call.off for call in calls_in(page.fan)] == [OFF, None]
    assert [effect.name for effect in page.effects] == ["seen"]
    assert len(page.shadows) == 1


def test_an_effect_without_an_endpoint_is_off_in_each(plan_of: PlanOf) -> None:
    """All that have its name are; their neighbours stay, and so does an endpoint that has none."""
    plan = plan_of(FILE + '  GET /more: {call: users:/m, background: [{name: sold, url: "POST shop:/sold"}]}\n')
    page, user, _, more = switched(plan, {Target("effect", "", "sold"): OFF}).endpoints
    assert [effect.name for effect in page.effects] == ["seen"]
    assert more.effects == ()
    assert user is plan.endpoints[1]


NESTED = """
endpoints:
  GET /page:
    fan_out:
      user: users:/u
      more: {fan_out: {ads: shop:/a, deep: {fan_out: {ads: shop:/d}}}}
      price: {race: [shop:/1, users:/2]}
"""


@pytest.mark.parametrize(
    ("place", "paths"),
    [
        ("more.ads", {"/a"}),
        ("more.deep", {"/d"}),
        ("more.deep.ads", {"/d"}),
        ("more", {"/a", "/d"}),
        ("price", {"/1", "/2"}),
        ("price[1]", {"/2"}),
        ("ads", set()),
    ],
)
def test_a_part_inside_of_another_has_both_names(plan_of: PlanOf, place: str, paths: set[str]) -> None:
    """What is in a group or a race may be off alone, and is off with all that it is in."""
    plan = plan_of(NESTED)
    page = switched(plan, {Target("part", "GET /page", place): OFF}).endpoints[0]
    off = [call.off for call in calls_in(page.fan)]
    assert {path for path, one in zip(["/u", "/a", "/d", "/1", "/2"], off, strict=True) if one} == paths
    known = "It has no part 'ads'; it has user, more, more.ads, more.deep, more.deep.ads, price, price[0], price[1]."
    assert unknown_target(plan, Target("part", "GET /page", place)) == (None if paths else known)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("upstream", "users"), None),
        (Target("upstream", "nope"), "There is no upstream 'nope'; there are users, shop."),
        (Target("endpoint", "GET /page"), None),
        (Target("endpoint", "GET /nope"), "There is no endpoint 'GET /nope'; did you mean `GET /page`?"),
        (Target("part", "GET /page", "cart"), None),
        (Target("part", "GET /page", "seen"), "It has no part 'seen'; it has user, cart."),
        (Target("effect", "GET /page", "sold"), None),
        (Target("effect", "GET /user", "sold"), "It has no effect 'sold'; it has none."),
        (Target("effect", "", "sold"), None),
        (Target("effect", "", "user"), "No endpoint has an effect 'user'; there are seen, sold."),
        (Target("part", "GET /fixed", "a"), "It has no part 'a'; it has none."),
    ],
    ids=str,
)
def test_a_target_that_is_not_there_is_told(plan_of: PlanOf, target: Target, said: str | None) -> None:
    """With what is there instead."""
    assert unknown_target(plan_of(FILE), target) == said


def test_each_part_that_the_page_offers_can_be_switched(plan_of: PlanOf) -> None:
    """The page makes a button for every part that an endpoint lists, those inside of others too; none is refused."""
    plan = plan_of("""
    endpoints:
      GET /home:
        fan_out:
          page: {fan_out: {ads: users:/a, deep: {race: [users:/b, shop:/b]}}}
          price: {race: [users:/c, shop:/c]}
          stock: {url: shop:/s, fallback: [users:/s]}
        background: [{name: seen, url: "POST users:/seen"}]
    """)
    shown = route_member(plan.endpoints[0])
    parts = [name for part in shown["parts"] for name in (part["name"], *part.get("inside", ()))]
    assert parts == ["page", "page.ads", "page.deep", "page.deep[0]", "page.deep[1]", "price", "price[0]", "price[1]",
                     "stock"]  # fmt: skip
    for kind, names in (("part", parts), ("effect", shown["background"])):
        for name in names:
            target = Target(kind, shown["endpoint"], name)
            assert unknown_target(plan, target) is None
            assert switched(plan, {target: OFF}) is not plan
