"""The one vocabulary for parts: name, state, status, cause, milliseconds, attempts; as header, as data, as text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from aggregator.exchange import State
from aggregator.runtime.result import Result

HEADER = b"aggregator-parts"
_REPLACED = frozenset({State.DEFAULT, State.STALE})
_LOST = _REPLACED | {State.FAILED}
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*").fullmatch


def parts_header(parts: Iterable[Result]) -> bytes:
    """Give the parts as a structured field (RFC 9651 list): ``ads;state=default;cause=deadline;ms=300;attempts=1``."""
    return ", ".join(_item(part) for part in parts).encode("ascii", "replace")


def _item(part: Result) -> str:
    text = f"{part.name if _TOKEN(part.name) else _quoted(part.name)};state={part.state.value}"
    if part.status:
        text += f";status={part.status}"
    if part.cause is not None:
        text += f";cause={part.cause.value}"
    return f"{text};ms={part.milliseconds:.0f};attempts={part.attempts}"


def _quoted(name: str) -> str:
    """Give a name that is no token as a string (RFC 9651 §3.3.3)."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def part_member(part: Result) -> dict[str, Any]:
    """Give one part as data, for problems, ``meta`` and logs; with what was tried before it and what is inside it."""
    member: dict[str, Any] = {"name": part.name, "state": part.state.value}
    if part.status:
        member["status"] = part.status
    if part.cause is not None:
        member["cause"] = part.cause.value
    member["ms"] = round(part.milliseconds, 1)
    member["attempts"] = part.attempts
    if part.tried:
        member["tried"] = parts_member(part.tried)
    if part.parts:
        member["parts"] = parts_member(part.parts)
    return member


def parts_member(parts: Iterable[Result]) -> list[dict[str, Any]]:
    """Give all parts as data."""
    return [part_member(part) for part in parts]


def is_partial(parts: Iterable[Result]) -> bool:
    """Say whether something that was wanted is missing: a default stands in, or an item was lost."""
    for part in parts:
        if part.state is State.OK:
            if part.parts and is_lost(part):
                return True
        elif part.state in _REPLACED:
            return True
    return False


def is_lost(part: Result) -> bool:
    """Say whether anything inside *part* failed or was replaced."""
    return any(inner.state in _LOST or is_lost(inner) for inner in part.parts)
