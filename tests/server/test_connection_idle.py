"""What a client connection keeps, and when one that nobody asks anything on is closed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from aggregator.server.connection.direct import DirectDoor
from aggregator.server.connection.guard import guarded_protocol
from aggregator.server.limiting.peers import Peers

KEPT = 75.0


class Loop:
    """A loop whose time and timers the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Any]] = []
        self.made = 0

    def time(self) -> float:
        """Return the time that the test says."""
        return self.now

    def call_later(self, delay: float, call: Any) -> SimpleNamespace:
        """Keep *call* for when it is due."""
        self.made += 1
        timer = (self.now + delay, call)
        self.timers.append(timer)
        return SimpleNamespace(cancel=lambda: self.timers.remove(timer))

    def pass_time(self, until: float) -> None:
        """Let time go on, calling what is due."""
        while self.timers and (due := min(self.timers, key=lambda timer: timer[0]))[0] <= until:
            self.timers.remove(due)
            self.now = due[0]
            due[1]()
        self.now = until


@pytest.fixture
def loop() -> Loop:
    """Return a loop that only the test moves."""
    return Loop()


@pytest.fixture
def connection(loop: Loop) -> Any:
    """Return a protocol with a connection that only knows whether it was closed."""
    config = uvicorn.Config(lambda: None, factory=False, log_config=None, timeout_keep_alive=int(KEPT))
    made = guarded_protocol(10.0, DirectDoor(lambda: None), Peers(), *(lambda *_: None for _ in range(3)))(
        config, ServerState(), {}, _loop=loop
    )
    closed: list[float] = []
    made.connection_made(SimpleNamespace(
        closed=closed, is_closing=lambda: bool(closed), close=lambda: closed.append(loop.now),
        get_extra_info=lambda _: None, get_write_buffer_size=lambda: 0,
    ))  # fmt: skip
    made.stop_timer()
    made._parser = SimpleNamespace(feed_data=lambda _: None)
    return made


def test_a_connection_that_is_idle_for_long_enough_is_closed(loop: Loop, connection: Any) -> None:
    """The time counts from the end of the last answer."""
    for moment in (0.0, 10.0, 60.0):
        loop.pass_time(moment)
        connection.data_received(b"GET / HTTP/1.1\r\n")
        connection.on_response_complete()
    loop.pass_time(60 + KEPT - 1)
    assert connection.transport.closed == []
    loop.pass_time(1000)
    assert connection.transport.closed == [60 + KEPT]
    assert loop.timers == []


def test_a_busy_connection_makes_no_timer_for_each_request(loop: Loop, connection: Any) -> None:
    """One timer looks, from time to time, whether the connection has been idle."""
    for number in range(1000):
        loop.pass_time(number / 10)
        connection.data_received(b"GET / HTTP/1.1\r\n")
        connection.on_response_complete()
    assert loop.made <= 3


def test_a_request_that_takes_longer_is_not_cut_off(loop: Loop, connection: Any) -> None:
    """While something is asked a connection is not idle; afterwards it has its time again."""
    connection.on_response_complete()
    loop.pass_time(KEPT - 1)
    connection.data_received(b"GET / HTTP/1.1\r\n")
    loop.pass_time(10 * KEPT)
    assert connection.transport.closed == []
    connection.on_response_complete()
    loop.pass_time(20 * KEPT)
    assert connection.transport.closed == [11 * KEPT]


def test_a_connection_that_closes_leaves_no_timer(loop: Loop, connection: Any) -> None:
    """A timer would hold the connection in memory."""
    connection.on_response_complete()
    connection.connection_lost(None)
    assert loop.timers == []


def test_what_a_connection_keeps_lies_in_slots(connection: Any) -> None:
    """A dictionary of so many names is large, and read in each request."""
    assert not hasattr(connection, "__dict__")
