"""Threads for functions of users: bounded in number, reused, and no reason to stay alive."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace

import pytest

from aggregator.errors import CallError, Cause
from aggregator.parts.result import Result
from aggregator.runtime import coding
from aggregator.runtime.plugins.functions import Plugins, Transformed
from aggregator.runtime.threads import Threads, Work

NAME: ContextVar[str] = ContextVar("name")


def test_a_function_runs_elsewhere_and_gives_its_result(run):
    """The result comes with no error; the thread is a daemon with a name."""

    def double(number):
        thread = threading.current_thread()
        return number * 2, thread.daemon, thread.name

    assert run(Threads(2).run(double, 4)) == ((8, True, "plugin-1"), None)


def test_what_is_raised_is_given(run):
    """Even what a future refuses, and what would stop an event loop."""

    def fail(kind):
        raise kind

    async def main():
        return [(await threads.run(fail, kind))[1] for kind in (KeyError, StopIteration, SystemExit, KeyboardInterrupt)]

    threads = Threads(1)
    assert [type(error) for error in run(main())] == [KeyError, StopIteration, SystemExit, KeyboardInterrupt]


def test_a_function_sees_the_context_of_its_caller(run):
    """Context variables are those of the request."""

    async def main():
        NAME.set("ada")
        return await Threads(1).run(lambda _: NAME.get(), None)

    assert run(main()) == ("ada", None)


def test_threads_are_few_and_used_again(run):
    """One after another needs one thread; many at once need as many as are allowed."""

    def meet(others):
        others.wait()
        return threading.current_thread().name

    async def main():
        threads, names = Threads(3), set()
        for _ in range(10):
            names.add((await threads.run(lambda _: threading.current_thread().name, None))[0])
        all_there = threading.Barrier(3, timeout=30)
        busy = [threads.run(meet, all_there) for _ in range(12)]
        return names, {name for name, _ in await asyncio.gather(*busy)}

    one, many = run(main())
    assert len(one) == 1
    assert len(many) == 3


def test_the_loop_waits_for_the_start_of_one_thread(run, monkeypatch):
    """Of a burst of jobs the first one has a thread started; that one starts the next, while the loop goes on."""
    started, all_asked = [], threading.Event()
    begin = threading.Thread.start

    def start(thread):
        started.append((threading.current_thread() is threading.main_thread(), thread.name))
        work = thread.run
        thread.run = lambda: all_asked.wait(30) and work()
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)

    async def main():
        threads, all_there = Threads(3), threading.Barrier(3, timeout=30)
        busy = [asyncio.ensure_future(threads.run(lambda _: all_there.wait() >= 0, None)) for _ in range(3)]
        await asyncio.sleep(0)
        all_asked.set()
        return await asyncio.gather(*busy)

    assert run(main()) == [(True, None)] * 3
    assert started == [(True, "plugin-1"), (False, "plugin-2"), (False, "plugin-3")]


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_a_system_without_threads_left(run, monkeypatch, allowed):
    """Those that there are do all jobs; without any a job is refused at once, and a later one has a thread again."""
    begin = threading.Thread.start

    def start(thread):
        if thread.name.startswith("plugin-") and int(thread.name[-1]) > allowed:
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)

    async def main():
        threads = Threads(3)
        found = await asyncio.gather(*(threads.run(abs, -number) for number in range(5)), return_exceptions=True)
        monkeypatch.undo()
        return [each if isinstance(each, tuple) else str(each) for each in found], await threads.run(abs, -7)

    refused = ["The system has no thread left."] * 5
    assert run(main()) == ([(number, None) for number in range(5)] if allowed else refused, (7, None))


def test_threads_come_when_the_system_has_some_again(run, monkeypatch):
    """Jobs that waited while it had none do not stand for threads that are free afterwards."""
    begin = threading.Thread.start

    def start(thread):
        if thread.name == "plugin-1":
            return begin(thread)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)

    async def main():
        threads, all_there = Threads(3), threading.Barrier(3, timeout=30)
        await asyncio.gather(*(threads.run(abs, -number) for number in range(5)))
        monkeypatch.undo()
        return await asyncio.gather(*(threads.run(lambda _: all_there.wait() >= 0, None) for _ in range(3)))

    assert run(main()) == [(True, None)] * 3


def test_each_job_that_waits_for_a_thread_is_told(run):
    """In a second burst as in the first one."""
    told = []

    async def burst(threads):
        go_on = threading.Event()
        jobs = [asyncio.ensure_future(threads.run(lambda _: go_on.wait(30), None)) for _ in range(5)]
        await asyncio.sleep(0)
        told.append(len(full))
        go_on.set()
        await asyncio.gather(*jobs)

    async def main():
        threads = Threads(3, lambda: full.append(1))
        for _ in range(3):
            await burst(threads)

    full = []
    run(main())
    assert told == [2, 4, 6]


def test_a_function_for_which_the_system_has_no_thread(run, monkeypatch):
    """It fails as what finds no room, and names the function."""

    def start(thread):
        raise RuntimeError("can't start new thread")

    async def main():
        function = Plugins().function("operator:neg")
        monkeypatch.setattr(threading.Thread, "start", start)
        await function(4)

    with pytest.raises(CallError, match=r"^The system has no thread for the function 'operator:neg'\.$") as raised:
        run(main())
    assert raised.value.cause is Cause.QUEUE_FULL


def test_what_was_given_up_before_it_began_never_runs(run):
    """A request that ended while its function waited for a thread has no effect any more."""
    ran = []

    async def main():
        threads, gate = Threads(1), threading.Event()
        first = asyncio.ensure_future(threads.run(lambda _: gate.wait(30), None))
        second = asyncio.ensure_future(threads.run(ran.append, 1))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)  # only then it is known to be given up
        gate.set()
        await first
        await threads.run(lambda _: None, None)

    run(main())
    assert ran == []


@pytest.mark.parametrize(
    ("others", "detail"),
    [(0, "A function of a plug-in took too long."), (1, "A function of a plug-in waited too long for a thread.")],
)
def test_who_waited_for_a_thread_is_told_from_who_was_slow(run, others, detail):
    """The client of a function that never had a thread is not told that the function took too long."""

    async def main():
        loop, threads = asyncio.get_running_loop(), Threads(1)
        gate, begun, ended = threading.Event(), threading.Event(), loop.create_future()

        def hold(_):
            begun.set()
            gate.wait(30)

        async def function(value):
            return await threads.run(hold, value)

        held = [asyncio.ensure_future(function(None)) for _ in range(others)]
        await asyncio.sleep(0)
        inner = SimpleNamespace(name="call", start=lambda _, done: done(Result("call", 0.0, 0.0)))
        Transformed(inner, function).start(SimpleNamespace(loop=loop, deadline=0.0), ended.set_result)
        loop.call_soon(begun.wait, 30)  # before the deadline, which is over, is heard of
        result = await ended
        gate.set()
        await asyncio.gather(*held)
        return str(result.error)

    assert run(main()) == detail


@pytest.mark.parametrize(
    ("busy", "detail"),
    [
        ("before", "The time was over before the body was read."),
        ("function", "A function of a plug-in waited too long for a thread."),
        ("slow", "A function of a plug-in took too long."),
        ("after", "The time was over before the result of a function was written."),
    ],
)
def test_a_deadline_names_what_the_time_of_a_long_body_was_spent_on(run, monkeypatch, busy, detail):
    """A function that was not asked yet, or has ended, is not blamed for bodies that wait for our own threads."""
    bodies, threads = Threads(1, waiting=8), Threads(1)
    monkeypatch.setattr(coding, "CODING", bodies)

    async def main():
        loop, gate, ended = asyncio.get_running_loop(), threading.Event(), asyncio.get_running_loop().create_future()
        stuck, now = asyncio.Event(), loop.time

        def hold(of):
            of.start(partial(gate.wait, 30), lambda _: None)

        async def function(value):
            if busy == "slow":
                stuck.set()
                await asyncio.Event().wait()
            if busy == "after":
                hold(bodies)
            stuck.set()
            return await threads.run(str, value) if busy == "function" else value

        if busy in ("before", "function"):
            hold(bodies if busy == "before" else threads)
            await asyncio.sleep(0)
        long = Result("call", 0.0, 0.0)
        long.json = b'"%s"' % (b"x" * coding.LARGE)
        inner = SimpleNamespace(name="call", start=lambda _, done: done(long))
        Transformed(inner, function).start(SimpleNamespace(loop=loop, deadline=now() + 600.0), ended.set_result)
        if busy != "before":
            await stuck.wait()
        await asyncio.sleep(0)
        loop.time = lambda: now() + 1200.0
        loop.call_soon(lambda: None)
        result = await ended
        gate.set()
        return str(result.error)

    assert run(main()) == detail
    bodies.close()
    threads.close()


def test_a_loop_that_is_gone_is_no_trouble(run):
    """A function that ends after everything else has nobody to tell."""
    gate, ended = threading.Event(), threading.Event()

    async def main():
        asyncio.ensure_future(Threads(1).run(lambda _: gate.wait(30), None))  # noqa: RUF006 - given up on purpose
        await asyncio.sleep(0.01)

    run(main())
    threading.Timer(0.01, ended.set).start()
    gate.set()
    assert ended.wait(30)


def test_closing_ends_the_threads(run):
    """Free threads end; what waits is given up."""

    async def main():
        threads = Threads(4)
        await asyncio.gather(*(threads.run(time.sleep, 0.005) for _ in range(4)))
        threads.close()

    before = threading.active_count()
    run(main())
    until = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.001)
    assert threading.active_count() <= before


def test_a_waiting_thread_keeps_nothing_alive(run):
    """The argument of the last call can be freed."""

    class Thing:
        pass

    async def main():
        threads, thing = Threads(1), Thing()
        found = weakref.ref(thing)
        await threads.run(lambda _: None, thing)
        del thing
        until = time.monotonic() + 30
        while found() is not None and time.monotonic() < until:
            await asyncio.sleep(0.001)
            gc.collect()
        threads.close()
        return found()

    assert run(main()) is None


def test_what_runs_is_known_by_name_and_place(run):
    """As long as a function runs, its name, its age and the line where it stands can be told."""

    async def main():
        threads, gate, began = Threads(1), threading.Event(), threading.Event()

        def held(_):
            began.set()
            gate.wait(30)

        waiting = asyncio.ensure_future(threads.run(held, None, "plugged:held"))
        await asyncio.to_thread(began.wait, 5)
        (work,) = threads.running
        where = work.at.where
        gate.set()
        await waiting
        return work.name, where, threads.running

    name, where, after = run(main())
    assert name == "plugged:held"
    assert where.endswith("in held: gate.wait(30)")
    assert after == []


def test_it_is_told_when_something_waits_for_a_thread(run):
    """With all threads taken, each function that has to wait is told of, and none before."""
    told = []

    async def main():
        threads, gate = Threads(2, lambda: told.append(1)), threading.Event()
        busy = []
        for count in (0, 0, 1, 2):
            busy.append(asyncio.ensure_future(threads.run(lambda _: gate.wait(30), None)))
            await asyncio.sleep(0)
            assert len(told) == count
        gate.set()
        await asyncio.gather(*busy)

    run(main())


def test_all_threads_taken_is_said_once_a_minute(caplog):
    """The line names the functions that took them, and is not repeated for each one that waits."""
    plugins = Plugins()
    plugins._threads._running = {n: Work("plugged:held", n, 0.0) for n in range(3)}
    for _ in range(3):
        plugins._tell_full()
    (record,) = [record for record in caplog.records if "all threads are taken" in record.getMessage()]
    assert record.fields["functions"] == "plugged:held 3"
