"""What becomes of an effect after a delivery: sent, to be sent again, or dead."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Any

from aggregator.causes import Cause, State
from aggregator.parts.result import Result
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.retry.retrying import is_reason, pause_after
from aggregator.stores.effects.records import DEAD, SENT, WAITING, EffectRecord, Outcome
from aggregator.telemetry.redaction import redact_text

_NOT_HEARD = frozenset(
    {Cause.QUEUE_FULL, Cause.QUEUE_TIMEOUT, Cause.LIMITED, Cause.BREAKER_OPEN, Cause.SWITCHED_OFF, Cause.CREDENTIALS}
)
"""Causes with which a call fails although its upstream has not heard of it: nothing was tried."""
_CROWDED = frozenset({Cause.LIMITED, Cause.QUEUE_FULL, Cause.QUEUE_TIMEOUT})
"""Causes of all of an upstream. A switch is off for one call, a breaker may be open for one key, or one host."""
_UNTRIED = 5.0
"""Seconds until one is looked at again that could not be tried."""
_LOOKS = 300
"""Looks a second at what waits behind breakers of some keys or hosts: each costs a third of a millisecond."""
_LONGEST = 60.0
_MOST_BODY = 1024
"""Characters of the last answer that are kept."""
_LONGEST_SECRET = 4096
"""Bytes behind them that are looked at, for a secret that is cut there."""


def outcome_of(
    record: EffectRecord, retry: RetryPlan, result: Result, now: float, mask: Callable[[str], str],
    draw: Callable[[], float] = random, *, waiting: int = 0,
) -> Outcome:  # fmt: skip
    """Return what the delivery of *record* comes to that ended *now* (Unix time) with *result*.

    What is kept of an answer is what *mask* leaves of it: when it is shown, nobody may know any more what was secret.
    Behind an open breaker the more are *waiting*, the later it is looked at again, so that looks cost the same; what is
    new goes before it.
    """
    if result.state is not State.FAILED:
        return Outcome(record.id, SENT, {"status": result.status} if result.attempts else {"dry_run": True})
    last, tried = _last(result, mask), (*result.tried, result)
    if all(one.cause in _NOT_HEARD for one in tried):
        least = waiting / _LOOKS if result.cause is Cause.BREAKER_OPEN else 0.0
        return Outcome(record.id, WAITING, last, now + max(_until_tried(result), least) * (1 + draw()), counts=False)
    if record.attempts >= retry.attempts or not any(one.cause in _NOT_HEARD or is_reason(retry, one) for one in tried):
        return Outcome(record.id, DEAD, last)
    return Outcome(record.id, WAITING, last, now + pause_after(retry, record.attempts, result, draw))


def end_of(outcome: Outcome, result: Result) -> str:
    """Return what a delivery is counted as that ended with *result* and came to *outcome*."""
    if outcome.state == SENT:
        return "sent" if result.attempts else "dry_run"
    return "dead" if outcome.state == DEAD else "again"


def has_failed(retry: RetryPlan, result: Result) -> bool:
    """Return whether *result* says that its upstream fails; one that refuses what it is sent for good is well."""
    is_refusal = bool(result.status) and not is_reason(retry, result)
    return result.state is State.FAILED and not is_refusal


def asked_by(result: Result) -> float:
    """Return the seconds that *result* asks to be left alone for, 0 where it asks for nothing."""
    return (result.error is not None and result.error.retry_after) or 0.0


def is_crowded(result: Result) -> bool:
    """Return whether *result* says that no more can go to its upstream now, whatever it is."""
    return result.cause in _CROWDED


def turn_in(result: Result) -> float | None:
    """Return the seconds until one can be tried after *result*: where it is limited; None where nobody knows."""
    return result.error.retry_after if result.error is not None and result.cause is Cause.LIMITED else None


def _until_tried(result: Result) -> float:
    """Return the seconds until what could not be tried may be; a switch may be turned on at any time."""
    asked = result.error.retry_after if result.error is not None else None
    return _UNTRIED if asked is None or result.cause is Cause.SWITCHED_OFF else min(max(asked, 1.0), _LONGEST)


def _last(result: Result, mask: Callable[[str], str]) -> dict[str, Any]:
    """Return what is kept of the last answer: why it was no success, and how it began, as *mask* leaves it."""
    reason = result.error.message if result.error else ""
    last: dict[str, Any] = {"cause": str(result.cause), "reason": redact_text(mask(reason))}
    if result.status:
        last["status"] = result.status
    if result.raw:
        begin = bytes(result.raw[: _MOST_BODY + _LONGEST_SECRET]).decode("utf-8", "replace")
        last["body"] = redact_text(mask(begin))[:_MOST_BODY]  # masked before it is cut: half a secret is one, too
    return last
