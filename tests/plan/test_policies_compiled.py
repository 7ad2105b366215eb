"""What a plan says of policies and calls, where the file says it, leaves it out, or says it elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.plan.analysis.walking import calls_in
from aggregator.plan.calls import CallPlan
from aggregator.plan.compiling.telemetry import otlp_url
from aggregator.plan.types import Plan
from tests.plan.conftest import PlanOf


def call_of(plan: Plan, part: int = 0) -> CallPlan:
    """Return the first call of a part of the first endpoint."""
    fan = plan.endpoints[0].fan
    assert fan is not None
    return fan.parts[part].calls[0]


def upstream_of(plan_of: PlanOf, said: str, url: str = "http://a.test") -> Any:
    """Return the plan of an upstream of which so much is said beside its URL."""
    text = f"upstreams: {{a: {{url: '{url}'{said}}}}}\nendpoints: {{GET /a: {{call: a:/x}}}}"
    return call_of(plan_of(text)).upstream


@pytest.mark.parametrize(
    ("said", "limit", "adaptive"),
    [
        ("concurrency: 8", 8, False),
        ("concurrency: adaptive", 200, True),
        ("concurrency: {limit: adaptive, at_most: 30}", 30, True),
    ],
)
def test_how_many_calls_there_are_at_once(plan_of: PlanOf, said: str, limit: int, adaptive: bool) -> None:
    """As many as the file says; where it leaves that open, two hundred at most."""
    plan = upstream_of(plan_of, f", {said}").concurrency
    assert (plan.limit, plan.adaptive) == (limit, adaptive)
    assert upstream_of(plan_of, "").concurrency is None


def test_health_is_asked_for_by_connections_of_its_own(plan_of: PlanOf) -> None:
    """One at a time, which is not kept, under a name by which none of the calls is found."""
    text = "upstreams: {a: {hosts: [http://a.test, http://b.test], health: {path: /up}}}\nendpoints: {GET /a: {call: a:/x}}"
    upstream = call_of(plan_of(text)).upstream
    assert upstream.hosts is not None
    first, second = (upstream.asked_at(host) for host in upstream.hosts.hosts)
    limits = first.pool.limits
    assert (limits.max_connections, limits.max_keepalive, limits.max_waiting, limits.max_streams) == (1, 0, 1, 1)
    assert (first.name, first.pool.origin.host, second.pool.origin.host) == ("a health", "a.test", "b.test")


EQUAL = "{fan_out: {x: %s, y: %s}}"


@pytest.mark.parametrize(
    ("endpoint", "joined"),
    [
        (EQUAL % ("'shop:/a/{id}'", "'shop:/a/{query.b}'"), ["request", "request"]),
        (EQUAL % ("'shop:/a'", "'shop:/b'"), ["no", "no"]),
        (EQUAL % ("'shop:/a'", "'users:/a'"), ["no", "no"]),
        (EQUAL % ("'HEAD shop:/a'", "'shop:/a'"), ["no", "no"]),
        (EQUAL % ("'POST shop:/a'", "'POST shop:/a'"), ["no", "no"]),
        (EQUAL % ("{race: ['shop:/a', 'shop:/a']}", "'shop:/b'"), ["no", "no", "no"]),
        (EQUAL % ("'shop:/a'", "{fan_out: {z: 'shop:/a'}}"), ["request", "request"]),
        (EQUAL % ("{url: 'shop:/a', fallback: ['shop:/a']}", "'shop:/b'"), ["request", "request", "no"]),
    ],
)  # fmt: skip
def test_equal_calls_of_a_request_fly_together(plan_of: PlanOf, endpoint: str, joined: list[str]) -> None:
    """Safe ones to one upstream whose URLs differ in values alone; runners of a race are meant to be two."""
    plan = plan_of(f"endpoints:\n  GET /a/{{id}}: {endpoint}\n")
    assert [call.coalesce for call in calls_in(plan.endpoints[0].fan)] == joined


@pytest.mark.parametrize(
    ("said", "repeats"),
    [
        ("", None),
        ("idempotent: true", "always"),
        ("idempotent: false", None),
        ("headers: {Idempotency-Key: fixed}", "with_key"),
        ("headers: {x-b: '1', idempotency-key: '{{ query.k }}'}", "with_key"),
        ("headers: {x-idempotency-key: fixed}", None),
        ("forward: {headers: [idempotency-key]}", "with_key"),
        ("forward: {headers: [accept]}", None),
        ("forward: {headers: all}", "with_key"),
        ("forward: {headers: all, except: [idempotency-key]}", None),
    ],
)
def test_which_calls_may_be_sent_again(plan_of: PlanOf, said: str, repeats: str | None) -> None:
    """One that changes something: where the file says so, and where the request has a key by which it is known."""
    more = f", {said}" if said else ""
    text = (
        "upstreams: {a: {url: 'http://a.test', retry: {attempts: 2}}}\nendpoints: {%s /a: {call: {url: '%s a:/x'%s}}}"
    )
    retry = call_of(plan_of(text % ("POST", "POST", more))).retry
    assert (None if retry is None else retry.repeats) == repeats
    get = call_of(plan_of(text % ("GET", "GET", ""))).retry
    assert get is not None
    assert get.repeats == "always"


@pytest.mark.parametrize(
    ("on", "success", "statuses"),
    [
        ("[503]", "", {503}),
        ("[5xx]", "", {*range(500, 600)}),
        ("[connect, 429]", "", {429}),
        ("[5xx]", ", success: {status: [2xx, 503]}", {*range(500, 600)} - {503}),
    ],
)
def test_after_which_statuses_a_call_is_sent_again(plan_of: PlanOf, on: str, success: str, statuses: set[int]) -> None:
    """A status, or each of a class; none that is a success."""
    plan = plan_of(f"endpoints: {{GET /a: {{call: {{url: shop:/a, retry: {{attempts: 2, on: {on}}}{success}}}}}}}")
    retry = call_of(plan).retry
    assert retry is not None
    assert retry.statuses == statuses


@pytest.mark.parametrize(
    ("url", "path", "told"),
    [
        ("", "/v1/traces", None),
        ("http://a.test", "/v1/traces", "http://a.test/v1/traces"),
        ("http://a.test/", "/v1/traces", "http://a.test/v1/traces"),
        ("http://a.test/otlp", "/v1/traces", "http://a.test/otlp"),
    ],
)
def test_where_telemetry_is_told(url: str, path: str, told: str | None) -> None:
    """At the usual path where the URL has none."""
    assert otlp_url(url, path) == told


@pytest.mark.parametrize(
    ("effect", "form"),
    [
        ("url: 'POST shop:/a'", "raw"),
        ("url: 'POST shop:/a', success: {when: '{{ this.body.ok }}'}", "auto"),
        ("url: 'POST shop:/a', graphql: {query: '{ a }'}", "auto"),
    ],
)
def test_a_reply_that_nobody_reads_is_not_decoded(plan_of: PlanOf, effect: str, form: str) -> None:
    """That of a background call, unless it decides about success."""
    plan = plan_of(f"endpoints: {{POST /a: {{respond: {{body: 1}}, background: {{{effect}}}}}}}")
    assert plan.endpoints[0].effects[0].part.calls[0].format == form


XML, CSV = "xml: {lists: [%s]}", "csv: {delimiter: '%s'}"


@pytest.mark.parametrize(
    ("upstream", "call", "lists", "delimiter"),
    [
        ("", "", set(), ","),
        (XML % "a.b", "", {"a.b"}, ","),
        ("", XML % "a.b", {"a.b"}, ","),
        (XML % "a.b", XML % "c.d", {"c.d"}, ","),
        (CSV % ";", "", set(), ";"),
        (f"{XML % 'a.b'}, {CSV % ';'}", CSV % "|", {"a.b"}, "|"),
    ],
)
def test_how_a_body_is_read_is_said_by_the_nearest(
    plan_of: PlanOf, upstream: str, call: str, lists: set[str], delimiter: str
) -> None:
    """The call, or its upstream: of each format for itself."""
    above, here = (f", {said}" if said else "" for said in (upstream, call))
    text = f"upstreams: {{a: {{url: 'http://a.test'{above}}}}}\nendpoints: {{GET /a: {{call: {{url: a:/x{here}}}}}}}"
    reading = call_of(plan_of(text)).reading
    assert (reading.xml_lists, reading.csv_delimiter) == (lists, delimiter)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("redis://a.test", 0.02), ("memory", 0.25), ("{url: redis://a.test, timeout: 1s}", 1.0)],
)
def test_how_long_a_store_may_take(plan_of: PlanOf, said: str, seconds: float) -> None:
    """A supervisor, which may be reading a large file, longer than a server; else as long as is said."""
    assert plan_of(f"store: {said}\nendpoints: {{GET /a: {{respond: {{body: 1}}}}}}").store.timeout == seconds
