"""The queue of background calls: every call that is taken is made, or counted as something else."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref

import pytest

from aggregator.errors import CallError, Cause
from aggregator.exchange import Exchange
from aggregator.parts.events import EffectEnded
from aggregator.parts.names import Names
from aggregator.parts.result import Result, failed
from aggregator.plan.serving import BackgroundPlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.background import effects
from aggregator.runtime.background.effects import Effect, EffectQueue
from aggregator.templates import compile_expression


class Part:
    """A call that ends when it is told to; *started* counts, *cancelled* too."""

    name = "part"

    def __init__(self) -> None:
        self.done: list[object] = []
        self.cancelled = 0
        self.at_once = True
        self.fault = False

    @property
    def started(self) -> int:
        return len(self.done)

    def start(self, frame, done):
        if self.fault:
            raise RuntimeError("a fault")
        self.done.append(done)
        if self.at_once:
            done(Result("part", 0.0, 0.0))
        return self

    def cancel(self) -> None:
        self.cancelled += 1


def effect(part: Part, when: str | None = None) -> Effect:
    """Return a background call."""
    return Effect("told", part, None if when is None else compile_expression(when), 5.0)


def put(queue: EffectQueue, *wanted: Effect, body: bytes = b"") -> None:
    """Queue the calls of one request."""
    queue.put(wanted, Names(Exchange("GET", "/", b"", [])), Answer(200, [], body))


async def turns(number: int = 5) -> None:
    """Let the loop go round."""
    for _ in range(number):
        await asyncio.sleep(0)


def test_a_call_that_comes_while_the_last_worker_ends_is_made(run):
    """There is no moment in which a call is stranded until the next one comes."""

    async def main():
        queue, part = EffectQueue(BackgroundPlan(workers=1)), Part()
        put(queue, effect(part))
        for number in range(1, 20):
            while part.started < number:  # noqa: ASYNC110 - turns of the loop are what is tested
                await asyncio.sleep(0)
            for _ in range(number % 4):
                await asyncio.sleep(0)
            put(queue, effect(part))
        assert await queue.drain(30) == 0
        return queue.counts

    counts = run(main())
    assert (counts.queued, counts.done) == (20, 20)


def test_no_more_than_the_workers_at_once(run):
    """Others wait, in order; fewer workers after a reload take effect."""

    async def main():
        queue, part = EffectQueue(BackgroundPlan(workers=2)), Part()
        part.at_once = False
        for _ in range(5):
            put(queue, effect(part))
        await turns()
        assert (part.started, queue.running, queue.depth) == (2, 2, 3)
        queue.configure(BackgroundPlan(workers=1))
        for done in part.done[:2]:
            done(Result("part", 0.0, 0.0))
        await turns()
        assert queue.running == 1
        await queue.drain(0)
        return queue.counts

    counts = run(main())
    assert (counts.done, counts.lost) == (2, 3)


def test_the_queue_is_bounded_in_bytes(run, monkeypatch):
    """Few calls with large bodies are a full queue as well."""
    monkeypatch.setattr(effects, "MOST_HELD", 1000)

    async def main():
        queue, part = EffectQueue(BackgroundPlan(workers=1, queue=100)), Part()
        part.at_once = False
        for _ in range(5):
            put(queue, effect(part), body=b"x" * 400)
        assert (queue.depth, queue.counts.dropped) == (2, 3)
        await queue.drain(0)

    run(main())


def test_a_call_larger_than_the_queue_is_dropped(run, monkeypatch):
    """With `drop_old` too: dropping others would not make room for it."""
    monkeypatch.setattr(effects, "MOST_HELD", 1000)

    async def main():
        queue, part = EffectQueue(BackgroundPlan(workers=1, when_full="drop_old")), Part()
        put(queue, effect(part), body=b"x" * 2000)
        put(queue, effect(part))
        await turns()
        return queue.counts

    counts = run(main())
    assert (counts.dropped, counts.done) == (1, 1)


def test_a_fault_does_not_take_the_worker_along(run, caplog):
    """What should never happen is counted and logged, and the next call is made."""

    async def main():
        queue, broken, fine = EffectQueue(BackgroundPlan(workers=1)), Part(), Part()
        broken.fault = True
        put(queue, effect(broken), effect(fine))
        await turns(10)
        return queue.counts, fine.started

    counts, started = run(main())
    assert (counts.failed, counts.done, started) == (1, 1, 1)
    assert "fault of the program" in caplog.text
    (record,) = [one for one in caplog.records if "fault of the program" in one.getMessage()]
    told = str(vars(record))
    assert re.search(r"(\w+Error|Exception) in [\w.]+, \w+\.py:\d+", told), "its kind and its place"


def test_a_failure_is_counted_with_its_cause(run, caplog):
    """The log has cause and reason."""

    async def main():
        queue, part = EffectQueue(BackgroundPlan()), Part()
        part.at_once = False
        put(queue, effect(part))
        await turns()
        part.done[0](failed("part", CallError(Cause.REFUSED, "The upstream refused the connection."), 0.0, 0.0))
        part.done[0](Result("part", 0.0, 0.0))
        await turns()
        return queue.counts

    assert run(main()).failures == {"told": 1}
    assert caplog.records[0].fields["cause"] == "refused"


@pytest.mark.parametrize(("when", "made"), [("response.status < 300", 1), ("response.status > 300", 0)])
def test_conditions_see_the_answer(run, when, made):
    """A call whose condition does not hold is skipped."""

    async def main():
        queue, part = EffectQueue(BackgroundPlan()), Part()
        put(queue, effect(part, when))
        await turns()
        return part.started, queue.counts.skipped

    assert run(main()) == (made, 1 - made)


def test_draining_gives_up_what_takes_too_long(run):
    """Calls under way are cancelled, those that wait are forgotten; all are counted as lost."""

    async def main():
        queue, part = EffectQueue(BackgroundPlan(workers=2)), Part()
        part.at_once = False
        for _ in range(3):
            put(queue, effect(part))
        await turns()
        lost = await queue.drain(0.01)
        await turns()
        return lost, part.cancelled, queue.depth, queue.running

    assert run(main()) == (3, 2, 0, 0)


def test_settled_waits_for_what_was_there_before(run):
    """Later calls do not prolong it."""

    async def main():
        queue, part = EffectQueue(BackgroundPlan(workers=4)), Part()
        part.at_once = False
        put(queue, effect(part))
        settled = asyncio.ensure_future(queue.settled())
        await turns()
        put(queue, effect(part))
        await turns()
        assert not settled.done()
        part.done[0](Result("part", 0.0, 0.0))
        await asyncio.wait_for(settled, 30)
        assert part.started == 2
        await queue.drain(0)

    run(main())


def test_a_call_that_was_made_keeps_nothing_alive(run):
    """Request and answer are freed when their last call has ended."""

    async def main():
        class Watched(Exchange, weakref=True):
            """A request that tells when it is freed."""

        queue, part = EffectQueue(BackgroundPlan()), Part()
        exchange = Watched("GET", "/", b"", [])
        found = weakref.ref(exchange)
        queue.put((effect(part),), Names(exchange), Answer(200, [], b""))
        del exchange
        await turns(10)
        part.done.clear()
        gc.collect()
        return found()

    assert run(main()) is None


def test_every_end_is_told_once(run) -> None:
    """Calls that were done, failed, skipped, dropped and lost are an event each."""
    told: list[EffectEnded] = []

    async def main() -> None:
        queue = EffectQueue(BackgroundPlan(workers=1, queue=3), (told.append,))
        fine, broken, hanging = Part(), Part(), Part()
        broken.fault, hanging.at_once = True, False
        put(queue, effect(fine), effect(fine, "false"), effect(broken), effect(fine))
        await turns(10)
        put(queue, effect(hanging), effect(fine))
        await turns()
        await queue.drain(0)

    run(main())
    assert [event.how for event in told] == ["dropped", "done", "skipped", "failed", "lost", "lost"]
    assert {event.name for event in told} == {"told"}
    assert [bool(event.fault) for event in told].index(True) == 3
