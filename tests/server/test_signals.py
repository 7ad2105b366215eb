"""Signals as calls on the loop, and the odd corners of a connection that need no socket."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from aggregator.server.connection.timeouts import TimedProtocol
from aggregator.server.process.signals import requests_ignored, signals_calling


def test_a_signal_becomes_a_call_on_the_loop():
    """The handler runs as a callback of the loop; afterwards what was there before is back."""
    before = signal.getsignal(signal.SIGUSR1)

    async def main():
        heard = asyncio.Event()
        with signals_calling({signal.SIGUSR1: heard.set}):
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.wait_for(heard.wait(), 30)

    asyncio.run(main())
    assert signal.getsignal(signal.SIGUSR1) == before


def test_a_reload_that_is_asked_for_too_early_ends_nothing():
    """While the server starts, SIGHUP is lost rather than the process; other threads change nothing."""
    before = signal.getsignal(signal.SIGHUP)
    with requests_ignored():
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) == before
    seen = []

    @requests_ignored()
    def elsewhere():
        seen.append(signal.getsignal(signal.SIGHUP))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]


def test_other_threads_get_no_signals():
    """Outside the main thread nothing is installed, and nothing fails."""
    before = signal.getsignal(signal.SIGUSR1)
    seen = []

    async def main():
        with signals_calling({signal.SIGUSR1: lambda: None}):
            seen.append(signal.getsignal(signal.SIGUSR1))

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    thread.join()
    assert seen == [before]


def test_what_is_said_of_a_slow_head_is_for_the_protocol_to_decide():
    """The base knows times, not words."""
    with pytest.raises(NotImplementedError):
        TimedProtocol.head_took_too_long(object())


def test_a_process_that_stood_still_hears_a_second_signal(monkeypatch, caplog):
    """Time that passes for all of it leaves its loop no less of it: it is not taken for one that is blocked."""
    now = itertools.count(0.0, 10.0)
    clock = SimpleNamespace(monotonic=lambda: next(now), sleep=time.sleep)
    monkeypatch.setattr("aggregator.server.process.signals.time", clock)
    codes, heard = [], asyncio.Semaphore(0)

    async def main():
        with signals_calling({signal.SIGTERM: heard.release}, codes.append):
            os.kill(os.getpid(), signal.SIGTERM)
            await heard.acquire()
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)  # noqa: ASYNC251 - the thread that waits for the loop looks first
            await heard.acquire()

    asyncio.run(main())
    assert (codes, caplog.records) == ([], [])


def test_a_loop_that_does_not_hear_that_it_is_to_stop_is_told_of(monkeypatch, caplog):
    """Nobody may send a second signal: what stands there is named after the first."""
    monkeypatch.setattr("aggregator.server.process.signals._TO_STOP", 0.0)
    told = threading.Event()
    caplog.handler.addFilter(lambda _: told.set() or True)

    async def blocks():
        with signals_calling({signal.SIGTERM: lambda: None}):
            os.kill(os.getpid(), signal.SIGTERM)
            assert told.wait(30)

    asyncio.run(blocks())
    (record,) = caplog.records
    assert record.getMessage().startswith("The event loop is blocked; a second signal ends the process.")
    assert "in blocks" in record.fields["where"]
