"""Failures that a cache of answers keeps, as `proxy_cache_valid 404 1m` of nginx does: what is declared, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.policies.cache.purging import ANSWERS
from tests.policies.conftest import Served

Serve = Callable[..., Served]
UP = 'upstreams: {up: {url: "http://up.test"}}'


def answering(*statuses: int) -> Callable[[httpx.Request], httpx.Response]:
    """Return an upstream that answers with *statuses*, one after another, and with the last one from then on."""
    left = list(statuses)

    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(left.pop(0) if len(left) > 1 else left[0], json={"left": len(left)})

    return respond


def test_a_404_is_kept_for_its_time(serve: Serve) -> None:
    """Within the ttl of 404 nobody is called, and each answer names its own request; then it is asked for anew."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a: {{cache: {{ttl: {{200: 60s, 404: 10s}}}}, call: up:/a}}
    """, answering(404, 404, 200))  # fmt: skip
    first, second = served.get("/a"), served.get("/a")
    assert first.headers["cache-status"] == "aggregator; fwd=uri-miss; stored"
    assert (second.status_code, second.headers["cache-status"]) == (404, "aggregator; hit; ttl=10")
    ids = {answer.json().pop("request_id") for answer in (first, second)}
    assert len(ids) == 2
    assert second.json()["request_id"] == second.headers["x-request-id"]
    served.now += 9
    assert served.get("/a").headers["age"] == "9"
    served.now += 1
    assert [served.get("/a").headers["cache-status"], len(served.requests)] == ["aggregator; fwd=stale; stored", 2]
    served.now += 10
    assert served.statuses("/a", 2) == [200, 200]
    assert len(served.requests) == 3


@pytest.mark.parametrize(
    ("endpoint", "status", "kept"),
    [
        ("cache: 60s, call: up:/a", 404, False),
        ("cache: {ttl: {404: 9s}}, call: up:/a", 500, False),
        ("cache: {ttl: {502: 9s}}, call: up:/a", 500, True),
        ("cache: {ttl: {5xx: 9s}}, call: up:/a, status_map: {503: 503}", 503, True),
        ("cache: {ttl: {410: 9s}}, call: up:/a, status_map: {410: {pass: true}}", 410, True),
        ("cache: {ttl: {404: 9s}}, call: up:/a, status_map: {410: 404}", 410, True),
        ("cache: {ttl: {404: 9s}}, call: up:/a, status_map: {5xx: 404}", 500, False),
        ("cache: {ttl: {200: 9s, 5xx: 9s}}, call: up:/a, status_map: {5xx: {status: 200, body: {}}}", 500, False),
        ("cache: {ttl: {404: 9s}}, fan_out: {g: {fan_out: {x: up:/a}}}", 404, True),
        ("cache: {ttl: {404: 9s}}, fan_out: {a: {url: up:/a, fallback: [up:/b]}}", 404, True),
        ("cache: {ttl: {404: 9s}}, fan_out: {x: {url: up:/x, optional: true}, a: \"up:/{x.left}\"}", 404, False),
        ("cache: {ttl: {4xx: 9s}}, call: up:/a, status_map: {404: {headers: {set-cookie: a=b}}}", 404, False),
        ("cache: {ttl: {502: 9s}}, call: {url: up:/a, success: {when: \"{{ false }}\"}}", 200, False),
    ],
)  # fmt: skip
def test_what_of_failures_is_kept(serve: Serve, endpoint: str, status: int, kept: bool) -> None:
    """What an upstream has refused is kept as the status that it became; never as a success, nor a 5xx as a 4xx."""
    served = serve(f"{UP}\nendpoints:\n  GET /a: {{{endpoint}}}\n", answering(status))
    words = [served.get("/a").headers["cache-status"] for _ in range(2)]
    miss = "aggregator; fwd=uri-miss"
    assert words == ([f"{miss}; stored", "aggregator; hit; ttl=9"] if kept else [miss, miss])


def test_what_came_to_nothing_is_not_kept(serve: Serve) -> None:
    """A call without an answer says nothing of the next request, whatever the ttl of 5xx is."""

    def respond(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    served = serve(f"{UP}\nendpoints:\n  GET /a: {{cache: {{ttl: {{5xx: 9s}}}}, call: up:/a}}\n", respond)
    assert [served.get("/a").headers["cache-status"] for _ in range(2)] == ["aggregator; fwd=uri-miss"] * 2


@pytest.mark.parametrize(
    "made",
    [
        'call: {url: "up:/{id}", cache: {ttl: 1s, tags: ["x:{{ id }}"]}}',
        'fan_out: {g: {fan_out: {x: {url: "up:/{id}", cache: {ttl: {404: 60s}, tags: ["x:{{ id }}"]}}}}}',
        'call: {url: "up:/{id}", cache: {ttl: 1s, tags: ["x:{{ id }}"]}, fallback: [up:/other]}',
    ],
)
def test_a_kept_failure_is_purged_with_its_calls(serve: Serve, made: str) -> None:
    """What was missing is there after whatever has made it purges the tags of the call that has missed it."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a/{{id}}: {{cache: {{ttl: {{404: 60s}}}}, {made}}}
          POST /a/{{id}}: {{respond: {{body: ok}}, purge: "x:{{{{ id }}}}"}}
    """, answering(404))  # fmt: skip
    for _ in range(2):
        served.get("/a/1"), served.get("/a/2")
    served.run(served.ask("POST", "/a/1"))
    assert served.get("/a/2").headers["cache-status"] == "aggregator; hit; ttl=60"
    assert served.get("/a/1").headers["cache-status"] == "aggregator; fwd=uri-miss; stored"


def test_old_failures(serve: Serve) -> None:
    """One that is over is given out while it is asked for anew, or in place of a 5xx: then nobody may store it."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /stale: {{cache: {{ttl: {{404: 10s}}, stale: 5s}}, call: up:/a}}
          GET /error: {{cache: {{ttl: {{404: 10s}}, on_error: 5s}}, call: up:/a,
                        status_map: {{404: {{headers: {{cache-control: max-age=10}}}}}}}}
    """, answering(404, 404, 404, 500))  # fmt: skip
    served.statuses("/stale", 1), served.statuses("/error", 1)
    served.now += 12
    assert served.get("/stale").headers["cache-status"] == "aggregator; hit; ttl=-2"
    served.run(asyncio.sleep(0.01))
    assert served.get("/stale").headers["cache-status"] == "aggregator; hit; ttl=10"
    instead = served.get("/error")
    assert (instead.status_code, instead.headers["cache-control"], instead.headers["age"]) == (404, "no-store", "12")


def test_all_who_wait_for_a_failure_have_it_once(serve: Serve) -> None:
    """Of many who ask at once one makes the call, and what it came to is kept for those who come later."""
    served = serve(f"{UP}\nendpoints:\n  GET /a: {{cache: {{ttl: {{404: 9s}}}}, call: up:/a}}\n", answering(404))

    async def many() -> list[httpx.Response]:
        return await asyncio.gather(*(served.ask("GET", "/a") for _ in range(20)))

    answers: list[Any] = served.run(many())
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["request_id"] for answer in answers}) == 20
    assert (served.get("/a").headers["cache-status"], len(served.requests)) == ("aggregator; hit; ttl=9", 1)


def test_a_kept_failure_counts_what_it_holds(serve: Serve) -> None:
    """The reply of the upstream is counted among the bytes that answers may take."""
    served = serve(
        f"{UP}\nserver: {{cache: {{max: 20KiB}}}}\nendpoints:\n"
        "  GET /a/{id}: {cache: {ttl: {404: 9s}}, fan_out: {g: {fan_out: {x: 'up:/{id}'}}}}\n",
        lambda _: httpx.Response(404, json={"text": "x" * 5000}),
    )
    for number in range(10):
        served.get(f"/a/{number}")
    (kept,) = served.app.running.states.each(ANSWERS).values()
    assert 0 < len(kept) < 4


def test_a_failure_inside_a_group_is_told_by_what_each_request_says(serve: Serve) -> None:
    """Its row reads the parts of the group as they were, and the request that is answered now."""
    served = serve(f"""
        {UP}
        endpoints:
          GET /a:
            cache: {{ttl: {{404: 60s}}}}
            fan_out:
              group:
                fan_out:
                  there: up:/there
                  missing:
                    url: up:/missing?left={{there.left}}
                    status_map: {{404: {{status: 404, detail: "{{{{ request.id }}}} misses {{{{ there.left }}}}"}}}}
    """, answering(200, 404))  # fmt: skip
    told = [served.get("/a").json() for _ in range(2)]
    assert [one["detail"] for one in told] == [f"{one['request_id']} misses 1" for one in told]
    assert len(served.requests) == 2
