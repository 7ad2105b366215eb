"""Samples as text that scrapers read, in the format of Prometheus and in OpenMetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from aggregator.telemetry.metrics.exposition import (
    Sample,
    Summary,
    Table,
    head_text,
    labels_text,
    sample_lines,
    wants_open,
)
from aggregator.telemetry.metrics.families import FAMILIES, Family
from aggregator.telemetry.metrics.histogram import Histogram


def histogram(*values: float) -> Histogram:
    """Return a histogram with the bounds 0.1 and 1 of *values*."""
    made = Histogram((0.1, 1.0))
    for value in values:
        made.add(value)
    return made


def written(family: Family, *samples: Sample, is_open: bool) -> str:
    """Return *samples* of *family* as a scrape."""
    text = head_text(family, is_open=is_open) + "".join(sample_lines(family, samples))
    return text + "# EOF\n" if is_open else text


PARSERS = [pytest.param(parse_plain, False, id="prometheus"), pytest.param(parse_open, True, id="openmetrics")]
Parse = Callable[[str], Iterable[Metric]]


@pytest.mark.parametrize(("parse", "is_open"), PARSERS)
def test_a_histogram_counts_up_to_each_bound(parse: Parse, is_open: bool):
    """Buckets are cumulative; a value that is equal to a bound is within it."""
    family = Family("x_seconds", "histogram", ("endpoint",), "Times.")
    text = written(family, (labels_text(("endpoint", "GET /x")), histogram(0.1, 0.5, 9)), is_open=is_open)
    [metric] = parse(text)
    buckets = {sample.labels["le"]: sample.value for sample in metric.samples if sample.name == "x_seconds_bucket"}
    assert (metric.type, buckets) == ("histogram", {"0.1": 1, "1.0": 2, "+Inf": 3})
    assert {s.name: s.value for s in metric.samples if "le" not in s.labels} == {
        "x_seconds_sum": 9.6,
        "x_seconds_count": 3,
    }


@pytest.mark.parametrize(("parse", "is_open"), PARSERS)
def test_counters_gauges_summaries_and_facts_are_read_back(parse: Parse, is_open: bool):
    """Each kind has the suffixes of its format, with labels and without."""
    kinds = {
        "counter": ("c_total", 3, 3),
        "gauge": ("g", 1.5, 1.5),
        "summary": ("s_count", Summary(4, 2.0), 4),
        "info": ("i_info", 1, 1),
    }
    for kind, (name, value, read) in kinds.items():
        family = Family(name[0], kind, (), "Words.")  # type: ignore[arg-type]
        [metric] = parse(written(family, ('a="b"', value), ("", value), is_open=is_open))
        assert [(s.name, s.labels, s.value) for s in metric.samples if s.name == name] == [
            (name, {"a": "b"}, read),
            (name, {}, read),
        ]


@pytest.mark.parametrize(("parse", "is_open"), PARSERS)
def test_a_table_shares_its_first_labels(parse: Parse, is_open: bool):
    """Each of its counts is a sample of its own."""
    table = Table(('b="1"} ', 'b="2"} '), (5, 0))
    [metric] = parse(written(Family("c", "counter", (), "Words."), ('a="x"', table), is_open=is_open))
    assert [(s.labels, s.value) for s in metric.samples] == [({"a": "x", "b": "1"}, 5), ({"a": "x", "b": "2"}, 0)]


@pytest.mark.parametrize(("parse", "is_open"), PARSERS)
def test_labels_may_hold_anything(parse: Parse, is_open: bool):
    """Quotes, backslashes and line breaks of a file cannot end a label."""
    wild = 'GET /a"b\\c\nd{e}'
    [metric] = parse(written(Family("c", "counter", (), "Words."), (labels_text(("e", wild)), 1), is_open=is_open))
    assert metric.samples[0].labels == {"e": wild}


def test_a_scraper_that_asks_for_openmetrics_gets_it():
    """Prometheus lists both; who names neither gets the older one."""
    prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
    assert wants_open(prometheus)
    assert not wants_open("*/*")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
def test_names_follow_the_rules(family: Family):
    """Base units, no reserved suffix, a sentence of meaning."""
    assert family.name.startswith(("aggregator_", "process_"))
    assert not family.name.endswith(("_total", "_info", "_count", "_sum", "_bucket", "_ms", "_milliseconds"))
    assert family.meaning.endswith(".")
    if "duration" in family.name or "lag" in family.name:
        assert family.name.endswith("_seconds")
