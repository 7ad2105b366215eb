"""The door to a broker: one connection for all, a bounded number of messages, and an end for each."""

from __future__ import annotations

import asyncio

import pytest

from aggregator.brokers.door import BrokerDoor
from aggregator.brokers.message import Message, message_of
from aggregator.errors import CallError, Cause
from aggregator.transport import BrokerTerms, Limits, Origin, PoolSettings, Reply, Timeouts
from tests.brokers.conftest import sent, until


class Played:
    """A broker of the test: it opens and takes messages when it may."""

    def __init__(self) -> None:
        self.is_open = False
        self.opened = 0
        self.got: list[Message] = []
        self.may_open, self.may_take = asyncio.Event(), asyncio.Event()
        self.fault: Exception | None = None

    async def open(self) -> None:
        self.opened += 1
        await self.may_open.wait()
        if self.fault is not None:
            raise self.fault
        self.is_open = True

    async def send(self, message: Message) -> None:
        self.got.append(message)
        await self.may_take.wait()
        if self.fault is not None:
            raise self.fault

    def failure(self, error: Exception) -> CallError:
        return CallError(Cause.REFUSED, str(error))

    async def aclose(self) -> None:
        self.is_open = False


def settings(*, waiting: int = 10, connect: float = 30.0) -> PoolSettings:
    return PoolSettings(
        Origin("redis+stream", "broker.test", 6379),
        limits=Limits(max_waiting=waiting),
        timeouts=Timeouts(connect=connect),
        broker=BrokerTerms(),
    )


async def played(*, opens: bool = True, takes: bool = True, **said: float) -> tuple[Played, BrokerDoor]:
    link = Played()
    for event, is_set in ((link.may_open, opens), (link.may_take, takes)):
        if is_set:
            event.set()
    return link, BrokerDoor(settings(**said), link)  # type: ignore[arg-type]


def test_one_connection_is_opened_for_all() -> None:
    """Messages that come while it is being opened wait for the same one."""

    async def scene() -> None:
        link, door = await played(opens=False)
        several = [asyncio.create_task(sent(door)) for _ in range(3)]
        await until(lambda: door.waiting == 3)
        link.may_open.set()
        assert await asyncio.gather(*several) == [202, 202, 202]
        assert (link.opened, door.dialled[0], door.idle) == (1, 1, 1)
        await door.aclose()

    asyncio.run(scene())


def test_a_broker_that_is_away_is_asked_again_by_the_next_message() -> None:
    """A connection that cannot be opened fails those that wait for it, and no others."""

    async def scene() -> None:
        link, door = await played()
        link.fault = OSError("away")
        assert await asyncio.gather(sent(door), sent(door)) == ["refused", "refused"]
        assert link.opened == 1
        link.fault = None
        assert await sent(door) == 202
        await door.aclose()

    asyncio.run(scene())


def test_more_messages_than_may_wait_are_refused_at_once() -> None:
    """`limits.max_waiting` bounds what is under way to a broker."""

    async def scene() -> None:
        link, door = await played(takes=False, waiting=2)
        first = [asyncio.create_task(sent(door)) for _ in range(2)]
        await until(lambda: len(link.got) == 2)
        assert await sent(door) == "queue_full"
        link.may_take.set()
        assert await asyncio.gather(*first) == [202, 202]
        await door.aclose()

    asyncio.run(scene())


@pytest.mark.parametrize(("opens", "cause"), [(True, "deadline"), (False, "connect_timeout")])
def test_a_message_ends_when_its_time_is_over(opens: bool, cause: str) -> None:
    """A broker that says nothing holds a message for its `timeout`, one that does not connect for `timeout.connect`."""

    async def scene() -> None:
        _, door = await played(opens=opens, takes=False, connect=30.0 if opens else 0.01)
        assert await sent(door, within=0.01 if opens else 30.0) == cause
        await door.aclose()

    asyncio.run(scene())


def test_what_is_given_up_is_told_no_more() -> None:
    """After `cancel` nothing is called, and its place is free."""

    async def scene() -> None:
        link, door = await played(takes=False)
        told: list[Reply | CallError] = []
        loop = asyncio.get_running_loop()
        call = door.start(b"POST", b"/x", b"", None, deadline=loop.time() + 30, done=told.append)
        await until(lambda: link.got)
        call.cancel()
        await until(lambda: not door.active)
        assert told == []
        await door.aclose()

    asyncio.run(scene())


