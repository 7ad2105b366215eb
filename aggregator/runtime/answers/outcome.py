"""The one vocabulary for parts: name, state, status, cause, milliseconds, attempts; as header, as data, as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

from aggregator.causes import Cause
from aggregator.exchange import State
from aggregator.parts.losses import REPLACED, lost_in
from aggregator.parts.result import Result
from aggregator.runtime.answers.disclosure import details

HEADER = b"aggregator-parts"
_OK = State.OK
LONGEST = 2048
"""Bytes of the header: half of 4 KiB, which is what nginx takes as the whole head of an answer."""
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*").fullmatch


def parts_header(parts: Sequence[Result]) -> bytes:
    """Return the parts as a structured field (RFC 9651 list): ``ads;state=default;cause=deadline;ms=300;attempts=1``.

    One whose upstream was chosen among several names it: ``quote;state=ok;chosen=next``. One that needed more than one
    attempt says what each met: ``attempts=3;met="503 reset 200"``. A part that is there although something inside it is
    not says how much: ``lines;state=ok;lost=2;cause=reset``.
    Parts that do not fit into ``LONGEST`` bytes are counted at its end: ``*;omitted=61``.
    """
    header = parts_text(parts).encode("ascii", "replace")
    return header if len(header) <= LONGEST else _cut(parts)


def parts_text(parts: Iterable[Result]) -> str:
    """Return all *parts* as a structured field."""
    return ", ".join([_item(part) for part in parts])


def smooth_text(parts: Iterable[Result]) -> str:
    """Return what ``parts_text`` does of *parts* that are there and tell of nothing inside: for a line an answer."""
    items = []
    for part in parts:
        if part.attempts != 1 or part.cause is not None or part.chosen or not part.status or part.ended < part.started:
            items.append(_item(part))
        else:
            took = (part.ended - part.started) * 1000.0
            items.append(f"{named(part.name)};state=ok;status={part.status};ms={round(took)};attempts=1")
    return ", ".join(items)


def _cut(parts: Sequence[Result]) -> bytes:
    items = [_item(part).encode("ascii", "replace") for part in parts]
    ends = accumulate(len(item) + 2 for item in items)
    room = LONGEST - len(b"*;omitted=%d" % len(items))
    kept = sum(end <= room for end in ends)
    return b", ".join([*items[:kept], b"*;omitted=%d" % (len(items) - kept)])


def _item(part: Result) -> str:
    text = f"{named(part.name)};state={part.state.value}"
    if part.chosen:
        text += f";chosen={named(part.chosen)}"
    if part.status:
        text += f";status={part.status}"
    if part.cause is not None:
        text += f";cause={part.cause.value}"
    elif part.parts and (lost := lost_in(part)):
        text += f";lost={len(lost)}" + (f";cause={lost[0].cause.value}" if lost[0].cause else "")
    if part.state is State.STALE and part.age is not None:
        text += f";age={part.age:.0f}"
    text += f";ms={part.milliseconds:.0f};attempts={part.attempts}"
    return f'{text};met="{" ".join(part.met)}"' if part.met else text


@lru_cache(1000)  # names of the file, all but those of items
def named(name: str) -> str:
    """Return *name* as a token, or as a string where it is none."""
    return name if _TOKEN(name) else _quoted(name)


def _quoted(name: str) -> str:
    """Return a name that is no token as a string (RFC 9651 §3.3.3)."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def part_member(part: Result, *, debug: bool = False) -> dict[str, Any]:
    """Return one part as data, for problems, ``meta`` and logs; with what was tried before it and what is inside it.

    With *debug* a reply that is a failure is told too, which is not for every client.
    """
    member: dict[str, Any] = {"name": part.name, "state": part.state.value}
    if part.chosen:
        member["chosen"] = part.chosen
    if part.status:
        member["status"] = part.status
    if part.cause is not None:
        member["cause"] = part.cause.value
    if part.state is State.STALE and part.age is not None:
        member["age"] = round(part.age)
    member["ms"] = round(part.milliseconds, 1)
    member["attempts"] = part.attempts
    if part.met:
        member["met"] = list(part.met)
    if debug and part.cause is not None and not part.parts and (part.headers or (part.error and part.error.fault)):
        member["debug"] = details(part)
    if part.tried:
        member["tried"] = parts_member(part.tried, debug=debug)
    if part.parts:
        member["parts"] = parts_member(part.parts, debug=debug)
    return member


def parts_member(parts: Iterable[Result], *, debug: bool = False) -> list[dict[str, Any]]:
    """Return all parts as data."""
    return [part_member(part, debug=debug) for part in parts]


def is_smooth(parts: Iterable[Result]) -> bool:
    """Return whether each of *parts* came at its first attempt and has no parts inside: nothing is to be told."""
    for part in parts:  # noqa: SIM110 - each answer asks this
        if part.state is not _OK or part.attempts > 1 or part.parts:
            return False
    return True


def is_partial(parts: Iterable[Result]) -> bool:
    """Return whether something that was wanted is missing: a default stands in, or an item was lost."""
    for part in parts:
        if part.state is _OK:
            if part.parts and lost_in(part):
                return True
        elif part.state in REPLACED or part.cause is Cause.DEGRADED:
            return True
    return False


def is_told(parts: Iterable[Result]) -> bool:
    """Return whether one of *parts* needed more than one attempt, or was chosen among several upstreams."""
    for part in parts:  # noqa: SIM110 - each answer asks this
        if (part.attempts > 1 and part.met) or part.chosen:
            return True
    return False
