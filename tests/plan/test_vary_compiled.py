"""What `Vary` names of an answer that caches further out may keep, or of the answer of a row."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.plan.types import EndpointPlan
from tests.plan.conftest import PlanOf

LIFE = "cache_control: 'max-age=5'"
ALWAYS = "{'on': always, values: {cache-control: %s}}"
PUBLIC = "headers: {cache-control: public}"
READS = "headers: {x-a: \"{{ headers['x-h'] }}\"}"


def vary_of(headers: tuple[tuple[bytes, Any], ...]) -> list[str]:
    """Return what each `Vary` among *headers* says."""
    return [value.render({}) for name, value in headers if name == b"vary"]


def endpoint(plan_of: PlanOf, said: str, method: str = "GET") -> EndpointPlan:
    """Return the plan of an endpoint that says so much."""
    return plan_of(f"endpoints: {{{method} /x: {{{said}}}}}").endpoints[0]


@pytest.mark.parametrize(
    ("said", "vary"),
    [
        (f"call: shop:/a, response: {{{READS}}}", []),
        (f"call: shop:/a, response: {{{LIFE}}}", []),
        (f"call: shop:/a, response: {{{LIFE}, {READS}}}", ["x-h"]),
        (f"call: shop:/a, response: {{cache_control: no-store, {READS}}}", []),
        (f"call: shop:/a, response: {{cache_control: 'private, no-store', {READS}}}", []),
        (f"call: shop:/a, forward: {{headers: [X-F]}}, response: {{{LIFE}}}", ["x-f"]),
        (f"call: shop:/a, forward: {{headers: [X-F]}}, response: {{{LIFE}, {READS}}}", ["x-f, x-h"]),
        (f"call: shop:/a, forward: {{headers: [X-F]}}, response: {{cache_control: compute, {READS}}}", ["x-h"]),
        ("call: shop:/a, forward: {headers: [X-F]}, response: {headers: {cache-control: private}}", ["x-f"]),
        (f"call: shop:/a, response: {{{LIFE}, headers: {{x-a: '{{{{ cookies.c }}}}'}}}}", ["cookie"]),
        (f"call: shop:/a, forward: {{headers: all}}, response: {{{LIFE}}}", ["*"]),
        (f"call: shop:/a, cache: {{ttl: 9s, vary: [X-V]}}, response: {{{LIFE}}}", ["x-v"]),
        (f"call: shop:/a, cache: {{ttl: 9s, vary: [X-V]}}, forward: {{headers: all}}, response: {{{LIFE}}}", ["x-v"]),
        (f"call: shop:/a, response: {{{LIFE}, headers: {{vary: own, x-a: '{{{{ headers.h }}}}'}}}}", ["own"]),
        (f"call: shop:/a, forward: {{headers: [X-F]}}, response: {{headers: {ALWAYS % 'public'}}}", ["x-f"]),
        (f"call: shop:/a, forward: {{headers: [X-F]}}, response: {{headers: {ALWAYS % 'no-store'}}}", []),
        ("respond: {body: '{{ headers.h }}', headers: {cache-control: public}}", ["h"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_vary_names_what_tells_apart_what_may_be_kept(plan_of: PlanOf, method: str, said: str, vary: list[str]) -> None:
    """What is read or passed on of the headers, or what our own cache counts; a `Vary` of the file stands as it is."""
    assert vary_of(endpoint(plan_of, said, method).response.headers) == vary


def test_nobody_keeps_the_answer_to_what_changes_something(plan_of: PlanOf) -> None:
    """So that nothing has to tell it apart."""
    said = f"call: {{url: shop:/a, method: POST}}, response: {{{LIFE}, {READS}}}"
    assert vary_of(endpoint(plan_of, said, "POST").response.headers) == []


@pytest.mark.parametrize(
    ("said", "varies"),
    [
        ("response: {pass: all}", ()),
        ("forward: {headers: [X-F]}, response: {pass: all}", ()),
        (f"forward: {{headers: [X-F]}}, response: {{pass: all, {PUBLIC}}}", (b"x-f",)),
        (f"response: {{pass: all, {READS}}}", (b"x-h",)),
        (f"forward: {{headers: [X-F]}}, response: {{pass: all, {READS}}}", (b"x-h",)),
        (f"cache: {{ttl: 9s, vary: [X-V]}}, response: {{pass: all, {PUBLIC}}}", (b"x-v",)),
    ],
)
def test_what_passes_whole_varies_beside_what_its_upstream_says(
    plan_of: PlanOf, said: str, varies: tuple[bytes, ...]
) -> None:
    """By what we read, and by what is passed on where the file says how long the answer may be kept."""
    response = endpoint(plan_of, f"call: shop:/a, {said}").response
    assert (response.varies, vary_of(response.headers)) == (varies, [])


@pytest.mark.parametrize(
    ("row", "vary"),
    [
        ("{status: 410}", []),
        ("{headers: {cache-control: 'max-age=5'}}", ["x-f"]),
        ("{headers: {Cache-Control: 'max-age=5'}, detail: '{{ headers.h }}'}", ["h, x-f"]),
        ("{headers: {cache-control: no-store}}", []),
        ("{headers: {cache-control: 'max-age=5', Vary: own}}", ["own"]),
        ("{headers: {x-a: '1'}}", []),
    ],
)
@pytest.mark.parametrize(("method", "is_told"), [("GET", True), ("POST", False)])
def test_the_answer_of_a_row_says_what_tells_it_apart(
    plan_of: PlanOf, row: str, vary: list[str], method: str, is_told: bool
) -> None:
    """Where the row lets caches keep it, whichever level it is of, and says no `Vary` itself."""
    vary = vary if is_told else [one for one in vary if one == "own"]
    forward = f"method: {method}, forward: {{headers: [X-F]}}"
    inner = endpoint(plan_of, f"fan_out: {{x: {{url: shop:/a, {forward}, status_map: {{404: {row}}}}}}}", method)
    assert inner.fan is not None
    assert [vary_of(rows[0].headers) for rows in (inner.fan.parts[0].rows, inner.fan.parts[0].calls[0].rows)] == [
        vary
    ] * 2
    outer = endpoint(plan_of, f"fan_out: {{x: {{url: shop:/a, {forward}}}}}, status_map: {{404: {row}}}", method)
    assert vary_of(outer.rows[0].headers) == vary
