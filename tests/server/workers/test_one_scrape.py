"""Metrics of several workers in one scrape."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from aggregator.server.workers.administering import metrics
from aggregator.server.workers.administering.metrics import Totals
from aggregator.server.workers.administering.samples import HIGHEST, LOWEST
from aggregator.server.workers.messages import Counted
from aggregator.server.workers.supervising.member import Member
from aggregator.telemetry.metrics import families
from aggregator.telemetry.metrics.exposition import head_text, sample_lines
from aggregator.telemetry.metrics.families import FAMILIES, Family
from aggregator.telemetry.metrics.histogram import Histogram

ADDED = {
    families.CONNECTIONS, families.WAITING, families.HOSTS, families.PLACES, families.PLACES_TAKEN,
    families.PLACES_WAITING, families.KEPT_BYTES, families.BACKGROUND_WAITING, families.IN_FLIGHT,
    families.MEMORY,
}  # fmt: skip
"""Gauges that make sense added up."""


class Worker:
    """A worker that may end."""

    pid = 1

    def __init__(self) -> None:
        self.is_over = False


def text(*told: tuple[Family, str, object]) -> bytes:
    """Return what a worker writes of families, labels and values."""
    parts = []
    for family, labels, value in told:
        parts.append(head_text(family, is_open=False))
        parts += sample_lines(family, [(labels, value)])  # type: ignore[list-item]
    return "".join(parts).encode()


def tell(totals: Totals, worker: Worker, *pieces: bytes, number: int = 1, is_whole: bool = True) -> None:
    """Let *worker* tell *pieces*, which are all of a text where it *is_whole*."""
    for piece in pieces:
        totals.hear(cast("Member", worker), Counted(number, piece))
    if is_whole:
        totals.hear(cast("Member", worker), Counted(number, b"", is_last=True))


def written(totals: Totals, reloads: tuple[int, int] = (0, 0)) -> bytes:
    """Return the text of a scrape."""
    return b"".join(asyncio.run(totals.pieces(reloads)))


def scraped(totals: Totals, name: str) -> list[str]:
    """Return the samples of the scrape whose lines begin with *name*."""
    return [line for line in written(totals).decode().splitlines() if line.startswith(name)]


def test_every_gauge_has_a_rule() -> None:
    """A new one is to be thought about: added up, the highest, or the lowest of all workers."""
    gauges = {one for one in FAMILIES if one.kind in ("gauge", "info")}
    assert gauges == HIGHEST | LOWEST | ADDED


def test_counters_and_histograms_are_added_up() -> None:
    """By sample, whatever characters its labels have; the highest of a gauge where that tells of all."""
    totals, labels = Totals(), 'endpoint="GET /a b",status="2xx"'
    for number in (1, 2):
        histogram = Histogram((0.1,))
        histogram.add(0.05 * number)
        told = text(
            (families.REQUESTS, labels, number), (families.DURATIONS, labels, histogram),
            (families.PRESSURE, "", number), (families.IN_FLIGHT, "", number),
        )  # fmt: skip
        tell(totals, Worker(), told)
    assert scraped(totals, "aggregator_requests_total") == [f"aggregator_requests_total{{{labels}}} 3"]
    assert scraped(totals, "aggregator_request_duration_seconds_count") == [
        f"aggregator_request_duration_seconds_count{{{labels}}} 2"
    ]
    assert scraped(totals, "aggregator_pressure") == ["aggregator_pressure 2"]
    assert scraped(totals, "aggregator_requests_in_flight") == ["aggregator_requests_in_flight 3"]


def test_what_a_worker_that_ended_has_counted_stays() -> None:
    """Its counters do, its gauges do not, and a second scrape does not count them twice."""
    totals, first, second = Totals(), Worker(), Worker()
    for one in (first, second):
        tell(totals, one, text((families.REQUESTS, 'a="b"', 5), (families.IN_FLIGHT, "", 1)))
    first.is_over = True
    for _ in range(2):
        assert scraped(totals, "aggregator_requests") == ['aggregator_requests_total{a="b"} 10',
                                                          "aggregator_requests_in_flight 1"]  # fmt: skip


def test_one_that_does_not_answer_counts_by_what_it_told_last() -> None:
    """So no counter goes back, which Prometheus would take for a restart."""
    totals, one, silent = Totals(), Worker(), Worker()
    for worker in (one, silent):
        tell(totals, worker, text((families.REQUESTS, 'a="b"', 5)))
    tell(totals, one, text((families.REQUESTS, 'a="b"', 6)))
    assert scraped(totals, "aggregator_requests") == ['aggregator_requests_total{a="b"} 11']


def test_reloads_are_those_of_all_together() -> None:
    """Four workers that follow one reload are one reload."""
    totals = Totals()
    for _ in range(4):
        tell(totals, Worker(), text((families.RELOADS, 'result="applied"', 1)))
    lines = written(totals, (1, 2)).decode().splitlines()
    assert [line for line in lines if line.startswith("aggregator_reloads")] == [
        'aggregator_reloads_total{result="applied"} 1', 'aggregator_reloads_total{result="refused"} 2',
    ]  # fmt: skip


def test_what_is_read_is_written_again() -> None:
    """Nothing is lost on the way."""
    told = text((families.REQUESTS, 'a="\\\\ \\" x\x85"', 5), (families.LAG, "", 0.25))
    totals = Totals()
    tell(totals, Worker(), told)
    assert written(totals) == told


def test_a_worker_that_is_gone_in_the_middle_counts_by_its_last_whole_text() -> None:
    """Half a text would have counters go back; that of one that ended without another one is not counted at all."""
    totals, half, young = Totals(), Worker(), Worker()
    first = text((families.REQUESTS, 'a="b"', 5), (families.ATTEMPTS, 'a="b"', 7))
    tell(totals, half, first)
    for one in (half, young):
        tell(totals, one, text((families.REQUESTS, 'a="b"', 100)), number=2, is_whole=False)
        one.is_over = True
    assert scraped(totals, "aggregator_requests_total") == ['aggregator_requests_total{a="b"} 5']
    assert scraped(totals, "aggregator_attempts_total") == ['aggregator_attempts_total{a="b"} 7']


def test_a_text_that_begins_again_is_not_mixed_with_the_half_before() -> None:
    """A worker gives up what it had no time for, and answers the next question."""
    totals, worker = Totals(), Worker()
    tell(totals, worker, text((families.REQUESTS, 'a="b"', 5)), number=1, is_whole=False)
    tell(totals, worker, text((families.REQUESTS, 'a="b"', 6)), number=2)
    assert scraped(totals, "aggregator_requests_total") == ['aggregator_requests_total{a="b"} 6']
    assert (totals.knows(cast("Member", worker), 1), totals.knows(cast("Member", worker), 2)) == (False, True)


def test_what_a_worker_tells_last_is_counted_once_though_it_has_ended_before() -> None:
    """Its end may be known before its last piece is read: what it told before is not counted beside it."""
    totals, worker = Totals(), Worker()
    tell(totals, worker, text((families.REQUESTS, 'a="b"', 5)))
    tell(totals, worker, text((families.REQUESTS, 'a="b"', 6)), number=0, is_whole=False)
    assert scraped(totals, "aggregator_requests_total") == ['aggregator_requests_total{a="b"} 5']
    tell(totals, worker, number=0)
    worker.is_over = True
    for _ in range(2):
        assert scraped(totals, "aggregator_requests_total") == ['aggregator_requests_total{a="b"} 6']


def test_a_text_beyond_the_bound_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tells it has not answered, and counts by what it told before."""
    monkeypatch.setattr(metrics, "MOST", 1000)
    totals, worker = Totals(), Worker()
    tell(totals, worker, text((families.REQUESTS, 'a="b"', 5)))
    tell(totals, worker, *[text((families.REQUESTS, f'a="{number}"', 6)) for number in range(20)], number=2)
    assert scraped(totals, "aggregator_requests_total") == ['aggregator_requests_total{a="b"} 5']
    assert not totals.knows(cast("Member", worker), 2)


