"""The answer to a scrape."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aggregator.http import HeaderList
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.server.generations.running import Running
from aggregator.server.metrics.counting import Counts
from aggregator.server.metrics.sampling import sample_all
from aggregator.telemetry.metrics.exposition import OPEN_TYPE, PLAIN_TYPE, head_text, sample_lines, wants_open

PATH = "/metrics"
_AT_ONCE = 48 * 1024
"""Characters, of some 500 lines, written between two looks at the event loop: less than a millisecond."""


async def metrics_answer(running: Running, accept: str) -> Answer:
    """Return all metrics for a scraper with this ``Accept``, or 404 where none are counted.

    Requests are served while the text is written.
    """
    counts = running.metrics
    if counts is None:
        return problem(404, "The file declares no `telemetry.metrics`.")
    is_open = wants_open(accept)
    pieces: list[bytes] = []
    some: list[str] = []
    size = 0
    for text in _texts(running, counts, is_open=is_open):
        some.append(text)
        size += len(text)
        if size >= _AT_ONCE:
            pieces.append("".join(some).encode())
            some, size = [], 0
            await asyncio.sleep(0)
    pieces.append("".join(some).encode())
    headers: HeaderList = [(b"content-type", (OPEN_TYPE if is_open else PLAIN_TYPE).encode())]
    return Answer(200, headers, pieces)


def _texts(running: Running, counts: Counts, *, is_open: bool) -> Iterator[str]:
    for family, samples in sample_all(running, counts):
        yield head_text(family, is_open=is_open)
        yield from sample_lines(family, samples, is_open=is_open)
    if is_open:
        yield "# EOF\n"
