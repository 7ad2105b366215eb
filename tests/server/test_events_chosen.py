"""What a listener to events may ask for, what it is told of a request, and a request that is asked without a socket: whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregator.causes import Cause, State
from aggregator.exchange import Exchange
from aggregator.parts.events import RequestEnded
from aggregator.parts.result import Result
from aggregator.server.admin.actions import ActionError
from aggregator.server.live.audience import Chosen
from aggregator.server.live.choosing import chosen
from aggregator.server.live.telling import Wanted, told
from aggregator.server.once.conversation import Conversation, Question, Reply, scope_of
from aggregator.telemetry.hiding import NOTHING_HIDDEN

EVERYTHING = {"show": "requests,failures,counts,parts", "endpoint": "GET /x", "part": "a", "cause": "refused",
              "slower_than": "500ms"}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, Chosen(Wanted(), counts=True)),
        ({"show": "requests"}, Chosen(Wanted(), counts=False)),
        ({"show": "failures"}, Chosen(Wanted(is_bad=True), counts=False)),
        ({"show": "failures,requests"}, Chosen(Wanted(), counts=False)),
        ({"show": "counts"}, Chosen(None, counts=True)),
        ({"show": "parts", "endpoint": "GET /x"}, Chosen(None, counts=False, parts_of="GET /x")),
        (EVERYTHING, Chosen(Wanted("GET /x", "a", "refused", 0.5), counts=True, parts_of="GET /x")),
    ],
)
def test_what_is_asked_for_is_chosen(asked: dict[str, str], found: Chosen) -> None:
    """Requests and counts where nothing is said; failures are no less than all where both are asked for."""
    assert chosen(asked) == found


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        ({"colour": "red"}, "Events are chosen by cause, endpoint, part, show, slower_than, not by `colour`."),
        ({"x" * 51: ""}, f"Events are chosen by cause, endpoint, part, show, slower_than, not by `{'x' * 50}`."),
        ({"show": "requests,all"}, "`show` is one or more of counts, failures, parts, requests, with commas."),
        ({"show": ""}, "`show` is one or more of counts, failures, parts, requests, with commas."),
        ({"show": "parts"}, "`show=parts` needs the `endpoint` whose parts are counted."),
        ({"show": "parts", "endpoint": ""}, "`show=parts` needs the `endpoint` whose parts are counted."),
        ({"slower_than": "long"}, "`slower_than` is a duration such as 500ms."),
    ],
)
def test_what_cannot_be_chosen_is_refused(asked: dict[str, str], detail: str) -> None:
    """With what could be asked for."""
    with pytest.raises(ActionError) as raised:
        chosen(asked)
    assert (raised.value.status, str(raised.value)) == (400, detail)


def _ended(path: str, parts: tuple[Result, ...], **more: Any) -> RequestEnded:
    return RequestEnded("GET /x", "r1", "GET", "answered", 502, None, True, 10.0, 10.25, size=7, parts=parts,
                        exchange=Exchange("GET", path, b"", []), **more)  # fmt: skip


def test_a_request_as_a_listener_is_told_of_it() -> None:
    """With its parts, thirty-two at most, and a path that is cut."""
    failed = Result("ads", 10.0, 10.125, state=State.FAILED)
    failed.cause, failed.upstream, failed.status = Cause.STATUS, "up", 500
    event = _ended("/" + "x" * 600, (failed, *[Result("main", 10.0, 10.0625)] * 40))
    heard = told(event, NOTHING_HIDDEN, str, 1_764_000_000.12345)
    parts = heard.pop("parts")
    assert heard == {
        "at": 1_764_000_000.123, "id": "r1", "endpoint": "GET /x", "method": "GET", "path": "/" + "x" * 499,
        "status": 502, "how": "answered", "cause": None, "partial": True, "ms": 250.0, "size": 7,
    }  # fmt: skip
    assert parts[0] == {
        "name": "ads",
        "state": "failed",
        "status": 500,
        "cause": "status",
        "ms": 125.0,
        "upstream": "up",
    }
    assert len(parts) == 32
    assert parts[1:] == [
        {"name": "main", "state": "ok", "status": None, "cause": None, "ms": 62.5, "upstream": None}
    ] * 31  # fmt: skip


def test_a_question_is_a_request_from_this_machine() -> None:
    """It names a host unless it says which, and the length of its body if it has one."""
    assert scope_of(Question("GET", "/a%20b?x=%20")) == {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/a b", "raw_path": b"/a%20b", "query_string": b"x=%20", "root_path": "",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 0), "server": ("localhost", 80),
    }  # fmt: skip
    asked = scope_of(Question("POST", "/", [("X-Name", "Zo\u00eb"), ("Host", "a.test")], b"12345"))
    assert asked["headers"] == [
        (b"x-name", b"Zo\xeb"), (b"host", b"a.test"), (b"content-length", b"5"),
    ]  # fmt: skip


async def _reply(conversation: Conversation, *pieces: bytes) -> None:
    await conversation.send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"1")]})
    for piece in pieces:
        await conversation.send({"type": "http.response.body", "body": piece, "more_body": True})
    await conversation.send({"type": "http.response.body"})


@pytest.mark.parametrize(
    ("method", "most", "body", "is_full"),
    [
        ("GET", None, b"abcd", False), ("GET", 5, b"abcd", False), ("GET", 4, b"abcd", True), ("GET", 3, b"abc", True),
        ("GET", 2, b"ab", True), ("HEAD", None, b"", False),
    ],
)  # fmt: skip
def test_a_reply_is_filled_up_to_its_bound(method: str, most: int | None, body: bytes, is_full: bool) -> None:
    """HEAD has no body, whatever is sent."""
    reply = Reply()
    conversation = Conversation(Question(method, "/"), reply, most=most)
    asyncio.run(_reply(conversation, b"ab", b"cd"))
    assert (reply.status, reply.headers, reply.body) == (201, [("x-a", "1")], body)
    assert conversation.full.is_set() is is_full


def test_who_takes_a_body_piece_by_piece_has_it_alone() -> None:
    """Status and headers are told before; the request itself is there once."""
    begun: list[Any] = []
    pieces: list[bytes] = []

    def begin(status: int, headers: Any) -> Any:
        begun.append((status, headers))
        return pieces.append

    async def converse() -> None:
        conversation = Conversation(Question("POST", "/", body=b"sent"), reply, begin)
        assert await conversation.receive() == {"type": "http.request", "body": b"sent"}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(conversation.receive(), 0.001)
        await _reply(conversation, b"ab", b"cd")

    reply = Reply()
    asyncio.run(converse())
    assert (begun, pieces, reply.body) == ([(201, [("x-a", "1")])], [b"ab", b"cd", b""], b"")
