"""What a background call, a shadow or an alternative says else than the call of an answer to the same URL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from aggregator.plan.calls import CallPlan, CallsPlan, EachPlan, GroupPlan
from aggregator.plan.types import EndpointPlan
from tests.plan.conftest import PlanOf
from tests.plan.leaves import changes

FILE = """\
state: ./state
telemetry: {hide: [query.h, body.b]}
upstreams:
  a: {url: 'http://a.test', retry: {attempts: 2}, hedge: {after: 9ms}, idempotent: true, cache: 5s, coalesce: true}
"""

Endpoint = Callable[[str], EndpointPlan]


@pytest.fixture
def endpoint(plan_of: PlanOf) -> Endpoint:
    """Return the function from what an endpoint says to its plan."""
    return lambda said: plan_of(f"{FILE}endpoints:\n  {said}\n").endpoints[0]


def first(plan: EndpointPlan) -> CallPlan:
    """Return the first call for the answer of *plan*."""
    assert plan.fan is not None
    return plan.fan.parts[0].calls[0]


def gone(before: CallPlan, after: CallPlan) -> tuple[list[str], list[str]]:
    """Return which pieces of *before* are gone in *after*, by their first name, and what else is another."""
    found = changes(before, after)
    names = {line.removeprefix("no ").partition(".")[0] for line in found if line.startswith("no ")}
    return sorted(names), [line for line in found if not line.startswith("no ")]


@pytest.mark.parametrize(
    ("background", "missing", "others"),
    [
        ("{url: 'a:/x'}", ["cache"], ["coalesce=no", "format=raw", "name=GET a:/x"]),
        ("{url: 'a:/x', name: n, timeout: 3s}", ["cache"], ["coalesce=no", "format=raw", "name=n", "timeout=3.0"]),
        ("{url: 'a:/x', durable: true}", ["cache", "hedge", "retry"], ["coalesce=no", "format=raw", "name=GET a:/x"]),
        ("{url: 'a:/x', dry_run: true}", ["cache"], ["coalesce=no", "dry_run=told", "format=raw", "name=GET a:/x"]),
    ],
)
def test_a_background_call_is_made_for_itself(
    endpoint: Endpoint, background: str, missing: list[str], others: list[str]
) -> None:
    """Its reply is not read, kept or shared; one that is durable is sent again by its deliveries alone."""
    plan = endpoint(f"GET /x: {{call: 'a:/x', background: [{background}]}}")
    assert gone(first(plan), plan.effects[0].part.calls[0]) == (missing, others)


def test_a_shadow_is_made_for_itself(endpoint: Endpoint) -> None:
    """Once, beside the call, and nothing that the upstream knows of calls is found under its name."""
    plan = endpoint("GET /x: {call: 'a:/x', shadow: [{url: 'a:/y', share: 10%}]}")
    missing, others = gone(first(plan), plan.shadows[0].call)
    assert missing == ["cache", "hedge", "retry"]
    assert others == ["coalesce=no", "format=raw", "name=shadow a", "request.url=a:/y", "upstream.name=a (shadow)"]
    assert (plan.shadows[0].share, plan.shadows[0].upstream) == (0.1, "a")


def test_an_alternative_differs_where_it_says_so(endpoint: Endpoint) -> None:
    """All else that the upstream says of calls holds for it, too."""
    plan = endpoint("GET /x: {call: {url: 'a:/x', fallback: [{url: 'a:/y', timeout: 3s}]}}")
    assert plan.fan is not None
    assert changes(*plan.fan.parts[0].calls) == ["request.url=a:/y", "timeout=3.0"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("url: 'POST a:/y', json: 1", "told"),
        ("url: 'POST a:/y', json: {a: '{{ query.a }}'}", "told"),
        ("url: 'POST a:/y', json: {a: '{{ query.h }}'}", "hidden"),
        ("url: 'POST a:/{query.h}', json: 1", "hidden"),
        ("url: 'POST a:/y', query: {q: '{{ query.h }}'}", "hidden"),
        ("url: 'POST a:/y', headers: {x-a: '{{ query.h }}'}", "told"),
        ("url: 'POST a:/y', forward: {query: [q]}", "hidden"),
        ("url: 'POST a:/y', forward: {query: all}", "hidden"),
        ("url: 'POST a:/y', forward: {body: true}", "hidden"),
        ("url: 'POST a:/y', for_each: '{{ query.h }}', json: 1", "hidden"),
        ("url: 'POST a:/y', for_each: '{{ query.l }}', json: 1", "told"),
        ("url: 'POST a:/y', json: '{{ body.b }}'", "hidden"),
    ],
)
def test_a_dry_run_tells_nothing_that_the_file_hides(endpoint: Endpoint, call: str, said: str) -> None:
    """Neither of a target or a body, nor of a list whose items lead there; headers are told to nobody."""
    plan = endpoint(f"POST /x: {{respond: {{}}, background: [{{{call}, dry_run: true}}]}}")
    assert plan.effects[0].part.calls[0].dry_run == said


def test_what_is_kept_of_a_delivery_is_without_what_its_upstream_adds(plan_of: PlanOf) -> None:
    """That is added when it is delivered, and may have changed by then; the credential of the caller is kept nowhere."""
    plan = plan_of(
        "state: ./state\n"
        "upstreams: {a: {url: 'http://a.test/base', headers: {x-up: '1'}, query: {u: 1}, auth: {bearer: secret}}}\n"
        "endpoints: {POST /x: {respond: {}, background: [{url: 'POST a:/y', durable: true, headers: {x-own: '2'}}]}}"
    )
    effect = plan.endpoints[0].effects[0]
    [fixed] = effect.fixed
    kept, sent = fixed.calls[0].request, effect.part.calls[0].request
    assert (kept.prefix, kept.constant_query, sent.prefix, sent.constant_query) == (b"", b"", b"/base", b"u=1")
    assert [name in kept.constant_headers for name in (b"x-up", b"secret", b"x-own")] == [False, False, True]
    assert [name in sent.constant_headers for name in (b"x-up", b"secret", b"x-own")] == [True, True, True]


@pytest.mark.parametrize(
    ("background", "changed"),
    [
        ("{url: 'POST a:/{item}', for_each: '{{ query.l }}'}", ["is_read=False"]),
        ("{name: n, fan_out: {p: 'POST a:/y'}}", ["is_read=False"]),
    ],
)
def test_nobody_reads_what_a_background_list_or_group_gives(
    endpoint: Endpoint, background: str, changed: list[str]
) -> None:
    """So that nothing is gathered for it."""
    core = endpoint(f"POST /x: {{respond: {{}}, background: [{background}]}}").effects[0].part.core
    read = core.each if isinstance(core, CallsPlan) else core
    assert isinstance(read, EachPlan | GroupPlan)
    assert changes(replace(read, is_read=True), read) == changed
