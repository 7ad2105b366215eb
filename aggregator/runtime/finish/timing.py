"""``Server-Timing``: how long each part took, for the tools of browsers (https://www.w3.org/TR/server-timing/)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from aggregator.exchange import Exchange
from aggregator.parts.result import Result
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.parts.fanout import Run

HEADER = b"server-timing"
LONGEST = 2048
"""Bytes of the header; parts beyond are left out."""
_UNFIT = re.compile(r"[^A-Za-z0-9!#$%&'*+.^_`|~-]")


def server_timing(parts: Sequence[Result], seconds: float) -> bytes:
    """Return the header for *parts* of an answer that took *seconds*: ``total;dur=31.4, ads;dur=12.0``.

    A name that is no token has ``_`` in place of what a token may not have. A part that failed, or was replaced, says
    so: ``ads;dur=300.1;desc=default``.
    """
    entries = [f"total;dur={seconds * 1000:.1f}", *map(_entry, parts)]
    ends = accumulate(len(entry) + 2 for entry in entries)
    return ", ".join(entry for entry, end in zip(entries, ends, strict=True) if end <= LONGEST).encode("ascii")


def _entry(part: Result) -> str:
    state = "" if part.state.value == "ok" else f";desc={part.state.value}"
    return f"{_UNFIT.sub('_', part.name)};dur={part.milliseconds:.1f}{state}"


def tell_times(tells: Discloses, exchange: Exchange, answer: Answer, run: Run | None) -> None:
    """Put the times of *run* on *answer*, if it *tells* them to whom sent the request."""
    if run is not None and tells(exchange):
        seconds = run.frame.loop.time() - exchange.started
        answer.headers.append((HEADER, server_timing(run.ended_results(), seconds)))


def always(_: Exchange) -> bool:
    """Return true: everybody may read the times."""
    return True
