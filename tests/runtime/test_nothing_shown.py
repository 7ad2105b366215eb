"""What the log of a program that fails may show of requests: the event loop prints the callbacks that raise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.runtime.calls.replies import Reading
from aggregator.runtime.calls.writing.rendering import Rendered

NOBODY: Any = None


@pytest.fixture
def frame() -> Frame:
    """The surroundings of a call of a request that holds what is hidden."""
    exchange = Exchange("GET", "/", b"", [(b"x-api-key", b"hidden")], params={"id": "hidden"})
    loop: Any = asyncio.AbstractEventLoop
    return Frame(exchange, Names(exchange), 1.0, loop, conditions=b"x-api-key: hidden\r\n")


def test_what_is_under_way_shows_nothing_of_its_request(frame: Frame) -> None:
    """A call, its surroundings, names and what it sends are told by what they are."""
    rendered = Rendered(b"/?key=hidden", b"x-api-key: hidden\r\n", b"hidden")
    reading = Reading(NOBODY, frame, 1.0, NOBODY, 0.0)
    for one in (frame, frame.names, rendered, reading, reading.sent):
        assert "hidden" not in repr(one)
