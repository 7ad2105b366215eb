"""No two different requests share what is kept: an endpoint that keeps answers as one beside it that keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.policies.conftest import Served

Serve = Callable[..., Served]
KEPT, FRESH = "kept", "fresh"
FILE = """
    upstreams: {up: {url: "http://up.test"}}
    endpoints:
"""
ENDPOINTS = """
      GET /NAME/passed: {CACHE call: {url: up:/passed, forward: {query: all, headers: [x-a, x-b]}}}
      GET /NAME/read: {CACHE call: {url: up:/read, query: {q: "{{ query.q }}"}, headers: {x-sent: "{{ headers['x-a'] }}"}}}
      GET /NAME/all: {CACHE call: {url: up:/all, query: {q: "{{ query | tojson }}", h: "{{ headers['x-a'] }}"}}}
      GET /NAME/path/{p}: {CACHE call: "up:/path/{p}"}
      GET /NAME/rest/{p:path}: {CACHE call: "up:/rest/{p}"}
      GET /NAME/typed: {CACHE query: {n: {type: number}, b: {type: boolean}, l: {type: array}},
                        call: {url: up:/typed, query: {v: "{{ [query.n, query.b, query.l] | tojson }}"}}}
      POST /NAME/body: {CACHEPOST body: {type: object}, call: {url: POST up:/body, json: "{{ body }}"}}
      GET /NAME/whence: {CACHE call: {url: up:/whence, query: {u: "{{ request.host }} {{ request.scheme }} {{ request.client }}"}}}
"""
QUERIES = [
    "", "q", "q=", "q=1", "q=01", "q=1&q=2", "q=2&q=1", "q=1,2", "q=%5B1,2%5D", "q=1%262", "q=1%26q=2", "Q=1", "q=1&r=2",
    "r=2&q=1", "q=a%20b", "q=a+b", "q=a%2Bb", "q=%C3%A9", "q=e%CC%81", "q=%00", "q=null", "q=true", "q=1.0", "q=%31",
    "q[]=1", "q=1&", "q=1;r=2", "q=%22", "q=%2522",
]  # fmt: skip
HEADERS: list[list[tuple[str, str]]] = [
    [], [("x-a", "")], [("x-a", "1")], [("X-A", "1 ")], [("x-a", "1"), ("x-a", "2")], [("x-a", "2"), ("x-a", "1")],
    [("x-a", "1,2")], [("x-a", "1, 2")], [("x-b", "1")], [("x-a", "1"), ("x-b", "2")], [("x-a", "é")], [("x-a", "A")],
    [("x-a", "a")],
]  # fmt: skip
PATHS = ["path/a", "path/a%2Fb", "path/%61", "path/A", "path/a%20b", "path/a+b", "path/%C3%A9", "path/e%CC%81",
         "path/a%00", "path/1", "path/01", "path/a;x", "path/a%3Bx", "rest/a/b", "rest/a%2Fb", "rest/a//b", "rest/a/b/",
         "path/%2E", "path/a%3Fq", "path/a%252Fb"]  # fmt: skip
TYPED = ["", "n=1", "n=1.0", "n=0", "n=-0", "n=1e0", "b=true", "b=false", "b=1", "b=0", "l=1", "l=1&l=2", "l=2&l=1",
         "l=1,2", "l=", "n=1&b=true", "n=10000000000000001", "n=10000000000000000"]  # fmt: skip
BODIES = [b"{}", b'{"a":1}', b'{"a":1.0}', b'{"a":true}', b'{"a":"1"}', b'{"a":null}', b'{"a":[1]}', b'{"a":{"b":1}}',
          b'{"a":1,"b":2}', b'{"b":2,"a":1}', b'{"a":1}\n', b'{"a":"\\u00e9"}', b'{"a":"e\\u0301"}']  # fmt: skip
WHENCE: list[list[tuple[str, str]]] = [
    [], [("host", "a.test")], [("host", "A.test")], [("host", "a.test:80")], [("x-forwarded-host", "b.test")],
    [("x-forwarded-for", "198.51.100.7")], [("x-forwarded-proto", "https")], [("forwarded", "host=c.test")],
    [("x-http-method-override", "POST")], [("x-original-url", "/z")], [("x-rewrite-url", "/z")],
]  # fmt: skip


def told(request: httpx.Request) -> httpx.Response:
    """Answer with all that an upstream is sent; lines of one field are one line (RFC 9110 §5.3)."""
    sent = {name: request.headers[name] for name in request.headers if name not in {"x-request-id", "traceparent"}}
    body = {"line": f"{request.method} {request.url.raw_path.decode()}", "headers": sent}
    return httpx.Response(200, json={**body, "body": request.content.decode("latin-1")})


def _asked() -> list[tuple[str, str, dict[str, Any]]]:
    """Return the requests: method, path behind the name of the endpoint, and what else is sent."""
    queries = [(place, f"{place}?{query}") for place in ("passed", "read", "all") for query in QUERIES]
    headers = [(place, fields) for place in ("passed", "read", "all") for fields in HEADERS]
    return [
        *(("GET", path, {}) for _, path in queries),
        *(("GET", place, {"headers": [(name, value.encode()) for name, value in fields]}) for place, fields in headers),
        *(("GET", path, {}) for path in PATHS),
        *(("GET", f"typed?{query}", {}) for query in TYPED),
        *(("POST", "body", {"content": body, "headers": {"content-type": "application/json"}}) for body in BODIES),
        *(("GET", "whence", {"headers": fields}) for fields in WHENCE),
    ]


@pytest.mark.long
@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_kept_is_what_would_be_made(serve: Serve, backwards: bool) -> None:
    """Whatever was asked for before: queries, fields, paths, typed inputs and bodies that are nearly the same."""
    kept = ENDPOINTS.replace("NAME", KEPT).replace("CACHEPOST", "cache: {ttl: 60s, methods: [POST]},")
    fresh = ENDPOINTS.replace("NAME", FRESH).replace("CACHEPOST", "")
    served = serve(FILE + kept.replace("CACHE", "cache: 60s,") + fresh.replace("CACHE", ""), told)
    asked = _asked()[::-1] if backwards else _asked()

    async def differing() -> list[Any]:
        found = []
        for method, path, sent in asked:
            own, other = [await served.ask(method, f"/{name}/{path}", **sent) for name in (KEPT, FRESH)]
            if (own.status_code, own.content) != (other.status_code, other.content) and own.status_code == 200:
                found.append((path, sent, own.text[:60], other.text[:60]))
        return found

    assert served.run(differing()) == []
