"""Metrics of several workers in one scrape."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from aggregator.server.workers.administering.metrics import HIGHEST, LOWEST, Totals, read, text_of
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

    def __init__(self) -> None:
        self.is_gone = False
        self.ended = SimpleNamespace(done=lambda: self.is_gone)


def text(*told: tuple[Family, str, object]) -> bytes:
    """Return what a worker writes of families, labels and values."""
    parts = []
    for family, labels, value in told:
        parts.append(head_text(family, is_open=False))
        parts += sample_lines(family, [(labels, value)])  # type: ignore[list-item]
    return "".join(parts).encode()


def scraped(totals: Totals, name: str) -> list[str]:
    """Return the samples of the scrape whose lines begin with *name*."""
    return [line for line in totals.text((0, 0)).decode().splitlines() if line.startswith(name)]


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
        totals.learn(cast("Member", Worker()), told)
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
        totals.learn(cast("Member", one), text((families.REQUESTS, 'a="b"', 5), (families.IN_FLIGHT, "", 1)))
    first.is_gone = True
    for _ in range(2):
        assert scraped(totals, "aggregator_requests") == ['aggregator_requests_total{a="b"} 10',
                                                          "aggregator_requests_in_flight 1"]  # fmt: skip


def test_one_that_does_not_answer_counts_by_what_it_told_last() -> None:
    """So no counter goes back, which Prometheus would take for a restart."""
    totals, one, silent = Totals(), Worker(), Worker()
    for worker in (one, silent):
        totals.learn(cast("Member", worker), text((families.REQUESTS, 'a="b"', 5)))
    totals.learn(cast("Member", one), text((families.REQUESTS, 'a="b"', 6)))
    assert scraped(totals, "aggregator_requests") == ['aggregator_requests_total{a="b"} 11']


def test_reloads_are_those_of_all_together() -> None:
    """Four workers that follow one reload are one reload."""
    totals = Totals()
    for _ in range(4):
        totals.learn(cast("Member", Worker()), text((families.RELOADS, 'result="applied"', 1)))
    lines = totals.text((1, 2)).decode().splitlines()
    assert [line for line in lines if line.startswith("aggregator_reloads")] == [
        'aggregator_reloads_total{result="applied"} 1', 'aggregator_reloads_total{result="refused"} 2',
    ]  # fmt: skip


def test_what_is_read_is_written_again() -> None:
    """Nothing is lost on the way."""
    told = text((families.REQUESTS, 'a="\\\\ \\" x"', 5), (families.LAG, "", 0.25))
    assert text_of(read(told)) == told
