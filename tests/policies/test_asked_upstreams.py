"""An upstream that decides who is admitted is called as any other: by its limits, breaker, retries, mocks, switches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aggregator.policies.switches.table import Change, Switch, Target
from tests.policies.conftest import START, Served

FILE = """
auth:
  sessions: {external: {url: GET sso:/check, headers: [cookie], cache: CACHE}}
upstreams:
  sso: {url: http://sso.test, WITH}
endpoints:
  GET /a: {auth: sessions, respond: {body: 1}}
  GET /b: {call: sso:/b}
"""


def text(upstream: str, cache: str = "0s") -> str:
    """Return the file with *upstream* in the settings of the one that is asked."""
    return FILE.replace("WITH", upstream).replace("CACHE", cache)


def session(number: int) -> dict[str, dict[str, str]]:
    """Return the options of a request by another caller."""
    return {"headers": {"cookie": f"s={number}"}}


def test_its_breaker_is_that_of_all_calls(serve: Callable[..., Served]) -> None:
    """What it fails opens the breaker for calls, and an open one is 503 without a question, until it is tried again."""
    down = True
    served = serve(text("breaker: {failures: 2, pause: 30s}"), lambda _: httpx.Response(500 if down else 200, json={}))
    assert [served.get("/a", **session(number)).status_code for number in range(4)] == [503] * 4
    assert served.lines == ["GET /check"] * 2
    assert served.get("/b").json()["cause"] == "breaker_open"


@pytest.mark.parametrize(("limit", "asked"), [("rate_limit: 2/m", 2), ("rate_limit: {rate: 1/m, burst: 1}", 1)])
def test_its_rate_holds_for_questions(serve: Callable[..., Served], limit: str, asked: int) -> None:
    """Who would be one too many gets 503 with the time until there is room."""
    served = serve(text(limit))
    answers = [served.get("/a", **session(number)) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200] * asked + [503] * (3 - asked)
    assert (answers[-1].json()["cause"], int(answers[-1].headers["retry-after"]) > 1) == ("auth_unavailable", True)
    assert len(served.lines) == asked


def test_its_places_are_those_of_all_calls(serve: Callable[..., Served]) -> None:
    """No more questions are under way at once than calls may be."""
    came, go = asyncio.Event(), asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        came.set()
        await go.wait()
        return httpx.Response(200, json={})

    served = serve(text("concurrency: {limit: 1, queue: 0}"), answer)

    async def both() -> tuple[int, int]:
        first = asyncio.create_task(served.ask("GET", "/a", **session(1)))
        await came.wait()
        second = (await served.ask("GET", "/a", **session(2))).status_code
        go.set()
        return (await first).status_code, second

    assert served.run(both()) == (200, 503)


def test_its_retries_are_made(serve: Callable[..., Served]) -> None:
    """A question that may be put twice is, where the upstream says so."""
    answers = iter([503, 200])
    served = serve(text("retry: {attempts: 2, backoff: 1ms..2ms}"), lambda _: httpx.Response(next(answers), json={}))
    assert served.get("/a", **session(1)).status_code == 200
    assert served.lines == ["GET /check"] * 2


def test_its_mock_answers(serve: Callable[..., Served]) -> None:
    """A file can be tried before the service is there."""
    served = serve(text("mock: {routes: {GET /check: {status: 401}}}"))
    assert served.get("/a", **session(1)).status_code == 401
    assert served.lines == []


def test_while_it_is_switched_off_only_who_is_remembered_is_admitted(serve: Callable[..., Served]) -> None:
    """Nobody is asked, and verdicts outlive the switch both ways."""
    served = serve(text("timeout: 1s", cache="1h"))
    off = Target("upstream", "sso")
    assert served.get("/a", **session(1)).status_code == 200
    served.app.running.switching.table.turn_off(off, Switch(None, START, "ada", "test"))
    served.run(served.app.running.switch())
    assert [served.get("/a", **session(number)).status_code for number in (1, 2)] == [200, 503]
    served.app.running.switching.table.merge({off: Change(START + 1, None)}, START)
    served.run(served.app.running.switch())
    assert [served.get("/a", **session(number)).status_code for number in (1, 2)] == [200, 200]
    assert served.lines == ["GET /check"] * 2


def test_a_cache_of_the_upstream_is_no_memory_of_verdicts(serve: Callable[..., Served]) -> None:
    """How long one is remembered is said by the scheme: `cache: 0s` asks each time."""
    served = serve(text("cache: 1m"))
    assert served.statuses("/a", 2, **session(1)) == [200, 200]
    assert served.lines == ["GET /check"] * 2


def test_a_reload_that_changes_how_it_is_called_forgets_verdicts(serve: Callable[..., Served]) -> None:
    """They belong to the settings that they were made by; other changes leave them alone."""
    served = serve(text("timeout: 1s", cache="1h"))
    for upstream, more, asked in (("timeout: 1s", "  GET /c: {respond: {body: 1}}\n", 1), ("timeout: 2s", "", 2)):
        assert served.get("/a", **session(1)).status_code == 200
        outcome: Any = served.reload(text(upstream, cache="1h") + more)
        assert outcome.generation
        assert served.get("/a", **session(1)).status_code == 200
        assert len(served.lines) == asked


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("{{ response.body.sub }}", "ada"),
        ("{{ response['body'].sub }}", "ada"),
        ("{{ response.body['sub'] }}", "ada"),
        ("{{ response.headers['x-sub'] }}", "bob"),
    ],
)
def test_who_is_admitted_is_read_from_the_answer(serve: Callable[..., Served], subject: str, said: str) -> None:
    """From its body, however that is written, or from its head."""
    file = FILE.replace("WITH", "timeout: 1s").replace("cache: CACHE", f'subject: "{subject}"')
    file = file.replace(
        "GET /a: {auth: sessions, respond: {body: 1}}",
        'GET /a: {auth: sessions, respond: {body: "{{ auth.subject }}"}}',
    )
    served = serve(file, lambda _: httpx.Response(200, json={"sub": "ada"}, headers={"x-sub": "bob"}))
    assert served.get("/a", **session(1)).json() == said