def test_closing_fails_what_is_under_way() -> None:
    """Whoever waits for a message hears of the end of the door, and so does who comes later."""

    async def scene() -> None:
        link, door = await played(takes=False)
        first = asyncio.create_task(sent(door))
        await until(lambda: link.got)
        await door.aclose()
        assert await first == "reset"
        assert await sent(door) == "reset"

    asyncio.run(scene())


@pytest.mark.parametrize("is_given_up", [False, True])
def test_closing_in_the_turn_of_a_message_ends_it(is_given_up: bool) -> None:
    """A message that has not taken its first step hears of the end of the door, unless it was given up before."""

    async def scene() -> None:
        _, door = await played()
        told: list[Reply | CallError] = []
        loop = asyncio.get_running_loop()
        call = door.start(b"POST", b"/x", b"", None, deadline=loop.time() + 30, done=told.append)
        if is_given_up:
            call.cancel()
        await door.aclose()
        assert [outcome.cause.value for outcome in told if isinstance(outcome, CallError)] == ["reset"][is_given_up:]
        assert len(told) == 1 - is_given_up

    asyncio.run(scene())


def test_a_client_that_gives_up_by_itself_ends_the_message() -> None:
    """A cancellation from inside the client of the broker is a connection that broke, and nobody waits for ever."""

    async def scene() -> None:
        link, door = await played()

        async def gave_up(_: Message) -> None:
            raise asyncio.CancelledError

        link.send = gave_up  # type: ignore[method-assign]
        assert await sent(door) == "reset"
        await door.aclose()

    asyncio.run(scene())


def test_a_message_is_its_path_its_fields_and_its_body() -> None:
    """The path is the subject, decoded; fields about HTTP and credentials are left out; the key is the id."""
    block = b"Host: x\r\nIdempotency-Key: k-1\r\nauthorization: secret\r\nx-kind:  welcome \r\naccept: */*\r\n"
    message = message_of(b"/orders.eu%2Fnew?x=1", block, None)
    assert message == Message("orders.eu/new", (("idempotency-key", "k-1"), ("x-kind", "welcome")), b"", "k-1")


@pytest.mark.parametrize("target", [b"/", b"/?x=1", b"/a%0d%0ab", b"/%ff"])
def test_a_path_that_is_no_subject_is_sent_nowhere(target: bytes) -> None:
    """Nothing, control characters and what is no UTF-8 name no stream."""
    with pytest.raises(CallError) as caught:
        message_of(target, b"", b"")
    assert caught.value.cause is Cause.INPUT


def test_a_field_that_stands_there_twice_is_one_line() -> None:
    """The first key is the id; values that are no UTF-8 are those of an older form."""
    block = b"X-A: 1\r\nx-b: \xe9\r\nx-a: 2\r\nidempotency-key: \xc3\xbc\r\nidempotency-key: other\r\n"
    message = message_of(b"/a", block, b"body")
    assert (message.id, message.body) == ("ü", b"body")
    assert message.joined == {"x-a": "1, 2", "x-b": "é", "idempotency-key": "ü, other"}
    assert message_of(b"a", b"", b"").id is None


def test_what_a_door_tells_of_a_message() -> None:
    """Accepted, with nothing to read; the first one opened the connection, which the second finds open."""

    async def scene() -> None:
        _, door = await played()
        told: list[Reply | CallError] = []
        loop = asyncio.get_running_loop()
        before = loop.time()
        for number in (1, 2):
            door.start(b"POST", b"/x", b"", None, deadline=loop.time() + 30, done=told.append)
            await until(lambda number=number: len(told) == number)
        replies = [reply for reply in told if isinstance(reply, Reply)]
        assert [(reply.status, reply.headers, reply.body, reply.reused) for reply in replies] == [
            (202, [], b"", False), (202, [], b"", True),
        ]  # fmt: skip
        assert all(before <= one.started <= one.sent <= one.first_byte == one.finished for one in replies)
        assert (door.active, door.waiting, door.idle, door.dialled) == (0, 0, 1, (1, 0.0))
        await door.aclose()
        assert door.idle == 0

    asyncio.run(scene())


def test_a_broker_answers_no_requests() -> None:
    """Nothing can be read from it."""

    async def scene() -> None:
        _, door = await played()
        with pytest.raises(CallError) as refused:
            await door.stream(b"GET", b"/x", b"", None)  # type: ignore[call-arg]
        assert (refused.value.cause, refused.value.message) == (Cause.PROTOCOL, "A broker answers no requests.")
        await door.aclose()

    asyncio.run(scene())
