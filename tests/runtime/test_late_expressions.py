"""An expression that takes longer than its request may: the deadline ends it, wherever it stands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator import create_app
from aggregator.templates.expressions.bounds import Budget

SLOW = "body.a | reject('in', body.b) | length"
TEXT = """
version: 1
upstreams: {up: {url: "http://up.test"}}
client: {timeout: 300ms}
endpoints:
  POST /x:
    body: {type: object, additionalProperties: true}
"""
ENDPOINTS = {
    "body of a call": 'call: {method: POST, url: up:/x, json: "{{ %s }}"}',
    "header of a call": 'call: {method: POST, url: up:/x, headers: {x-n: "{{ %s }}"}}',
    "query of a call": 'call: {url: up:/x, query: {n: "{{ %s }}"}}',
    "condition": 'fan_out: {one: {url: up:/x, when: "{{ (%s) > 1 }}"}, two: up:/x}',
    "answer": 'call: up:/x\n    response: {body: {n: "{{ %s }}"}}',
    "header of the answer": 'call: up:/x\n    response: {headers: {x-n: "{{ %s }}"}}',
    "status of the answer": 'call: up:/x\n    response: {status: "{{ 200 + (%s) // 1000 }}"}',
    "guard": 'require: "{{ (%s) > 1 }}"\n    call: up:/x',
}
MANY = {"a": [{"n": number} for number in range(1000)], "b": [{"n": -number} for number in range(1, 1001)]}


class Clocked(asyncio.SelectorEventLoop):
    """A loop whose time stands still unless somebody moves it."""

    now = 100.0

    def time(self) -> float:
        return self.now


def asked(path: Path, endpoint: str, body: Any, *, step: float, calls: list[str] | None = None) -> httpx.Response:
    """Return the answer to *body* while each look of an expression at the clock finds *step* more seconds gone."""

    async def main(loop: Clocked) -> httpx.Response:
        def upstream(request: httpx.Request) -> httpx.Response:
            (calls if calls is not None else []).append(request.url.path)
            return httpx.Response(200, json=1)

        (path / "routes.yaml").write_text(TEXT + "    " + endpoint)
        app = create_app(path / "routes.yaml", transport=httpx.MockTransport(upstream))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://a.test") as client:
                reply = await client.post("/x", json=body)
                for _ in range(50):  # what follows the answer has its turn
                    await asyncio.sleep(0)
                return reply

    real = Budget.look

    def look(budget: Budget) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Clocked)
        loop.now += step
        real(budget)

    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=Clocked) as runner:
        patch.setattr(Budget, "look", look)
        loop = runner.get_loop()
        assert isinstance(loop, Clocked)
        return runner.run(main(loop))


@pytest.mark.parametrize("where", ENDPOINTS)
def test_the_deadline_ends_an_expression(tmp_path: Path, where: str) -> None:
    """It fails like a call that took too long, with 504, and everything is well while there is time."""
    endpoint = ENDPOINTS[where].replace("%s", SLOW)
    assert asked(tmp_path, endpoint, MANY, step=0.001).status_code in (200, 201)
    late = asked(tmp_path, endpoint, MANY, step=0.05)
    assert (late.status_code, late.json()["cause"]) == (504, "deadline")


BACKGROUND = """call: up:/x
    response: {body: {n: "{{ %s }}"}}
    background: [{method: POST, url: up:/after, json: "{{ %s }}", timeout: 300ms}]
"""


def test_a_background_call_has_a_time_of_its_own(tmp_path: Path) -> None:
    """It begins when the answer has been given, so the deadline of the request is none for it; its own is."""
    calls: list[str] = []
    assert asked(tmp_path, BACKGROUND % (SLOW, SLOW), MANY, step=0.001, calls=calls).status_code == 200
    assert calls == ["/x", "/after"]
    calls.clear()
    assert asked(tmp_path, BACKGROUND % ("1", SLOW), MANY, step=0.05, calls=calls).status_code == 200
    assert calls == ["/x"]


def test_small_expressions_never_look(tmp_path: Path) -> None:
    """What takes less than a millisecond costs no look at the clock."""
    few = {"a": MANY["a"][:60], "b": MANY["b"][:60]}
    assert asked(tmp_path, ENDPOINTS["answer"].replace("%s", SLOW), few, step=1000.0).status_code == 200
