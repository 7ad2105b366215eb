"""The last hour: what is kept of each endpoint before anybody looks, for how long, and how it is told."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from msgspec.structs import replace
from tiers import other_cell

from aggregator.exchange import Exchange
from aggregator.parts.events import RequestEnded
from aggregator.server.live import history as module
from aggregator.server.live.history import MINUTES, History, histories_together, percentile
from aggregator.server.live.tally import STEP, bucket

ENDPOINTS = "endpoints: {GET /n: {respond: {body: 1}}, GET /bad: {respond: {status: 500, body: 1}}}\n"
ROUTES = 'server: {admin: "127.0.0.1:0"}\n' + ENDPOINTS
NOON = 1_764_000_000  # the beginning of a minute


def _ended(endpoint: str, seconds: float = 0.5, status: int = 200, *, partial: bool = False) -> RequestEnded:
    return RequestEnded(endpoint, "1", "GET", "answered", status, None, partial, 10.0, 10.0 + seconds,
                        exchange=Exchange("GET", "/", b"", []))  # fmt: skip


def _plan(*keys: str):
    return SimpleNamespace(declared=[SimpleNamespace(key=key) for key in keys])


class Clock:
    """Unix time, as a test sets it."""

    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        return self.now


def _kept(*keys: str) -> tuple[History, Clock]:
    clock = Clock()
    history = History(clock)
    history.follow(_plan(*keys))
    return history, clock


def _all(history: History, since: float = 0) -> dict:
    return asyncio.run(history.all(since))["endpoints"]


def test_minutes_of_an_endpoint():
    """Requests, failures and partial answers by minute; those that have passed are as they were."""
    history, clock = _kept("GET /x", "GET /y")
    for event in (_ended("GET /x"), _ended("GET /x", status=502), _ended("GET /x", partial=True)):
        history(event)
    clock.now += 125
    history(_ended("GET /x", 0.001))
    assert _all(history) == {"GET /x": [[NOON, 3, 1, 1], [NOON + 120, 1, 0, 0]]}
    for since in (NOON + 60, NOON + 120, NOON + 179):
        assert _all(history, since=since) == {"GET /x": [[NOON + 120, 1, 0, 0]]}
    assert _all(history, since=NOON + 59) == _all(history)
    assert _all(history, since=NOON + 180) == {}
    told = history.of("GET /x")
    assert told is not None
    half, end = bucket(500), round(1.25 ** bucket(500), 1)
    assert told["minutes"][0] == {
        "at": NOON, "requests": 3, "failed": 1, "partial": 1, "p50": end, "p95": end, "p99": end,
        "buckets": {str(half): 3},
    }  # fmt: skip


def test_what_is_older_than_an_hour_is_gone():
    """Whether there were requests since, or none; and no more minutes are kept than an hour has."""
    history, clock = _kept("GET /x")
    for _ in range(2 * MINUTES):
        history(_ended("GET /x"))
        clock.now += 60
    clock.now -= 60
    rows = _all(history)["GET /x"]
    assert (len(rows), rows[0][0]) == (MINUTES, NOON + MINUTES * 60)
    clock.now += 3600
    assert _all(history) == {}


def test_a_clock_that_goes_back_loses_nothing():
    """Its requests count in the newest minute."""
    history, clock = _kept("GET /x")
    history(_ended("GET /x"))
    clock.now -= 90
    history(_ended("GET /x"))
    clock.now += 90
    assert _all(history) == {"GET /x": [[NOON, 2, 0, 0]]}


def test_a_plan_bounds_it(monkeypatch):
    """What a plan does not declare any more is forgotten, what goes on is kept, and what is too much is counted."""
    monkeypatch.setattr(module, "MOST_ENDPOINTS", 2)
    history, _ = _kept("GET /x", "GET /y")
    for key in ("GET /x", "GET /y", "GET /unknown", ""):
        history(_ended(key))
    history.follow(_plan("GET /y", "GET /z", "GET /w"))
    assert (list(_all(history)), history.left_out) == (["", "GET /y"], 1)
    assert history.of("GET /x") is history.of("GET /w") is None


def test_the_hours_of_workers_are_added_up():
    """By minute; percentiles are those of all requests together."""
    (one, _), (other, clock) = _kept("GET /x"), _kept("GET /x")
    one(_ended("GET /x", 0.001))
    other(_ended("GET /x", 0.5, 500))
    clock.now += 60
    other(_ended("GET /x", 0.5))
    whole = histories_together([asyncio.run(kept.all(0)) for kept in (one, other)])
    assert whole == {
        "now": NOON + 60,
        "began": NOON,
        "left_out": 0,
        "endpoints": {"GET /x": [[NOON, 2, 1, 0], [NOON + 60, 1, 0, 0]]},
    }
    found = histories_together([json.loads(json.dumps(kept.of("GET /x"))) for kept in (one, other)])
    first = found["minutes"][0]
    assert [minute["at"] for minute in found["minutes"]] == [NOON, NOON + 60]
    assert (first["requests"], first["p50"], first["p99"]) == (2, 1.0, round(1.25 ** bucket(500), 1))
    assert first["buckets"] == {"0": 1, str(bucket(500)): 1}


def test_the_hour_of_one_worker_is_its_own():
    """What one has told stays as it is, be it of all endpoints or of one."""
    history, _ = _kept("GET /x")
    history(_ended("GET /x", 0.5, 500))
    for told in (asyncio.run(history.all(0)), history.of("GET /x")):
        assert told is not None
        assert histories_together([told]) == {name: told[name] for name in told}


def test_requests_are_served_while_the_hour_of_many_is_told():
    """After each fifty endpoints others have their turn."""
    history, _ = _kept(*(f"GET /{number}" for number in range(99)))

    async def turns() -> int:
        telling, count = asyncio.create_task(history.all(0)), 0
        while not telling.done():
            count += 1
            await asyncio.sleep(0)
        return count

    assert asyncio.run(turns()) == 3


def test_before_a_plan_is_served_nothing_is_kept():
    """And nothing is left out."""
    clock = Clock()
    clock.now += 0.75
    told = asyncio.run(History(clock).all(0))
    assert told == {"now": NOON, "began": NOON, "left_out": 0, "endpoints": {}}


@pytest.mark.parametrize(("status", "how", "failed"), [(499, "answered", 0), (500, "answered", 1), (200, "broke", 1)])
def test_what_is_a_failure_of_an_endpoint(status, how, failed):
    """A 5xx, and an answer that broke off; not what a client did wrong."""
    history, _ = _kept("GET /x")
    history(replace(_ended("GET /x", status=status), how=how))
    assert _all(history) == {"GET /x": [[NOON, 1, failed, 0]]}


def _ask(stage, gateway, target: str):
    with stage.wire(gateway.admin) as wire:
        return wire.send(f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()).reply()


def _counted(stage, gateway) -> dict[str, list[int]]:
    told = _ask(stage, gateway, "/-/history").json["endpoints"]
    return {key: [sum(row[place] for row in rows) for place in (1, 2)] for key, rows in told.items()}


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_it_is_there_before_anybody_looks(stage, door):
    """On both doors, of requests that met no endpoint too, and after a reload."""
    gateway = stage.gateway(ROUTES, door=door)
    for target in ("/n", "/n", "/bad", "/nothing"):
        gateway.get(target)
    stage.until(lambda: _counted(stage, gateway) == {"GET /n": [2, 0], "GET /bad": [1, 1], "": [1, 0]})
    gateway.reload(ROUTES.replace("GET /bad", "GET /worse"))
    gateway.get("/n")
    stage.until(lambda: _counted(stage, gateway) == {"GET /n": [3, 0], "": [1, 0]})
    told = _ask(stage, gateway, f"/-/history?endpoint={quote('GET /n')}").json
    assert sum(minute["requests"] for minute in told["minutes"]) == 3


def test_what_cannot_be_told_is_refused(stage):
    """Unknown words and endpoints, and a time that is none."""
    gateway = stage.gateway(ROUTES)
    for query, status in (("color=red", 400), ("since=yesterday", 400), ("endpoint=GET%20/none", 404)):
        assert _ask(stage, gateway, f"/-/history?{query}").status == status


def test_without_administration_nothing_is_kept(stage):
    """And nobody listens for it."""
    gateway = stage.gateway(ENDPOINTS)
    assert gateway.app.running.observers.history is None


@pytest.mark.parametrize(
    ("buckets", "share", "milliseconds"),
    [
        ({}, 50, 0.0),
        ({3: 1}, 50, round(STEP**3, 1)),
        ({0: 1, 9: 1}, 50, 1.0),
        ({0: 1, 9: 1}, 51, round(STEP**9, 1)),
        ({9: 5, 0: 95}, 95, 1.0),
        ({9: 5, 0: 95}, 96, round(STEP**9, 1)),
        ({0: 199, 9: 201}, 50, round(STEP**9, 1)),
        ({0: 200, 9: 200}, 50, 1.0),
    ],
)
def test_a_share_is_answered_within_a_time(buckets: dict[int, int], share: int, milliseconds: float) -> None:
    """The share is reached exactly at its bucket; of no requests none took any time."""
    assert percentile(buckets, share) == milliseconds
