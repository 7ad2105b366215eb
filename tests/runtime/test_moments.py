"""``now``: when the request began, the same wherever it is read."""

from __future__ import annotations

from pathlib import Path

import httpx
from fastapi.testclient import TestClient

from aggregator import create_app

FILE = """\
version: 1
upstreams: {u: {url: "http://u.test"}}
endpoints:
  GET /now: {respond: {body: {now: "{{ now }}", time: "{{ request.time }}", day: "{{ now | datetime('%d.%m.%y') }}"}}}
  GET /call: {call: {url: u:/x, query: {since: "{{ now | minus('1h') }}", until: "{{ now | timestamp | plus('90s') }}"}}}
  GET /stream: {stream: true, call: {url: u:/x, query: {since: "{{ now }}"}}}
  POST /later:
    call: {method: POST, url: u:/slow}
    background: {method: POST, url: u:/event, json: {at: "{{ now }}"}}
  GET /wrong: {call: "u:/x?d={now}", response: {body: "{{ now | datetime(query.format) }}"}}
"""
MOMENT = 1_767_225_600.25  # 2026-01-01T00:00:00.250Z


def test_one_moment_for_a_request(tmp_path: Path) -> None:
    """Answers, calls, streams and background calls see the time at which the request began, however long it takes."""
    clock = [MOMENT]
    seen: list[httpx.Request] = []

    def upstream(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        clock[0] += 3600.0
        return httpx.Response(200, json={})

    (tmp_path / "routes.yaml").write_text(FILE)
    app = create_app(tmp_path / "routes.yaml", transport=httpx.MockTransport(upstream), clock=lambda: clock[0])
    with TestClient(app) as client:
        written = "2026-01-01T00:00:00.250Z"
        assert client.get("/now").json() == {"now": written, "time": written, "day": "01.01.26"}
        client.get("/call")
        clock[0] = MOMENT
        client.get("/stream")
        clock[0] = MOMENT
        client.post("/later")
    called = {request.url.path: request for request in seen}
    assert dict(seen[0].url.params) == {"since": "2025-12-31T23:00:00.250Z", "until": "1767225690.25"}
    assert dict(seen[1].url.params) == {"since": written}
    assert called["/event"].content == b'{"at":"' + written.encode() + b'"}'


def test_the_clock_is_not_what_a_client_is_blamed_for(tmp_path: Path) -> None:
    """A format that a client sent is its mistake, and named; the moment beside it is not."""
    (tmp_path / "routes.yaml").write_text(FILE)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with TestClient(create_app(tmp_path / "routes.yaml", transport=transport)) as client:
        assert client.get("/wrong?format=%25Y").status_code == 200
        answer = client.get("/wrong?format=%25s")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("The query parameter `format` does not fit")
