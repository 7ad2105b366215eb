"""A long answer in a format that takes long to write: written once for all who want the same text meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.codecs.registry import require
from aggregator.errors import CallError, Cause, ExpressionError
from aggregator.runtime import coding
from aggregator.runtime.finish import formats
from aggregator.runtime.finish.formats import Writings
from aggregator.runtime.threads import Threads
from tests.policies.conftest import Served

Hold = Callable[[threading.Event], object]
LONG = {"list": [{"id": number} for number in range(1000)]}
TEXT = json.dumps(LONG).encode()
WHOLE = """
    upstreams: {up: {url: "http://up.test", coalesce: true}}
    endpoints:
      GET /x: {timeout: 60s, call: up:/x, response: {formats: [xml]}}
"""
JOINED = """
    upstreams: {up: {url: "http://up.test"}}
    endpoints:
      GET /x: {timeout: 60s, fan_out: {a: up:/x, b: up:/y}, response: {formats: [xml]}}
"""


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the texts that are written, as it happens."""
    found: list[bytes] = []
    write = formats.written

    def counted(codec: Any, text: bytes) -> bytes:
        found.append(text)
        return write(codec, text)

    monkeypatch.setattr(formats, "written", counted)
    return found


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    """Yield what takes the one thread of bodies until an event is set."""
    bodies = Threads(1, name="coding", waiting=8)
    monkeypatch.setattr(coding, "CODING", bodies)
    yield lambda gate: bodies.start(partial(gate.wait, 30), lambda _: None)
    bodies.close()


def watch(monkeypatch: pytest.MonkeyPatch, number: int) -> asyncio.Event:
    """Return what is set once so many want a text in another format."""
    there, count, body = asyncio.Event(), itertools.count(1), Writings.body

    async def counted(self: Writings, text: bytes, deadline: float) -> bytes:
        if next(count) == number:
            there.set()
        return await body(self, text, deadline)

    monkeypatch.setattr(Writings, "body", counted)
    return there


@pytest.mark.parametrize("text", [WHOLE, JOINED], ids=["one call", "calls of each"])
def test_a_herd_has_its_answers_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: list[bytes], hold: Hold, text: str
) -> None:
    """All who want the same text while it waits for a thread get the bytes that the thread writes."""
    served, gate = Served(tmp_path, text, lambda _: httpx.Response(200, json=LONG)), threading.Event()

    async def main() -> list[httpx.Response]:
        hold(gate)
        all_want_it = watch(monkeypatch, 30)
        asked = [asyncio.ensure_future(served.ask("GET", "/x")) for _ in range(30)]
        await all_want_it.wait()
        gate.set()
        return await asyncio.gather(*asked)

    answers = served.run(main())
    served.close()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert b"<id>999</id>" in answers[0].content
    assert len(texts) == 1


def test_other_texts_are_written_for_themselves(texts: list[bytes], hold: Hold) -> None:
    """Also one that is as long; and nothing is kept once it is there."""
    other = TEXT.replace(b"999", b"998")

    async def main() -> list[bytes]:
        gate, writings = threading.Event(), Writings(require("xml"))
        hold(gate)
        asked = [asyncio.ensure_future(writings.body(text, math.inf)) for text in (TEXT, other, TEXT)]
        await asyncio.sleep(0)
        gate.set()
        return [*await asyncio.gather(*asked), await writings.body(TEXT, math.inf)]

    first, second, third, later = asyncio.run(main())
    assert first == third == later != second
    assert texts == [TEXT, other, TEXT]


def test_who_gives_up_leaves_it_to_the_next(texts: list[bytes], hold: Hold) -> None:
    """The client that had asked first is gone before a thread is there."""

    async def main() -> list[Any]:
        gate, writings = threading.Event(), Writings(require("xml"))
        hold(gate)
        asked = [asyncio.ensure_future(writings.body(TEXT, math.inf)) for _ in range(3)]
        await asyncio.sleep(0)
        asked[0].cancel()
        await asyncio.gather(asked[0], return_exceptions=True)
        gate.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    gone, second, third = asyncio.run(main())
    assert isinstance(gone, asyncio.CancelledError)
    assert second == third
    assert texts == [TEXT]


def test_what_a_format_cannot_say_is_found_once(texts: list[bytes], hold: Hold) -> None:
    """All are refused by the one attempt."""

    async def main() -> list[Any]:
        gate, writings = threading.Event(), Writings(require("csv"))
        hold(gate)
        asked = [asyncio.ensure_future(writings.body(TEXT, math.inf)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    refused = asyncio.run(main())
    assert [type(one) for one in refused] == [ExpressionError] * 3
    assert len(texts) == 1


def test_who_has_no_time_for_it_is_refused_alone(texts: list[bytes], hold: Hold) -> None:
    """That the deadline of the first leaves no room for the work tells nothing of the deadlines of others."""

    async def main() -> list[Any]:
        gate, writings, loop = threading.Event(), Writings(require("xml")), asyncio.get_running_loop()
        await writings.body(TEXT, math.inf)  # how long it takes is known then
        hold(gate)
        asked = [asyncio.ensure_future(writings.body(TEXT, due)) for due in (loop.time() - 1.0, math.inf)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    late, other = asyncio.run(main())
    assert isinstance(late, CallError)
    assert late.cause is Cause.QUEUE_FULL
    assert other.startswith(b"<?xml")
    assert len(texts) == 2