def test_ended_workers_are_added_up_though_nobody_scrapes() -> None:
    """What is kept of them is bounded, and nothing of it is lost."""
    totals = Totals()
    for _ in range(200):
        worker = Worker()
        tell(totals, worker, text((families.REQUESTS, 'a="b"', 1)), number=0)
        worker.is_over = True
    assert totals.unread <= metrics.MOST_UNREAD + 1
    assert scraped(totals, "aggregator_requests_total") == ['aggregator_requests_total{a="b"} 200']


def test_the_loop_has_a_turn_between_two_pieces() -> None:
    """Limits and leases of workers are asked for meanwhile: no piece of the work is longer than that of one message."""
    totals, turns = Totals(), list[int]()
    samples = [(f'a="{number}"', number) for number in range(5000)]
    pieces = [
        (head_text(families.REQUESTS, is_open=False) + "".join(sample_lines(families.REQUESTS, samples[start:start + 500])))
        for start in range(0, len(samples), 500)
    ]  # fmt: skip
    for _ in range(3):
        tell(totals, Worker(), *map(str.encode, pieces))

    async def main() -> list[bytes]:
        async def watch() -> None:
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        written = await totals.pieces((0, 0))
        watching.cancel()
        return written

    told = asyncio.run(main())
    assert max(piece.count(b"\n") for piece in told) <= 500 + 2  # the head of the family
    assert len(turns) >= 3 * len(pieces) + len(told)
    assert b'{a="4999"} 14997\n' in told[-1]
