"""The threads for long bodies: few, with a bounded number of bodies that wait, and none that is waited for too long."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aggregator.edge.coding import coder
from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.runtime import coding
from aggregator.runtime.answers import compressing
from aggregator.runtime.coding import aside, read_aside
from aggregator.runtime.request.decoding import aside_or_refused
from aggregator.runtime.request.inputs import Refusal
from aggregator.runtime.threads import Threads


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch):
    """Yield the event that ends what the only thread does; nothing may wait for it."""
    freed = threading.Event()
    threads = Threads(1, name="coding", waiting=1)
    monkeypatch.setattr(coding, "CODING", threads)
    yield freed
    freed.set()
    threads.close()


async def outcomes_of(*works: Callable[[], Any], deadline: float) -> list[Any]:
    """Return what *works* came to, until *deadline* seconds are over."""
    loop = asyncio.get_running_loop()
    told = [loop.create_future() for _ in works]
    for work, future in zip(works, told, strict=True):
        read_aside(loop, work, future.set_result, loop.time() + deadline)
    return await asyncio.gather(*told)


def test_reading_ends_with_the_time_of_its_call(run, stuck):
    """Whoever waits is told when the time is over, though the thread goes on."""
    [(value, error)] = run(outcomes_of(stuck.wait, deadline=0.02))
    assert value is None
    assert isinstance(error, CallError)
    assert error.cause is Cause.DEADLINE


def test_what_waits_for_threads_is_bounded(run, stuck):
    """One more is refused at once, as a full queue is."""
    errors = [error for _, error in run(outcomes_of(stuck.wait, stuck.wait, stuck.wait, stuck.wait, deadline=0.1))]
    causes = [error.cause for error in errors]
    assert causes.count(Cause.QUEUE_FULL) in (2, 3)
    assert set(causes) == {Cause.QUEUE_FULL, Cause.DEADLINE}


def test_what_is_given_up_tells_nobody(run, stuck):
    """A call that is cancelled while its body is read has no end."""

    async def main() -> list[Any]:

        loop, found = asyncio.get_running_loop(), []
        reading = read_aside(loop, stuck.wait, found.append, loop.time() + 0.01)
        assert reading is not None
        reading.cancel()
        stuck.set()
        await asyncio.sleep(0.03)
        return found

    assert run(main()) == []


def test_a_fault_while_reading_is_no_traceback_of_the_client(run, caplog):
    """It is a fault of the program, and the log has it."""

    async def main() -> CallError:
        with pytest.raises(CallError) as caught:
            await aside(lambda: 1 / 0)
        return caught.value

    assert run(main()).cause is Cause.FAULT
    assert "by a fault of the program" in caplog.text


@pytest.mark.parametrize(("size", "threads"), [(1, 0), (64 * 1024 - 1, 0), (64 * 1024, 1)])
def test_a_long_piece_of_a_stream_is_coded_in_a_thread(run, monkeypatch, size, threads):
    """And a short one where it comes; what is read of either is the same."""
    went: list[Callable[[], Any]] = []

    async def noting(work: Callable[[], Any]) -> Any:
        went.append(work)
        return await aside(work)

    monkeypatch.setattr(compressing, "aside", noting)
    coding = compressing.StreamCoder(coder("gzip"), flushes=True)
    coded = run(coding.feed(b"x" * size)) + coding.finish()
    assert (gzip.decompress(coded), len(went)) == (b"x" * size, threads)


def test_a_body_of_a_client_is_refused_while_too_many_wait(run, stuck):
    """503, with when to come again; those that are being read, or wait for that, go on."""

    async def main() -> list[Any]:
        exchange = Exchange("POST", "/", b"", [])
        waiting = [asyncio.ensure_future(aside_or_refused(stuck.wait, exchange)) for _ in range(4)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        stuck.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    found = run(main())
    refusals = [one for one in found if isinstance(one, Refusal)]
    assert {(one.status, one.headers) for one in refusals} == {(503, ((b"retry-after", b"1"),))}
    assert found.count(True) == 4 - len(refusals)
    assert 1 <= found.count(True) <= 2
