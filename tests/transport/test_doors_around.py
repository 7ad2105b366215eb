"""A door around another, what a program sees of replies, and what loads with a name."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, cast

import pytest

from aggregator import transport
from aggregator.errors import CallError, Cause
from aggregator.transport import Door, Origin, PoolSettings, Reply, StreamReply
from aggregator.transport.door import OuterDoor, with_done
from aggregator.transport.failures import waited_in_vain
from aggregator.transport.fetching import fetched
from aggregator.transport.wire.bodies import StreamBody

SETTINGS = PoolSettings(Origin("http", "a.test", 80))


class Ticket:
    """A call that notes that it was cancelled."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told

    def cancel(self) -> None:
        """Note it."""
        self.told.append("cancel")


class Inner(Door):
    """A door that notes what it is asked, and answers with *outcome*."""

    active, idle, waiting = 3, 5, 7

    def __init__(self, outcome: Reply | CallError) -> None:
        super().__init__(SETTINGS)
        self.outcome = outcome
        self.told: list[Any] = []
        self.ticket = Ticket(self.told)
        self.reply = StreamReply(200, [], cast("StreamBody", None))

    def start(self, *request: Any, **terms: Any) -> Ticket:
        """Answer in the next turn."""
        self.told.append((request, terms))
        asyncio.get_running_loop().call_soon(terms["done"], self.outcome)
        return self.ticket

    async def stream(self, *request: Any, **terms: Any) -> StreamReply:
        """Answer at once."""
        self.told.append((request, terms))
        return self.reply

    def close_idle(self) -> None:
        """Note it."""
        self.told.append("close_idle")

    async def aclose(self) -> None:
        """Note it."""
        self.told.append("aclose")


REQUEST = (b"POST", b"/x", b"a: 1\r\n", b"{}")


def test_a_door_around_another_is_that_one() -> None:
    """Calls, streams, how many there are of each, and the end: all of it is the inner one's."""

    async def main() -> None:
        inner = Inner(Reply(200, [], b""))
        outer = OuterDoor(inner)
        told: list[Any] = []
        terms: Any = {"deadline": 1.0, "done": told.append, "steps": 2, "under_way": True}
        streaming: Any = {"deadline": None, "answer_timeout": 1.0, "idle_timeout": 2.0, "decode": True}
        assert outer.start(*REQUEST, **terms) is inner.ticket
        assert await outer.stream(*REQUEST, **streaming) is inner.reply
        outer.close_idle()
        await outer.aclose()
        await asyncio.sleep(0)
        assert inner.told == [(REQUEST, terms), (REQUEST, streaming), "close_idle", "aclose"]
        assert told == [inner.outcome]
        assert (outer.active, outer.idle, outer.waiting, outer.settings, outer.dialled) == (3, 5, 7, SETTINGS, (0, 0.0))

    asyncio.run(main())


def test_another_hears_of_a_call_first() -> None:
    """The terms of the call stay as they were for whoever made it."""
    terms: Any = {"deadline": 1.0, "done": print, "steps": 2}
    assert with_done(terms, repr) == {"deadline": 1.0, "done": repr, "steps": 2}
    assert terms["done"] is print


def test_a_call_can_be_awaited() -> None:
    """Its reply is returned, what it fails of is raised, and its ticket is given back in both cases."""

    async def main() -> None:
        inner = Inner(Reply(200, [], b"x"))
        assert await fetched(inner, *REQUEST, deadline=9.0) is inner.outcome
        assert inner.told[0][0] == REQUEST
        assert (inner.told[0][1]["deadline"], inner.told[1:]) == (9.0, ["cancel"])
        failing = Inner(CallError(Cause.RESET, "Gone."))
        with pytest.raises(CallError) as failed:
            await fetched(failing, b"GET", b"/", b"", deadline=9.0)
        assert failed.value is failing.outcome
        assert (failing.told[0][0], failing.told[1:]) == ((b"GET", b"/", b"", None), ["cancel"])

    asyncio.run(main())


def test_replies_show_their_size_alone() -> None:
    """Nothing of what is in them."""
    assert repr(Reply(404, [(b"a", b"hidden")], b"hidden")) == "<Reply 404, 6 bytes>"
    assert repr(Inner(Reply(200, [], b"")).reply) == "<StreamReply 200>"


def test_a_call_that_is_dropped_from_its_line_is_late_or_one_too_many() -> None:
    """Late when its time is over, or will be within what the clocks of two loops differ by."""
    told = [
        (error.cause, error.retry_after)
        for error in (waited_in_vain(monotonic() + left, 3.0) for left in (-1.0, 0.001, 60.0))
    ]
    assert told == [(Cause.DEADLINE, None), (Cause.DEADLINE, None), (Cause.QUEUE_FULL, 3.0)]


@pytest.mark.parametrize("name", transport.__all__)
def test_every_name_of_the_package_is_there(name: str) -> None:
    """Also those that are loaded when they are first named."""
    assert vars(transport).get(name) or transport.__getattr__(name)


def test_another_name_is_not() -> None:
    """It is an ordinary AttributeError."""
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        transport.nothing  # noqa: B018
