"""Long answers that are ready at once, as those of a shared reply, are written in turns of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aggregator.exchange import Exchange
from aggregator.http import HeaderList
from aggregator.runtime.answers.answer import Answer
from aggregator.server.connection.direct import Connection, DirectCycle, Found
from aggregator.server.connection.turns import AT_ONCE, Turns

MEGABYTE = 1024 * 1024


def wrote(found: list[list[int]], number: int) -> bool:
    """Note that *number* was written in the last turn."""
    found[-1].append(number)
    return True


def noting(seen: list[str], word: str, *, is_there: bool = True) -> Callable[[], bool]:
    """Return what writes *word*, for a client that *is_there* or has left."""

    def write() -> bool:
        seen.append(word)
        return is_there

    return write


async def written(*sizes: int) -> list[list[int]]:
    """Return which answers of *sizes* bytes, all ready in one turn, are written in each turn of the loop."""
    turns, loop = Turns(), asyncio.get_running_loop()
    found: list[list[int]] = [[]]
    for number, size in enumerate(sizes):
        turns.take(loop, size, partial(wrote, found, number))
    while sum(map(len, found)) < len(sizes):
        found.append([])
        await asyncio.sleep(0)
    return [one for one in found if one]


@pytest.mark.anyio
async def test_the_first_is_written_at_once_and_each_other_in_a_turn() -> None:
    """However long they are; a turn has one that is longer than all that it may write."""
    assert await written(8 * MEGABYTE, 8 * MEGABYTE, 8 * MEGABYTE) == [[0], [1], [2]]


@pytest.mark.anyio
async def test_a_turn_has_as_many_as_it_may_write() -> None:
    """To the byte."""
    half = AT_ONCE // 2
    assert await written(half, half, half, half + 1, half, half) == [[0], [1, 2], [3], [4, 5]]


@pytest.mark.anyio
async def test_after_all_are_written_the_next_one_is_at_once() -> None:
    """The turn is free again."""
    turns, loop, seen = Turns(), asyncio.get_running_loop(), list[str]()
    turns.take(loop, MEGABYTE, noting(seen, "first"))
    await asyncio.sleep(0)
    turns.take(loop, MEGABYTE, noting(seen, "second"))
    assert seen == ["first", "second"]


@pytest.mark.anyio
async def test_one_that_raises_holds_up_no_other() -> None:
    """What it raises is the loop's to report."""
    turns, loop = Turns(), asyncio.get_running_loop()
    seen, told = list[str](), list[Any]()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))

    def fail() -> bool:
        raise RuntimeError

    for write in (noting(seen, "one"), fail, noting(seen, "two")):
        turns.take(loop, MEGABYTE, write)
    for _ in range(4):
        await asyncio.sleep(0)
    assert seen == ["one", "two"]
    assert [type(error) for error in told] == [RuntimeError]


@pytest.mark.anyio
async def test_a_turn_goes_on_at_once_where_a_client_has_left() -> None:
    """Those that have left take nothing of the time of a turn."""
    turns, loop, seen = Turns(), asyncio.get_running_loop(), list[str]()
    turns.take(loop, 8 * MEGABYTE, noting(seen, "first"))
    for number in range(3):
        turns.take(loop, 8 * MEGABYTE, noting(seen, f"left {number}", is_there=False))
    turns.take(loop, 8 * MEGABYTE, noting(seen, "second"))
    turns.take(loop, 8 * MEGABYTE, noting(seen, "third"))
    await asyncio.sleep(0)
    assert seen == ["first", "left 0", "left 1", "left 2", "second"]
    await asyncio.sleep(0)
    assert seen[-1] == "third"


class Handler:
    """An endpoint whose answers come when a test says so; *told* are the ends of its requests."""

    plan = SimpleNamespace(key="GET /long")

    def __init__(self) -> None:
        self.waiting: list[Callable[[Answer, None], None]] = []
        self.told: list[str] = []

    def open(self, method: str, path: str, query: bytes, headers: Any, segments: Any, now: float, sent_path: bytes,
             peer: str, *_: Any) -> Any:  # fmt: skip
        return Exchange(method, path, query, headers, peer=peer, id=peer)

    def begin(self, exchange: Any, loop: Any, answered: Callable[[Answer, None], None]) -> Any:
        self.waiting.append(answered)
        return SimpleNamespace(cancel=lambda: self.told.append(f"{exchange.id} cancelled"))

    def after(self, exchange: Any, answer: Answer, run: None, size: int) -> None:
        self.told.append(f"{exchange.id} got {size}")

    def gone(self, exchange: Any) -> None:
        self.told.append(f"{exchange.id} left")


class Generation:
    """The plan as it is served, with requests *in_flight*."""

    load = None

    def __init__(self) -> None:
        self.in_flight = 0

    def leave(self) -> None:
        self.in_flight -= 1


class Client:
    """A connection, and what was written to it."""

    tls_client, scheme = None, "http"
    server_state = SimpleNamespace(default_headers=[])

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.loop = asyncio.get_running_loop()
        self.transport = self
        self.got = b""
        self.is_complete = False

    def write(self, data: bytes) -> None:
        self.got += data

    def writelines(self, pieces: list[bytes]) -> None:
        self.got += b"".join(pieces)

    def close_gently(self) -> None:
        raise AssertionError

    def on_response_complete(self) -> None:
        self.is_complete = True


@pytest.mark.anyio
async def test_a_client_may_leave_while_its_answer_waits_for_its_turn() -> None:
    """Nothing of it is written and nothing stays in flight; the others get theirs whole, and no turn is lost."""
    turns, handler, generation = Turns(), Handler(), Generation()
    found = Found(cast("Any", generation), cast("Any", handler), [], b"/long", b"")
    clients = [Client(turns) for _ in range(4)]
    cycles = [DirectCycle(cast("Connection", client), found, keep_alive=True) for client in clients]
    for number, cycle in enumerate(cycles):
        cycle.begin("GET", cast("HeaderList", []), f"client-{number}")
    body = b"x" * (2 * MEGABYTE)
    for answered in handler.waiting:
        answered(Answer(200, [], body), None)
    assert [len(client.got) > len(body) for client in clients] == [True, False, False, False]
    for cycle in cycles[1:3]:
        cycle.disconnected = True
        cycle.message_event.set()
    assert generation.in_flight == 1
    await asyncio.sleep(0)
    assert generation.in_flight == 0
    assert [client.got[-len(body) :] == body for client in clients] == [True, False, False, True]
    assert [client.got for client in clients[1:3]] == [b"", b""]
    assert [client.is_complete for client in clients] == [True, False, False, True]
    assert sorted(handler.told) == [
        f"client-0 got {len(body)}", "client-1 cancelled", "client-1 left", "client-2 cancelled", "client-2 left",
        f"client-3 got {len(body)}",
    ]  # fmt: skip
