"""An upstream with a route is one of several services, by a key of each request; nobody else is ever called."""

from __future__ import annotations

import httpx
import pytest

from aggregator.plan.explaining.explain import explain

ROUTES = """
upstreams:
  tenants:
    route:
      by: "{{ headers['x-tenant'] }}"
      to: {acme: "http://acme.test/v1", "7": "http://seven.test"}
    %s
endpoints:
  GET /a/{id}: {call: "tenants:/a/{id}"}
  GET /parts:
    fan_out: {one: "tenants:/one", two: {url: "tenants:/two", optional: true, default: none}}
  GET /item: {fan_out: {each: {url: "tenants:/{item}", for_each: "{{ [1, 2] }}"}}}
  GET /else: {call: {url: tenants:/a, fallback: ["http://other.test/a"]}}
  GET /mapped: {call: {url: tenants:/a, status_map: {unknown_key: {status: 421, title: Wrong tenant}}}}
  POST /b: {respond: {body: 1}, background: "POST tenants:/seen"}
"""


def asked(api) -> list[str]:
    """Return the URLs that were called."""
    return [str(request.url) for request in api.requests]


@pytest.fixture
def api(serve):
    """Return the application."""
    return serve(ROUTES % "")


def test_a_key_leads_to_its_service(api):
    """With its host, its path in front, and a number as its text."""
    assert api.get("/a/x", headers={"x-tenant": "acme"}).status_code == 200
    assert api.get("/a/x", headers={"x-tenant": "7"}).status_code == 200
    assert asked(api) == ["http://acme.test/v1/a/x", "http://seven.test/a/x"]
    assert [request.headers["host"] for request in api.requests] == ["acme.test", "seven.test"]


@pytest.mark.parametrize("sent", [{}, {"x-tenant": "other"}, {"x-tenant": "ACME"}, {"x-tenant": "http://evil.test"}])
def test_another_key_leads_nowhere(api, sent):
    """404 with its cause, no call, and not a word of the keys that there are."""
    answer = api.get("/a/x", headers=sent)
    assert (answer.status_code, answer.json()["cause"]) == (404, "unknown_key")
    assert not any(word in answer.text for word in ("acme", "seven", "evil"))
    assert asked(api) == []


def test_an_unknown_key_answers_as_declared(serve):
    """`else` is the status of the upstream, a row of a status map that of an endpoint."""
    api = serve((ROUTES % "").replace('http://seven.test"}', 'http://seven.test"}\n      else: 400'))
    assert api.get("/a/x").status_code == 400
    answer = api.get("/mapped")
    assert (answer.status_code, answer.json()["title"]) == (421, "Wrong tenant")


def test_parts_items_alternatives_and_background_calls_are_routed(api):
    """A key is looked up wherever a call to the upstream stands."""
    acme = {"x-tenant": "acme"}
    assert api.get("/parts", headers=acme).status_code == 200
    assert api.get("/item", headers=acme).status_code == 200
    assert sorted(asked(api)) == [f"http://acme.test/v1/{name}" for name in ("1", "2", "one", "two")]
    assert api.get("/else").status_code == 200
    assert asked(api)[-1] == "http://other.test/a"
    api.run(api.ask("POST", "/b", headers=acme))
    api.run(api.app.running.queue.settled())
    assert asked(api)[-1] == "http://acme.test/v1/seen"


def test_a_reply_is_kept_for_its_own_key(serve):
    """Two services may answer the same path, and neither has the answers of the other."""
    api = serve(ROUTES % "cache: 60s", lambda request: httpx.Response(200, json=request.url.host))
    found = [api.get("/a/x", headers={"x-tenant": key}).json() for key in ("acme", "7", "acme", "7")]
    assert found == ["acme.test", "seven.test", "acme.test", "seven.test"]
    assert len(api.requests) == 2


def test_a_service_that_fails_opens_no_breaker_of_another(serve):
    """Each service has a breaker, a budget and places of its own."""

    def respond(request):
        return httpx.Response(500 if request.url.host == "acme.test" else 200, json=1)

    api = serve(ROUTES % "breaker: {failures: 1, pause: 10m}", respond)
    acme = [api.get("/a/x", headers={"x-tenant": "acme"}).status_code for _ in range(2)]
    assert (acme, api.get("/a/x", headers={"x-tenant": "7"}).status_code) == ([502, 503], 200)


def test_an_unknown_key_is_no_failure_of_the_upstream(serve):
    """It opens no breaker, and is not sent again."""
    api = serve(ROUTES % "breaker: {failures: 1, pause: 10m}\n    retry: 2")
    assert [api.get("/a/x").status_code for _ in range(3)] == [404] * 3
    assert api.get("/a/x", headers={"x-tenant": "acme"}).status_code == 200


def test_explain_tells_the_stack_of_a_routed_call(api):
    """The route stands before what is around each of its services."""
    endpoint = next(one for one in api.app.running.plan.endpoints if one.key == "GET /item")
    ((_, words),) = [stack for stack in explain(endpoint, frozenset()).stacks if stack[0] != "request"]
    assert words == ("for_each", "route {{ headers['x-tenant'] }} (2 keys)", "tenants[acme]")


def test_the_document_has_the_answer_to_an_unknown_key(api):
    """404 is one of the answers of each endpoint that needs a key."""
    assert "404" in api.get("/openapi.json").json()["paths"]["/a/{id}"]["get"]["responses"]


def test_a_reload_changes_where_a_key_leads(serve):
    """A key that is added is known from then on, one that is taken out is not."""
    api = serve(ROUTES % "")
    api.reload((ROUTES % "").replace('acme: "http://acme.test/v1"', 'globex: "http://globex.test"'))
    found = [api.get("/a/x", headers={"x-tenant": key}).status_code for key in ("acme", "globex", "7")]
    assert found == [404, 200, 200]
    assert asked(api) == ["http://globex.test/a/x", "http://seven.test/a/x"]
