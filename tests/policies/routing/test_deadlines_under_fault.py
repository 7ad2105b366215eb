"""What callers say and upstreams are told of deadlines, while callers leave, files change and clocks jump."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from aggregator.edge.networks import parse_networks
from aggregator.exchange import Exchange
from aggregator.runtime.request.deadlines import AskedDeadline

TOLD = "x-request-deadline"
ROUTES = """
server: {deadline_header: x-request-deadline, trusted_proxies: [192.0.2.0/24]}
upstreams:
  up:
    url: "http://up.test"
    timeout: 1h
    forward: {deadline: x-request-deadline}
    retry: {attempts: 2, backoff: 1ms..1ms, on: [503]}
endpoints:
  GET /x: {call: up:/x}
  GET /shared: {call: {url: up:/shared, coalesce: true}}
"""
SILENT = ROUTES.replace("    forward: {deadline: x-request-deadline}\n", "").replace(
    "deadline_header: x-request-deadline, ", ""
)
HOUR = 3600


class Held:
    """An upstream that answers each call when it is let go, by the statuses that it was given, then by 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.told: list[int | None] = []
        self.cancelled = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        said = request.headers.get(TOLD)
        self.told.append(None if said is None else int(said))
        self.asked.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200, json=1)


def waits(milliseconds: int) -> dict[str, dict[str, str]]:
    """Return the options of a request whose caller waits so long."""
    return {"headers": {TOLD: str(milliseconds)}}


def test_a_caller_who_leaves_takes_its_deadline_along(serve):
    """Its call is cancelled, and the next one has the whole time."""
    held = Held()
    api = serve(ROUTES, held)

    async def main():
        asking = asyncio.create_task(api.ask("GET", "/x", **waits(HOUR * 1000 // 2)))
        await held.asked.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        held.go.set()
        return (await api.ask("GET", "/x")).status_code

    assert (api.run(main()), held.cancelled) == (200, 1)
    first, second = held.told
    assert first <= HOUR * 500 < second <= HOUR * 1000


def test_a_leader_who_waits_no_longer_leaves_the_others_theirs(serve, jump):
    """Whoever joined its call has a deadline of its own, and is answered when the upstream has."""
    held = Held()
    api = serve(ROUTES, held)

    async def main():
        leader = asyncio.create_task(api.ask("GET", "/shared", **waits(HOUR * 100)))
        await held.asked.wait()
        other = asyncio.create_task(api.ask("GET", "/shared"))
        await api.ask("GET", "/nowhere")
        jump(HOUR / 2)
        first = await leader
        held.go.set()
        return first.status_code, (await other).status_code

    assert api.run(main()) == (504, 200)
    assert len(held.told) == 1


def test_a_reload_in_the_middle(serve):
    """What began by the old file is told of until it ends; later calls are told of no deadline, and obey none."""
    held = Held(503)
    api = serve(ROUTES, held)

    async def main():
        asking = asyncio.create_task(api.ask("GET", "/x", **waits(HOUR * 500)))
        await held.asked.wait()
        await api.load(SILENT)
        held.go.set()
        return (await asking).status_code, (await api.ask("GET", "/x", **waits(0))).status_code

    assert api.run(main()) == (200, 200)
    first, second, later = held.told
    assert second <= first <= HOUR * 500
    assert later is None


@pytest.mark.parametrize(
    ("seconds", "status", "attempts"), [(2 * HOUR, 502, 1), (-HOUR // 2, 200, 2), (HOUR // 2, 200, 2)]
)
def test_a_clock_that_jumps_between_two_attempts(serve, jump, seconds, status, attempts):
    """Past the deadline nothing more is sent, and the answer that is there counts; back, nobody is told of more time."""
    held = Held(503)
    api = serve(ROUTES, held)

    async def main():
        asking = asyncio.create_task(api.ask("GET", "/x"))
        await held.asked.wait()
        jump(seconds)
        held.go.set()
        return (await asking).status_code

    assert (api.run(main()), len(held.told)) == (status, attempts)
    assert all(0 <= told <= HOUR * 1000 for told in held.told)


def shortened(said: bytes, now: float) -> float:
    """Return the deadline of a request of a trusted caller who has *said* how long it waits, ours a minute from *now*."""
    exchange = Exchange("GET", "/", b"", [(TOLD.encode(), said)])
    exchange.peer, exchange.deadline = "192.0.2.7", now + 60.0
    AskedDeadline(TOLD.encode(), parse_networks(["192.0.2.0/24"])).shorten(exchange, now)
    return exchange.deadline


@pytest.mark.parametrize("now", [0.0, 1e9, -1e9])
def test_whenever_it_is_nobody_gets_longer(now):
    """A deadline is only ever made shorter, by the clock of the moment."""
    assert [shortened(said, now) - now for said in (b"0", b"1500", b"999999999")] == [0.0, 1.5, 60.0]


def test_a_thousand_callers_each_have_their_own():
    """Nobody ends by the time of somebody else."""
    assert [shortened(b"%d" % n, 0.0) for n in range(1000)] == [n / 1000 for n in range(1000)]
