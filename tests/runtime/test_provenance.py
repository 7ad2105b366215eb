"""Where each key of an answer comes from, as callers with the secret of ``server.debug`` are told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from aggregator import create_app
from aggregator.parts.result import Result
from aggregator.runtime.finish.provenance import LONGEST, MOST, Provenance

TEXT = """\
version: 1
server: {debug: {header: x-debug, secret: "${SECRET}"}}
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /page: {fan_out: {a: {url: "up:/good", cache: 1m}, b: {url: "up:/bad", optional: true, default: {}}}}
  GET /merged: {fan_out: {a: "up:/good", b: "up:/more"}, response: {merge: last}}
  GET /deep: {fan_out: {a: "up:/good", b: "up:/more"}, response: {merge: deep}}
  GET /built:
    fan_out: {a: "up:/good", b: "up:/more"}
    response: {body: {one: "{{ a.n }}", two: "{{ a.n + calls.b.body.m }}", three: 3}}
  GET /shaped: {fan_out: {a: "up:/good", b: "up:/more"}, response: {rename: {a: c}}}
  GET /raw: {call: "up:/good"}
  GET /again: {call: {url: "up:/once", retry: 1}}
  GET /failed: {call: "up:/bad", status_map: {4xx: {status: 400}, 500: {status: 503}}}
  GET /meta: {fan_out: {a: "up:/good", b: "up:/more"}, response: {meta: true}}
  GET /fixed: {respond: {body: 1}}
"""
HEADER = "aggregator-provenance"


@pytest.fixture
def ask(tmp_path: Path):
    """A function (path, secret) → reply."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        seen.append(path)
        status = 500 if path == "/bad" else 503 if path == "/once" and seen.count(path) == 1 else 200
        return httpx.Response(status, json={"n": 1, "m": 2} if path == "/more" else {"n": 1})

    (tmp_path / "routes.yaml").write_text(TEXT)
    app = create_app(tmp_path / "routes.yaml", transport=httpx.MockTransport(answer), env={"SECRET": "open-sesame"})
    with TestClient(app) as client:
        yield lambda path, secret="open-sesame": client.get(path, headers={"x-debug": secret})


OK = "state=ok;status=200;attempt=1"
TOLD = {
    "/page": f"a;part=a;{OK};cache=miss, b;part=b;state=default;status=500;attempt=1",
    "/merged": f"n;part=b;{OK}, m;part=b;{OK}",
    "/deep": f"n;part=a;{OK}, n;part=b;{OK}, m;part=b;{OK}",
    "/built": f"one;part=a;{OK}, two;part=a;{OK}, two;part=b;{OK}",
    "/shaped": f"*;part=a;{OK}, *;part=b;{OK}",
    "/raw": f"*;part=call;{OK}",
    "/again": "*;part=call;state=ok;status=200;attempt=2",
    "/failed": "*;part=call;state=failed;status=500;attempt=1;row=500",
}


@pytest.mark.parametrize(("path", "told"), TOLD.items(), ids=TOLD)
def test_each_key_tells_its_parts(ask, path, told):
    """A key of several parts is there for each; ``*`` is the whole."""
    assert ask(path).headers[HEADER] == told


def test_a_cache_tells_whether_it_had_it(ask):
    """Missed at first, then hit, with its age."""
    ask("/page")
    first = ask("/page").headers[HEADER].split(", ")[0]
    assert first == "a;part=a;state=ok;status=200;attempt=0;cache=hit;age=0"


def test_meta_tells_the_same(ask):
    """By key, and only to who has the secret; there is no header then."""
    reply = ask("/meta")
    part = {"state": "ok", "status": 200, "attempt": 1}
    assert reply.json()["meta"]["provenance"] == {"a": [{"part": "a", **part}], "b": [{"part": "b", **part}]}
    assert HEADER not in reply.headers
    assert "provenance" not in ask("/meta", "guessed").json()["meta"]


@pytest.mark.parametrize("path", ["/page", "/raw", "/failed", "/merged"])
def test_nobody_else_is_told(ask, path):
    """It says how a service is built."""
    assert HEADER not in ask(path, "guessed").headers


def test_what_is_made_of_nothing_tells_nothing(ask):
    """An answer without calls has no such header."""
    assert HEADER not in ask("/fixed").headers


class Ended:
    """A run that ended with many parts."""

    failure = None

    def __init__(self, count: int) -> None:
        self.results = tuple(Result(f"part-{number}", 0.0, 1.0, status=200) for number in range(count))

    def ended_results(self) -> tuple[Result, ...]:
        return self.results


def test_both_have_a_bound():
    """A thousand parts make no head that proxies refuse; what is left out is counted."""
    names = [f"part-{number}" for number in range(1000)]
    provenance = Provenance(tuple((name, (name,)) for name in names), "object", frozenset())
    header = provenance.header(Ended(1000))
    items = header.split(b", ")
    assert LONGEST - 80 < len(header) <= LONGEST
    assert items[-1] == b"*;omitted=%d" % (1000 - len(items) + 1)
    members = provenance.members(Ended(1000))
    assert (len(members), members["*"]) == (MOST + 1, {"omitted": 1000 - MOST})
