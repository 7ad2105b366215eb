"""A client that takes its time to send a body: which limit ends it, and what is left of the time for the calls."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

NAMED = """
server: {body_timeout: 30s}
endpoints: {POST /x: {timeout: %s, forward: {body: true}, call: POST a:/x}}
"""
UNNAMED = """
client: {timeout: 2s}
server: {body_timeout: 30s}
endpoints: {POST /x: {body: {type: object}, call: {method: POST, url: a:/x, json: "{{ body }}"}}}
"""
START = 100.0


class Clocked(asyncio.SelectorEventLoop):
    """A loop whose time stands still unless a test moves it."""

    now = START

    def time(self) -> float:
        return self.now


def sent_to(rig: Any, *pieces: tuple[float, bytes]) -> SimpleNamespace:
    """Return the answer when each of *pieces* comes so many seconds after the one before it; *at* is when it came."""
    came: list[dict[str, Any]] = []

    async def main(loop: Clocked) -> None:
        left = iter(enumerate(pieces, 1))

        async def receive() -> dict[str, Any]:
            at, (seconds, body) = next(left)
            loop.now += seconds
            for _ in range(3):  # what is due by now has its turn
                await asyncio.sleep(0)
            return {"type": "http.request", "body": body, "more_body": at < len(pieces)}

        async def send(message: Any) -> None:
            came.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/x", "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }  # fmt: skip
        serving = asyncio.ensure_future(rig.handler(scope, receive, send, ()))
        while not serving.done():
            await asyncio.sleep(0)
            for call in rig.under_way:
                call.answer({})
        await serving

    with asyncio.Runner(loop_factory=Clocked) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Clocked)
        runner.run(main(loop))
        return SimpleNamespace(status=came[0]["status"], headers=dict(came[0]["headers"]), at=loop.now - START)


def test_a_named_deadline_ends_a_slow_body(rig):
    """It counts from the head of the request: the client is late (408), nothing is called, the connection ends."""
    slow = rig(NAMED % "1s")
    answer = sent_to(slow, *[(0.3, b"{")] * 10)
    assert (answer.status, answer.headers.get(b"connection"), slow.sent) == (408, b"close", [])
    assert answer.at == pytest.approx(1.2)  # with the first piece that is too late


def test_the_sooner_of_two_limits_ends_a_slow_body(rig):
    """The time for bodies stays a limit under a longer deadline."""
    answer = sent_to(rig(NAMED % "60s"), *[(8.0, b"{")] * 10)
    assert (answer.status, answer.at) == (408, 32.0)


def test_calls_have_what_the_body_left(rig):
    """A body that comes in time takes its time from the calls."""
    slow = rig(NAMED % "10s")
    answer = sent_to(slow, (4.0, b"{"), (5.0, b"}"))
    assert (answer.status, slow.sent[0].deadline) == (200, START + 10.0 - 0.05)


def test_an_unnamed_deadline_is_time_for_the_calls(rig):
    """The time of the slowest call is no limit of the body, and begins when the body is there."""
    slow = rig(UNNAMED)
    answer = sent_to(slow, (9.0, b"{"), (9.0, b"}"))
    assert (answer.status, slow.sent[0].deadline) == (200, START + 18.0 + 2.0)


def test_the_time_for_bodies_ends_them_without_a_deadline(rig):
    """A body has 30 seconds, unless the file says otherwise."""
    answer = sent_to(rig(UNNAMED), *[(8.0, b"{")] * 10)
    assert (answer.status, answer.at) == (408, 32.0)
