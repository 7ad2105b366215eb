"""Durable effects as a person reads them: all of one, a line of a list, and what came of an order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

HEAD: Final = f"{'ID':<32}  {'STATE':<7}  {'SINCE':<19}  TRIES  NAME"
_TIMES = ("created", "not_before", "due", "ended")
"""Fields of an effect in Unix time."""
_DONE = {
    "retry": "sent again",
    "replay": "sent again, under the same keys",
    "discard": "discarded",
    "forget": "forgotten",
}


def sentence_of(order: str, done: dict[str, int]) -> str:
    """Return what came of *order*: how many effects, and how many answers to requests with a key."""
    from aggregator.cli.answers import counted

    what = counted(done[order], "effect", "effects")
    answers = f" and {counted(done['answers'], 'answer', 'answers')}" if done.get("answers") else ""
    return f"{what}{answers} {_DONE[order]}."


def described(effect: dict[str, Any]) -> str:
    """Return all of *effect*, its moments as they stand in a list."""
    from aggregator.cli.answers import lines_of

    moments = {key: _moment(effect[key]) for key in _TIMES if effect.get(key) is not None}
    return "\n".join(lines_of(effect | moments))


def listed(effect: dict[str, Any]) -> str:
    """Return the line of *effect* below ``HEAD``."""
    last = effect["last"] or {}
    why = f"  {last['reason']}" if effect["state"] != "sent" and "reason" in last else ""
    why = "  a dry run: not sent" if last.get("dry_run") else why
    moment = _moment(effect["ended"] or effect["created"])
    return f"{effect['id']}  {effect['state']:<7}  {moment}  {effect['attempts']:>5}  {effect['name']}{why}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
