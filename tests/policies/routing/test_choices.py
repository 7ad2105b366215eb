"""A call goes to one of several URLs by weight, and a key stays where it is."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.plan.compiling.expressions import one_expression
from aggregator.plan.explaining.explain import explain
from aggregator.policies.routing.choosing import choice_of
from aggregator.policies.routing.plan import ChancePlan

URLS = ("old:/x", "new:/x", "third:/x")


def placed(weights: tuple[int, ...], keys: int = 4000) -> list[int]:
    """Return which of the URLs each of so many keys gets."""
    plan = ChancePlan(URLS[: len(weights)], weights, one_expression("{{ query.k }}"))
    return [choice_of(plan, Names(Exchange("GET", "/", b"k=%d" % key, []))) for key in range(keys)]


@pytest.mark.parametrize("weights", [(95, 5), (1, 1), (90, 5, 5), (1, 0, 3)])
def test_keys_are_spread_by_weight(weights):
    """Within two points and a half of the shares that the weights say; a weight of 0 gets none."""
    found, whole = Counter(placed(weights)), sum(weights)
    for number, weight in enumerate(weights):
        assert abs(found[number] / 4000 - weight / whole) < 0.025
        assert (found[number] == 0) is (weight == 0)


@pytest.mark.parametrize(
    ("before", "after", "grown"), [((95, 5), (80, 20), 1), ((95, 5), (95, 40), 1), ((80, 10, 10), (80, 10, 30), 2)]
)
def test_growing_a_weight_moves_no_key_back(before, after, grown):
    """Keys move to the URL whose weight grows, and nowhere else."""
    moved = {(was, now) for was, now in zip(placed(before), placed(after), strict=True) if was != now}
    assert moved
    assert {now for _, now in moved} == {grown}


def test_another_order_in_the_file_moves_nothing():
    """A key belongs to a URL, and not to its place."""
    key = one_expression("{{ query.k }}")
    names = [Names(Exchange("GET", "/", b"k=%d" % number, [])) for number in range(200)]
    one = [URLS[choice_of(ChancePlan(URLS, (5, 3, 2), key), each)] for each in names]
    other = [URLS[::-1][choice_of(ChancePlan(URLS[::-1], (2, 3, 5), key), each)] for each in names]
    assert one == other


@pytest.mark.parametrize(("drawn", "chosen"), [(0.0, 0), (0.9499, 0), (0.95, 1), (0.999, 1)])
def test_without_a_key_chance_decides(drawn, chosen):
    """So it does where the key is none, as the subject of somebody that nobody asked for."""
    names = Names(Exchange("GET", "/", b"", []))
    for sticky in (None, "{{ auth.subject }}", "{{ query.k }}"):
        plan = ChancePlan(URLS[:2], (95, 5), None if sticky is None else one_expression(sticky))
        assert choice_of(plan, names, lambda: drawn) == chosen


ROUTES = """
upstreams:
  old: {url: "http://old.test"}
  new: {url: "http://new.test/v2", status_map: {404: 410}}
endpoints:
  GET /quote/{id}:
    call:
      choose: [{url: "old:/quote/{id}", weight: %d}, {url: "new:/quote/{id}", weight: %d}]
      sticky: "{{ headers['x-user'] }}"
  GET /parts:
    response: {meta: true}
    fan_out:
      one: old:/one
      two: {choose: [{url: "old:/two?of={one.n}", weight: %d}, {url: "new:/two", weight: %d}], optional: true, default: 0}
  GET /each: {fan_out: {all: {for_each: "{{ [1, 2] }}", choose: [{url: "old:/{item}", weight: 0}, {url: "new:/{item}"}]}}}
  POST /b: {respond: {body: 1}, background: {choose: [{url: POST old:/b, weight: 0}, {url: POST new:/b}]}}
"""


def asked(api) -> list[str]:
    """Return the URLs that were called."""
    return [str(request.url) for request in api.requests]


def test_the_chosen_one_is_named(serve):
    """In the header of the parts, in `meta`, whether the call succeeds or fails."""
    api = serve(
        ROUTES % (0, 1, 0, 1), lambda r: httpx.Response(404 if "/quote/9" in r.url.path else 200, json={"n": 5})
    )
    answer = api.get("/quote/7")
    assert answer.headers["aggregator-parts"].startswith("call;state=ok;chosen=new;status=200;ms=")
    answer = api.get("/quote/9")
    assert (answer.status_code, "state=failed;chosen=new" in answer.headers["aggregator-parts"]) == (410, True)
    answer = api.get("/parts")
    assert [part.get("chosen") for part in answer.json()["meta"]["parts"]] == [None, "new"]
    assert asked(api)[:2] == ["http://new.test/v2/quote/7", "http://new.test/v2/quote/9"]


def test_a_key_gets_the_same_upstream_each_time(serve):
    """Whatever the weights are, one user sees one of them."""
    api = serve(ROUTES % (1, 1, 1, 1))
    for user in range(20):
        for _ in range(3):
            api.get("/quote/7", headers={"x-user": f"user {user}"})
    hosts = [request.url.host for request in api.requests]
    assert all(len({*hosts[3 * user : 3 * user + 3]}) == 1 for user in range(20))
    assert {*hosts} == {"old.test", "new.test"}


def test_items_and_background_calls_choose_too(serve):
    """Wherever a call stands."""
    api = serve(ROUTES % (1, 1, 1, 1))
    api.get("/each")
    api.run(api.ask("POST", "/b"))
    api.run(api.app.running.queue.settled())
    assert sorted(asked(api)) == [f"http://new.test/v2/{name}" for name in ("1", "2", "b")]


def test_a_choice_waits_for_what_any_of_its_urls_reads(serve):
    """The part whose value only one of the URLs needs is there before."""
    api = serve(ROUTES % (1, 1, 1, 0), lambda _: httpx.Response(200, json={"n": 5}))
    api.get("/parts")
    assert asked(api)[-1] == "http://old.test/two?of=5"


def test_what_is_kept_of_one_is_not_given_out_for_the_other(serve):
    """Each of the calls has its own key."""
    text = (ROUTES % (1, 1, 1, 1)).replace('sticky: "{{ headers', 'cache: 60s\n      sticky: "{{ headers')
    api = serve(text, lambda request: httpx.Response(200, json=request.url.host))
    for _ in range(2):
        for user in range(12):
            answer = api.get("/quote/7", headers={"x-user": f"user {user}"})
            assert f"chosen={answer.json().removesuffix('.test')}" in answer.headers["aggregator-parts"]
    assert len(api.requests) == 2


def test_explain_tells_what_is_around_each(serve):
    """The shares, and the way of each of the calls."""
    endpoint = next(one for one in serve(ROUTES % (95, 5, 1, 1)).app.running.plan.endpoints if "quote" in one.key)
    stack = dict(explain(endpoint, frozenset()).stacks)["call"]
    assert stack == ("choose 95% 5% by {{ headers['x-user'] }}", "old | new")
