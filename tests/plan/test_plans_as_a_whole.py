"""What a plan says of itself: its endpoints, its places, its paths, and who may tell caches."""

from __future__ import annotations

import pytest

from aggregator.plan.schemes import Secrets
from aggregator.plan.serving import DocsPlan
from tests.plan.conftest import PlanOf


def test_an_endpoint_of_several_methods_is_declared_once(plan_of: PlanOf) -> None:
    """Each method is served by a plan of its own; the first stands for all, and the order is that of the file."""
    plan = plan_of("endpoints:\n  GET /a: {respond: {}}\n  GET|POST /b: {respond: {}}\n  GET /c: {respond: {}}\n")
    served = [(one.key, one.method) for one in plan.endpoints]
    assert served == [("GET /a", "GET"), ("GET|POST /b", "GET"), ("GET|POST /b", "POST"), ("GET /c", "GET")]
    assert [(one.key, one.method, one.named_methods) for one in plan.declared] == [
        ("GET /a", "GET", "GET"), ("GET|POST /b", "GET", "GET|POST"), ("GET /c", "GET", "GET"),
    ]  # fmt: skip


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("has_one", [True, False])
def test_a_plan_knows_whether_requests_may_come_again(plan_of: PlanOf, has_one: bool, first: bool) -> None:
    """One endpoint is enough, wherever it stands."""
    kept = "  POST /a: {idempotency: {}, call: 'POST shop:/a'}\n" if has_one else ""
    other = "  POST /b: {call: 'POST shop:/b'}\n"
    plan = plan_of("endpoints:\n" + (kept + other if first else other + kept))
    assert (plan.has_idempotency, plan.has_durable) == (has_one, False)


@pytest.mark.parametrize(
    ("response", "fields"),
    [
        ("{}", set()),
        ("{headers: {x-a: '1'}}", set()),
        ("{headers: {Cache-Control: no-store, x-a: '1'}}", {b"cache-control"}),
        ("{cache_control: 'max-age=5'}", {b"cache-control"}),
        ("{cache_control: compute}", set()),
    ],
)
def test_what_the_file_says_to_caches(plan_of: PlanOf, response: str, fields: set[bytes]) -> None:
    """By headers or by `cache_control`; what is computed is said by upstreams."""
    plan = plan_of(f"endpoints: {{GET /a: {{call: 'shop:/a', response: {response}}}}}")
    assert plan.endpoints[0].fields_of_caches == fields


@pytest.mark.parametrize(("timeout", "is_named"), [("", False), (", timeout: 3s", True)])
def test_a_deadline_that_the_file_names_has_a_moment_in_reserve(plan_of: PlanOf, timeout: str, is_named: bool) -> None:
    """In which the answer is made."""
    plan = plan_of(f"endpoints: {{GET /a: {{call: 'shop:/a'{timeout}}}}}")
    assert plan.endpoints[0].names_deadline is is_named


@pytest.mark.parametrize(
    ("upstream", "places"),
    [
        ("url: 'http://a.test'", None),
        ("url: 'http://a.test', concurrency: 3", (50, 1000)),
        ("hosts: ['http://a.test', 'http://b.test'], concurrency: 3", (100, 2000)),
        ("url: 'http://a.test', resolve: system, concurrency: 3", None),
    ],
)
def test_streams_have_places_of_their_own(plan_of: PlanOf, upstream: str, places: tuple[int, int] | None) -> None:
    """As many as the pools of all hosts have; where these are looked up, or nothing is limited, the pools alone count."""
    plan = plan_of(f"upstreams: {{a: {{{upstream}}}}}\nendpoints: {{GET /a: {{call: 'a:/x'}}}}")
    streams = plan.upstreams[0].streams
    assert (None if streams is None else (streams.limit, streams.queue)) == places


def test_the_document_is_beside_its_page() -> None:
    """Wherever that is."""
    assert [DocsPlan(path).document for path in ("/docs", "/a/b/page")] == ["/openapi.json", "/a/b/openapi.json"]


def test_keys_show_themselves_to_nobody() -> None:
    """A plan may be printed."""
    assert repr(Secrets((b"hidden",))) == "Secrets(********)"
