"""The action ``try``: which requests can be sent, how many at once, and what is shown of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.server.admin.actions import ActionError
from aggregator.server.admin.requests import Trials, missing_places

RUNNING = SimpleNamespace(observers=SimpleNamespace(recorder=None), visitors=None)
"""What serves an application and remembers no request."""
Answers = Callable[[dict[str, Any], bytes], Awaitable[tuple[int, bytes]]]


def actions_of(answers: Answers) -> Callable[[Mapping[str, Any]], Awaitable[Any]]:
    """Return the action `try` on an application that *answers* (scope, body) → (status, body)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        status, body = await answers(scope, (await receive()).get("body", b""))
        if status:
            await send({"type": "http.response.start", "status": status, "headers": [(b"x-a", b"1")]})
            await send({"type": "http.response.body", "body": body})

    [action] = [one for one in Trials(RUNNING, app).actions() if one.name == "try"]  # type: ignore[arg-type]
    return action.run


async def _echo(scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    told = [
        f"{name.decode()}={value.decode()}" for name, value in scope["headers"] if name == b"x-b" or value == b"mine"
    ]
    return 200, " ".join(
        [scope["method"], scope["path"], scope["query_string"].decode(), *told, body.decode()]
    ).encode()


async def _nothing(_scope: dict[str, Any], _body: bytes) -> tuple[int, bytes]:
    return 0, b""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "/a?b=1"}, "GET /a b=1 "),
        ({"target": "/a", "method": "POST", "body": "x"}, "POST /a  x"),
        ({"target": "/a", "headers": {"X-B": "2"}}, "GET /a  x-b=2 "),
        ({"target": "/a", "headers": {"x-request-id": "mine"}}, "GET /a  "),
    ],
)
def test_a_request_is_sent_as_it_is_given(given: dict[str, Any], said: str) -> None:
    """Without a method it is a GET, without a body there is none; what came back is shown."""
    shown = asyncio.run(actions_of(_echo)(given)).data
    assert (shown["status"], shown["body"], shown["cut"], shown["request"]) == (200, said, False, None)
    assert shown["headers"] == [{"name": "x-a", "value": "1"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "`target` is a path"),
        ({"target": 1}, "`target` is a path"),
        ({"target": "a"}, "`target` is a path"),
        ({"target": "/a b"}, "`target` is a path"),
        ({"target": "/ä"}, "`target` is a path"),
        ({"target": "/a", "id": "1"}, "and no `id`"),
        ({"target": "/a", "method": "get"}, "`method` is one of"),
        ({"target": "/a", "body": {}}, "`body` is a text"),
        ({"target": "/a", "headers": []}, "`headers` is an object"),
        ({"target": "/a", "headers": {"a b": "c"}}, "cannot be sent"),
        ({"target": "/a", "headers": {"a": 1}}, "cannot be sent"),
        ({"target": "/a", "headers": {"a": "b\nc"}}, "cannot be sent"),
    ],
)
def test_what_cannot_be_sent_is_refused(given: dict[str, Any], said: str) -> None:
    """With the words for what is wrong; each fault is the fault of who asks."""
    with pytest.raises(ActionError, match=said) as caught:
        asyncio.run(actions_of(_echo)(given))
    assert caught.value.status == 400


def test_what_was_asked_is_logged_without_its_query() -> None:
    """That may hold what nobody is to read."""
    assert asyncio.run(actions_of(_echo)({"target": "/a?token=secret"})).summary == "GET /a: 200"


def test_no_answer_is_a_fault_of_the_gateway() -> None:
    """An application that ends without one leaves nothing to show."""
    with pytest.raises(ActionError, match="No answer came") as caught:
        asyncio.run(actions_of(_nothing)({"target": "/a"}))
    assert caught.value.status == 504


def test_four_are_tried_at_once() -> None:
    """A fifth is refused while they go on, and is let in once they have ended."""

    async def run() -> tuple[int, list[int], int]:
        are_inside, goes_on, inside = asyncio.Event(), asyncio.Event(), 0

        async def held(_scope: dict[str, Any], _body: bytes) -> tuple[int, bytes]:
            nonlocal inside
            inside += 1
            if inside == 4:
                are_inside.set()
            await goes_on.wait()
            return 200, b""

        act = actions_of(held)
        four = [asyncio.ensure_future(act({"target": "/a"})) for _ in range(4)]
        await are_inside.wait()
        with pytest.raises(ActionError) as caught:
            await act({"target": "/a"})
        goes_on.set()
        statuses = [one.data["status"] for one in await asyncio.gather(*four)]
        return caught.value.status, statuses, (await act({"target": "/a"})).data["status"]

    assert asyncio.run(run()) == (429, [200] * 4, 200)


@pytest.mark.parametrize(("size", "cut"), [(1024 * 1024 - 1, False), (1024 * 1024, True)])
def test_a_long_answer_is_cut(size: int, cut: bool) -> None:
    """A megabyte of it is waited for."""

    async def long(_scope: dict[str, Any], _body: bytes) -> tuple[int, bytes]:
        return 200, b"x" * size

    assert asyncio.run(actions_of(long)({"target": "/a"})).data["cut"] is cut


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, ["headers.x", "path", "query.q", "body"]),
        ({"has_target": True}, ["headers.x", "body"]),
        ({"has_body": True}, ["headers.x", "path", "query.q"]),
        ({"headers": [("x", "1")]}, ["path", "query.q", "body"]),
    ],
)
def test_what_is_masked_has_to_be_given(given: dict[str, Any], missing: list[str]) -> None:
    """Another target gives path and query at once."""
    assert missing_places(("headers.x", "path", "query.q", "body"), given.pop("headers", []), **given) == missing
