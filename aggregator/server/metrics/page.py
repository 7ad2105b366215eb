"""The answer to a scrape."""

from __future__ import annotations

import asyncio
from itertools import islice

from aggregator.http import HeaderList
from aggregator.runtime.answers.answer import Answer, problem
from aggregator.server.generations.running import Running
from aggregator.server.metrics.sampling import sample_all
from aggregator.telemetry.metrics.exposition import OPEN_TYPE, PLAIN_TYPE, head_text, sample_lines, wants_open

PATH = "/metrics"
_AT_ONCE = 100
"""Samples, of a line to thirty each, written between two looks at the event loop: about two milliseconds."""


async def metrics_answer(running: Running, accept: str) -> Answer:
    """Return all metrics for a scraper with this ``Accept``, or 404 where none are counted.

    Requests are served while the text is written.
    """
    counts = running.metrics
    if counts is None:
        return problem(404, "The file declares no `telemetry.metrics`.")
    is_open = wants_open(accept)
    pieces: list[str] = []
    for family, samples in sample_all(running, counts):
        pieces.append(head_text(family, is_open=is_open))
        lines = sample_lines(family, samples, is_open=is_open)
        while some := list(islice(lines, _AT_ONCE)):
            pieces += some
            if len(some) == _AT_ONCE:
                await asyncio.sleep(0)
    if is_open:
        pieces.append("# EOF\n")
    headers: HeaderList = [(b"content-type", (OPEN_TYPE if is_open else PLAIN_TYPE).encode())]
    return Answer(200, headers, "".join(pieces).encode())
