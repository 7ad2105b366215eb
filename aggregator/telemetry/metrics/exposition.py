"""Samples as text: the Prometheus text format 0.0.4 and OpenMetrics 1.0.

https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/.
They differ here in the name of a counter's family, in ``info``, which is a gauge in the first, and in ``# EOF``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from aggregator.telemetry.metrics.families import Family
from aggregator.telemetry.metrics.histogram import Histogram

PLAIN_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Value: TypeAlias = "float | Histogram | Summary | Table"
Sample: TypeAlias = tuple[str, Value]
"""Labels as ``labels_text`` writes them, and the value."""
Sampled: TypeAlias = tuple[Family, Iterable[Sample]]


class Summary(NamedTuple):
    """The number of values, and their sum."""

    number: int
    total: float


class Table(NamedTuple):
    """Many counts that share their first labels: what follows them, ``state="ok"}`` and a space, and the counts."""

    endings: tuple[str, ...]
    counts: Sequence[int]


def labels_text(*pairs: tuple[str, str]) -> str:
    r"""Return *pairs* of name and value as labels: ``endpoint="GET /x",status="2xx"``. Values are escaped."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def wants_open(accept: str) -> bool:
    """Return whether a scraper whose ``Accept`` is *accept* is to be answered in OpenMetrics."""
    return "application/openmetrics-text" in accept


def head_text(family: Family, *, is_open: bool) -> str:
    """Return the lines that introduce the samples of *family*."""
    name: str = family.name if is_open else family.sample_name
    kind = "gauge" if family.kind == "info" and not is_open else family.kind
    meaning = family.meaning.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"


def sample_lines(family: Family, samples: Iterable[Sample], *, is_open: bool = False) -> Iterator[str]:
    """Yield the lines of *samples* of *family*, one text a sample; exemplars are written where *is_open* says so."""
    name = family.sample_name
    for labels, value in samples:
        if isinstance(value, Histogram):
            yield _histogram(name, labels, value, shows_exemplars=is_open and value.exemplars is not None)
        elif isinstance(value, Table):
            lead = f"{name}{{{labels},"
            yield "".join([f"{lead}{ending}{count}\n" for ending, count in zip(*value, strict=True)])
        elif isinstance(value, Summary):
            braces = f"{{{labels}}}" if labels else ""
            yield f"{name}_sum{braces} {value.total!r}\n{name}_count{braces} {value.number}\n"
        elif labels:
            yield f"{name}{{{labels}}} {value}\n"
        else:
            yield f"{name} {value}\n"


def _histogram(name: str, labels: str, value: Histogram, *, shows_exemplars: bool) -> str:
    totals = list(accumulate(value.counts))
    lead, braces = f"{name}_bucket{{{labels}{',' if labels else ''}", f"{{{labels}}}" if labels else ""
    lines = [f"{lead}{ending}{count}\n" for ending, count in zip(_endings(value.bounds), totals, strict=True)]
    if shows_exemplars:
        for bucket, one in (value.exemplars or {}).items():
            told = f'{{trace_id="{one.trace}"}} {one.value:.6f} {one.moment:.3f}'
            lines[bucket] = f"{lines[bucket][:-1]} # {told}\n"
    return f"{''.join(lines)}{name}_sum{braces} {value.sum!r}\n{name}_count{braces} {totals[-1]}\n"


@lru_cache(maxsize=16)
def _endings(bounds: tuple[float, ...]) -> tuple[str, ...]:
    """Return what ends the labels of each bucket; there are as many *bounds* as the file has lists of them."""
    return tuple(f'le="{bound}"}} ' for bound in (*map(repr, bounds), "+Inf"))
