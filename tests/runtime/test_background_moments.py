"""When background calls are made: after a success unless the file says otherwise."""

from __future__ import annotations

import httpx
import pytest

BACKGROUND = """
    background:
      - {method: POST, url: b:/success, json: {user: "{{ response.status }}"}}
      - {on: failure, method: POST, url: b:/failure, json: {}}
      - {on: always, method: POST, url: b:/always, json: {}}
"""


def told(serve, endpoint, status=200, ask="/x"):
    """Return the status of the answer to one request, and the paths of the calls that were made after it."""
    gateway = serve(
        f"endpoints:\n  GET /x:\n    {endpoint}{BACKGROUND}",
        lambda request: httpx.Response(status if request.url.host == "a.test" else 200, json={"n": 1}),
    )
    answer = gateway.get(ask).status_code
    gateway.close()  # which lets them end
    return answer, sorted(request.url.path for request in gateway.upstream.requests if request.url.host == "b.test")


@pytest.mark.parametrize(
    ("endpoint", "status", "answer", "paths"),
    [
        ("call: a:/x", 200, 200, ["/always", "/success"]),
        ("call: a:/x", 503, 502, ["/always", "/failure"]),
        ("call: a:/x", 404, 404, ["/always", "/failure"]),
        ("call: {url: a:/x, status_map: {503: 200}}", 503, 200, ["/always", "/success"]),
        ("fan_out: {x: {url: a:/x, optional: true}}", 503, 200, ["/always", "/success"]),
        ("call: a:/x\n    response: {status: 303, headers: {location: /y}}", 200, 303, ["/always", "/success"]),
        ("call: a:/x\n    response: {status: 409}", 200, 409, ["/always", "/failure"]),
        ("stream: true\n    call: a:/x", 200, 200, ["/always", "/success"]),
        ("stream: true\n    call: a:/x", 503, 502, ["/always", "/failure"]),
    ],
)
def test_calls_follow_a_success_or_what_they_name(serve, endpoint, status, answer, paths):
    """What counts is what the client got: below 400, however it came about, a partial answer included."""
    assert told(serve, endpoint, status) == (answer, paths)


def test_a_refused_request_has_none(serve):
    """Nothing was done that could be told of."""
    assert told(serve, "query: {n: integer}\n    call: a:/x", ask="/x?n=a") == (422, [])
