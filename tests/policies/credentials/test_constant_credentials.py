"""Credentials that do not change are headers that are known at load."""

from __future__ import annotations

import base64

import httpx
import pytest

ENDPOINTS = """
endpoints:
  GET /call: {call: a:/x}
  GET /parts: {fan_out: {one: a:/x, each: {url: "a:/x?i={item}", for_each: "{{ [1, 2] }}"}}}
  GET /fallback: {call: {url: b:/x, fallback: [a:/x]}}
  GET /race: {fan_out: {fast: {race: [a:/x, a:/y]}}}
  GET /stream: {stream: true, call: a:/x}
  POST /up: {stream: true, call: {url: "POST a:/x", forward: {body: true}}}
  GET /background: {respond: {body: 1}, background: [a:/x]}
  GET /redirect: {call: {url: a:/moved, redirects: 2}}
  GET /away: {call: {url: a:/away, redirects: 2}}
"""


def answers(request: httpx.Request) -> httpx.Response:
    """Answer for a, which knows redirects, and for b, which always fails."""
    if request.url.host == "b.test":
        return httpx.Response(503)
    where = {"/moved": "/x", "/away": "http://elsewhere.test/x"}.get(request.url.path)
    return httpx.Response(302, headers={"location": where}) if where else httpx.Response(200, json=[])


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ("{bearer: '${T}'}", "Bearer to~k=en"),
        ("{basic: {user: shop, password: 'pä:ss'}}", "Basic " + base64.b64encode("shop:pä:ss".encode()).decode()),
        ("{basic: {user: shop, password: ''}}", "Basic " + base64.b64encode(b"shop:").decode()),
    ],
)
def test_every_kind_of_call_is_made_with_it(serve, auth: str, sent: str) -> None:
    """Calls, lists, alternatives, races, streams, uploads, background calls and redirects alike; no other upstream."""
    upstreams = f"upstreams: {{a: {{url: http://a.test, auth: {auth}}}, b: {{url: http://b.test}}}}\n"
    served = serve(upstreams + ENDPOINTS, answers, env={"T": "to~k=en"})
    for path in ("/call", "/parts", "/fallback", "/race", "/stream", "/background", "/redirect", "/away"):
        served.client.get(path)
    served.client.post("/up", content=b"body")
    served.close()
    hosts = {request.url.host for request in served.requests}
    assert hosts == {"a.test", "b.test"}
    for request in served.requests:
        assert request.headers.get("authorization") == (sent if request.url.host == "a.test" else None)
    assert len(served.requests) >= 13


def test_a_client_cannot_put_its_own_in_its_place(serve) -> None:
    """What the client sends is passed over even where all of its headers go."""
    served = serve(
        "upstreams: {a: {url: http://a.test, auth: {bearer: ours}}, b: {url: http://b.test}}\n"
        "defaults: {forward: {headers: [all, authorization]}}\n"  # which goes to the other upstream
        "endpoints: {GET /x: {call: a:/x}, GET /y: {call: b:/y}}\n"
    )
    served.client.get("/x", headers={"authorization": "Bearer theirs", "x-more": "1"})
    assert served.sent("authorization") == ["Bearer ours"]
    assert served.sent("x-more") == ["1"]


def test_it_costs_nothing(tmp_path) -> None:
    """The header is a part of the block that is made at load: the call is as plain as one without."""
    from aggregator.config.loading import load_config
    from aggregator.plan.compiler import compile_plan

    path = tmp_path / "routes.yaml"
    path.write_text(
        "version: 1\nupstreams: {a: {url: http://a.test, auth: {bearer: x}}}\nendpoints: {GET /x: {call: a:/x}}\n"
    )
    fan = compile_plan(load_config(path, {})).endpoints[0].fan
    assert fan is not None
    request = fan.parts[0].calls[0].request
    assert b"authorization: Bearer x\r\n" in request.constant_headers
    assert request.headers == ()
