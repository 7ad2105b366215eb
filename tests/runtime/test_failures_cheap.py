"""What a failure costs beside a good answer: counted, since times differ from machine to machine."""

from __future__ import annotations

import asyncio
import json
import sys
from types import FrameType
from typing import Any

import msgspec
import pytest

from aggregator.exchange import Exchange
from aggregator.parts.events import Listeners
from aggregator.parts.result import Result
from aggregator.runtime.answers import answer as answers
from aggregator.runtime.answers.answer import Problem, problem
from aggregator.runtime.reporting import Report

LONG = "a" * 1000


def _calls(rig, status: int, body: bytes) -> int:
    """Return the functions of ours that run from a reply to the answer."""
    counts = []
    for _ in range(2):  # what is kept of the first is there for the second
        gateway = rig("call: a:/x").start()
        calls: list[str] = []

        def called(frame: FrameType, event: str, _: Any, calls: list[str] = calls) -> None:
            if event == "call" and "/aggregator/" in frame.f_code.co_filename:
                calls.append(frame.f_code.co_qualname)

        before = sys.getprofile()
        sys.setprofile(called)
        try:
            gateway["/x"].answer(status=status, body=body)
        finally:
            sys.setprofile(before)
        counts.append(len(calls))
    return counts[-1]


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (200, b'{"id":1;')])
def test_a_failure_costs_few_calls_more(rig, status, body):
    """From the reply to the answer, a status that is a failure and a body that is none take at most seven calls more."""
    assert _calls(rig, status, body) - _calls(rig, 200, b"{}") <= 7


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"title": 'It "is"\n so'},
        {"title": LONG, "part": LONG, "cause": "status"},
        {"request_id": "id-1", "cause": "status", "part": "é", "upstream": "up", "upstream_status": 500},
        {"upstream": "up"},
        {"request_id": "id-1", "parts": [{"name": "a", "ms": 0.1}], "debug": {"a": None}},
        {"errors": []},
    ],
)
@pytest.mark.parametrize("detail", ["It is so.", 'é "\n\x00'])
def test_a_problem_is_written_as_it_is_read(members, detail):
    """Its bytes are those of its members in their order; read back they are the same, as an object and as data."""
    title = members.get("title", "Bad Gateway")
    said = Problem("about:blank", title, 502, detail, **{key: one for key, one in members.items() if key != "title"})
    made = problem(502, detail, **members)
    assert (made.body, made.document) == (msgspec.json.encode(said), json.loads(made.body))
    assert (made.problem, made.document) == (said, msgspec.to_builtins(said))


def test_long_texts_of_requests_are_not_kept():
    """Only short titles and names stay in memory: others come from who asks."""
    before = answers.kept_opening.cache_info().currsize, answers.kept_closing.cache_info().currsize
    problem(502, "It is so.", title=LONG, part=LONG, cause="status")
    assert before == (answers.kept_opening.cache_info().currsize, answers.kept_closing.cache_info().currsize)


def test_what_is_not_to_be_told_is_not_built(monkeypatch):
    """A listener who lets no more is asked before the event is built, and others hear of it all the same."""
    heard: list[Any] = []

    class Rationed:
        def lets(self, endpoint: str, status: int) -> bool:
            heard.append((endpoint, status))
            return len(heard) < 2

        def __call__(self, event: Any) -> None:
            heard.append(event.status)

    built: list[str] = []
    ended = sys.modules[Report.__module__].RequestEnded
    monkeypatch.setattr(
        f"{Report.__module__}.RequestEnded", lambda *said, **more: built.append(said[0]) or ended(*said, **more)
    )

    async def main(listeners: Listeners) -> None:
        for _ in range(2):
            Report(listeners).answered("GET /x", Exchange("GET", "/x", b"", []), 502, (Result("a", 0.0, 0.0),))

    asyncio.run(main(Listeners(rationed=(Rationed(),))))
    assert (heard, built) == ([("GET /x", 502), 502, ("GET /x", 502)], ["GET /x"])
    asyncio.run(main(Listeners(rationed=(Rationed(),), troubles=(lambda event: heard.append(event.how),))))
    assert heard[3:] == [("GET /x", 502), "answered", ("GET /x", 502), "answered"]
