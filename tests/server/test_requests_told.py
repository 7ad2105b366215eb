"""Each request that ends is told to who listens, whatever the log is told of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from aggregator.causes import Cause, State
from aggregator.errors import CallError
from aggregator.exchange import Exchange
from aggregator.parts.events import Listeners, RequestEnded, Visitors
from aggregator.parts.result import Result
from aggregator.plan.telemetry import LogPlan
from aggregator.runtime.reporting import Report
from aggregator.runtime.request_log import RequestLog
from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.telemetry.traces.trace import Trace

TEXT = """\
version: 1
telemetry: {log: {access: none}}
upstreams: {up: {url: "http://up.test"}}
endpoints:
  GET /good: {call: "up:/good"}
  GET /bad: {call: "up:/bad"}
  GET /partial: {fan_out: {a: "up:/good", b: {url: "up:/bad", optional: true}}}
"""


def answer(request: httpx.Request) -> httpx.Response:
    """Answer good or bad, as the path says."""
    return httpx.Response(500 if request.url.path == "/bad" else 200, json=1)


def told_of(path: Path, *targets: str) -> list[RequestEnded]:
    """Return what is told of requests to *targets*."""
    (path / "routes.yaml").write_text(TEXT)
    told: list[RequestEnded] = []
    listeners = Listeners(requests=(told.append,))
    app = application(PlanFiles(path / "routes.yaml"), httpx.MockTransport(answer), listeners)

    async def main() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
        ):
            for target in targets:
                await client.get(target, headers={"x-request-id": "id-1"})

    asyncio.run(main())
    return told


def test_answers_are_told_though_the_log_is_off(tmp_path):
    """Status, cause and whether parts were missing; the times are in order."""
    told = told_of(tmp_path, "/good", "/bad", "/partial")
    assert [(event.endpoint, event.how, event.status, event.cause, event.is_partial) for event in told] == [
        ("GET /good", "answered", 200, None, False),
        ("GET /bad", "answered", 502, Cause.STATUS, False),
        ("GET /partial", "answered", 200, None, True),
    ]
    assert {(event.request, event.method) for event in told} == {("id-1", "GET")}
    assert told[0].size == 1
    assert told[1].size > 100, "a problem document"
    assert all(event.started <= event.ended for event in told)


def test_a_client_that_hung_up_and_an_answer_that_broke_are_told_once():
    """Each is one event, also where we cut the client off."""
    told: list[RequestEnded] = []
    report, exchange = Report(Listeners(requests=(told.append,))), Exchange("GET", "/", b"", [])

    async def main() -> None:
        report.gone("GET /x", exchange)
        report.gone("GET /x", exchange, "It took nothing.")
        report.broken("GET /x", exchange, 200, CallError(Cause.INCOMPLETE, "The upstream stopped."), 512)

    asyncio.run(main())
    assert [(event.how, event.status, event.cause, event.size) for event in told] == [
        ("gone", 499, None, 0), ("broke", 499, None, 0), ("broke", 200, Cause.INCOMPLETE, 512),
    ]  # fmt: skip


@pytest.mark.parametrize(("which", "off"), [("none", True), ("errors", False), ("all", False)])
def test_where_nobody_listens_nothing_is_told(which, off):
    """A log that is off is no listener, and a report without listeners is not even asked."""
    log = RequestLog(LogPlan(which)).listeners
    assert Report(log).is_off is off
    assert not Report(log.beside(Listeners(requests=(lambda event: None,)))).is_off


def test_troubles_are_told_to_who_hears_only_of_them():
    """What went well builds no event for them; failures, partial answers and hang-ups do."""
    told: list[RequestEnded] = []
    report, exchange = Report(Listeners(troubles=(told.append,))), Exchange("GET", "/", b"", [])
    partial = (Result("a", 0.0, 0.0, state=State.DEFAULT),)

    async def main() -> None:
        for status, parts in ((200, ()), (404, ()), (503, ()), (200, partial)):
            report.answered("GET /x", exchange, status, parts)
        report.gone("GET /x", exchange)
        report.refused(exchange, 404, "There is no such path.")

    asyncio.run(main())
    assert [(event.how, event.status, event.is_partial) for event in told] == [
        ("answered", 503, False), ("answered", 200, True), ("gone", 499, False),
    ]  # fmt: skip


class Counting:
    """Hears of good answers without an event, wants that of a 404 too, and cannot stand those of 13 bytes."""

    def __init__(self) -> None:
        self.good: list[tuple[str, int, int]] = []
        self.others: list[tuple[str, int]] = []

    def answered(self, endpoint, exchange, status, parts, seconds, size, smooth):
        if size == 13:
            raise ValueError("thirteen")
        self.good.append((endpoint, status, size))
        return status == 404

    def __call__(self, event: RequestEnded) -> None:
        self.others.append((event.how, event.status))


def test_visitors_hear_of_what_they_came_for():
    """One who is content with bad ends has no event built of a good answer, one who counts hears of it without; none stay."""
    visitors, content, counting, exchange = Visitors(), [], Counting(), Exchange("GET", "/", b"", [])
    report = Report(Listeners(visitors=visitors))

    async def main() -> None:
        visitors.join(content.append, is_content=True)
        visitors.join_counting(counting)
        for status in (200, 503):
            report.answered("GET /x", exchange, status, ())
        visitors.leave(content.append)
        visitors.leave(counting)
        report.answered("GET /x", exchange, 503, ())

    asyncio.run(main())
    assert [event.status for event in content] == [503]
    assert (counting.good, counting.others) == ([("GET /x", 200, 0)], [("answered", 503)])
    assert report.is_off


def test_where_only_traces_are_told_nothing_is_asked_of_others():
    """A request whose trace nobody follows, as most are, does not come to the report at all."""
    report = Report(Listeners(traced=(lambda event: None,)))
    assert (report.hears, report.traces, report.is_off) == (False, True, False)


def test_good_answers_are_told_without_an_event(caplog):
    """All else is an event for the same listener, and what it asks for; one that raises loses the answer, and harms no other."""
    one, other, exchange = Counting(), Counting(), Exchange("GET", "/", b"", [])
    report = Report(Listeners(answers=(one,)).beside(Listeners(answers=(other,))))
    partial = (Result("a", 0.0, 0.0, state=State.DEFAULT),)

    async def main() -> None:
        for status, parts in ((200, ()), (404, ()), (503, ()), (200, partial)):
            report.answered("GET /x", exchange, status, parts, size=7)
        report.answered("GET /x", exchange, 200, (), size=13)
        report.gone("GET /x", exchange)
        report.refused(exchange, 404, "There is no such path.")

    asyncio.run(main())
    assert one.good == other.good == [("GET /x", 200, 7), ("GET /x", 404, 7)]
    met = [("answered", 503), ("answered", 200), ("gone", 499), ("answered", 404)]
    assert one.others == [("answered", 404), *met]  # the first was asked for
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


@pytest.mark.parametrize(("seconds", "status", "heard"), [(0.9, 200, 0), (1.0, 200, 1), (1.0, 503, 0)])
def test_late_answers_are_told_to_who_asked_for_them(seconds, status, heard):
    """From its seconds on, and those that are good: bad ones are trouble."""
    told: list[RequestEnded] = []
    exchange = Exchange("GET", "/", b"", [])

    async def main() -> None:
        loop = asyncio.get_running_loop()
        now = float(int(loop.time()))  # so that the difference is exact
        loop.time = lambda: now  # type: ignore[method-assign]
        exchange.started = now - seconds
        Report(Listeners(late=((told.append, 1.0),))).answered("GET /x", exchange, status, ())
        del loop.time

    asyncio.run(main())
    assert len(told) == heard


@pytest.mark.parametrize("is_told", [True, False])
def test_requests_are_told_to_a_collector_where_their_trace_is(is_told):
    """However they ended; for the others nothing is built."""
    told: list[RequestEnded] = []
    report, exchange = Report(Listeners(traced=(told.append,))), Exchange("GET", "/", b"", [])
    exchange.trace = Trace("1" * 32, "2" * 16, sampled=is_told, is_told=is_told)

    async def main() -> None:
        report.answered("GET /x", exchange, 200, ())
        report.gone("GET /x", exchange)

    asyncio.run(main())
    assert [event.how for event in told] == (["answered", "gone"] if is_told else [])
