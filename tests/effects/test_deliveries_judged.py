"""What a delivery comes to: sent, to be sent again at a time, or dead; and what is kept of its last answer."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.causes import State
from aggregator.errors import CallError, Cause
from aggregator.parts.result import Result, failed
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.values import Span
from aggregator.runtime.background.durable.delivering.judging import (
    asked_by,
    end_of,
    has_failed,
    is_crowded,
    outcome_of,
    turn_in,
)
from aggregator.stores.effects.records import DEAD, SENT, WAITING, EffectRecord, FixedRequest, Outcome

NOW = 1000.0
RETRY = RetryPlan(3, frozenset({503}), frozenset({Cause.RESET}), Span(2.0, 60.0), None, "always")
LAST = {"cause": "status", "reason": "No.", "status": 503}


def record(attempts: int = 1) -> EffectRecord:
    """Return an effect that was claimed so often."""
    return EffectRecord(
        "id-1", "call", "GET /x", "up", "r-1", FixedRequest(b"POST", b"/", b"", None), 0.0, 0.0, attempts=attempts
    )


def no(cause: Cause = Cause.STATUS, status: int = 0, raw: bytes = b"", retry_after: float | None = None) -> Result:
    """Return a failure."""
    made = failed("call", CallError(cause, "No.", retry_after=retry_after), 0.0, 0.0, upstream="up", status=status)
    made.raw = raw
    return made


def yes(status: int = 200, attempts: int = 1) -> Result:
    """Return a success."""
    made = Result("call", 0.0, 0.0, status=status)
    made.attempts = attempts
    return made


def come_to(result: Result, attempts: int = 1, waiting: int = 0, draw: float = 0.5) -> Outcome:
    """Return what a delivery comes to."""
    return outcome_of(record(attempts), RETRY, result, NOW, lambda text: text, lambda: draw, waiting=waiting)


@pytest.mark.parametrize(
    ("result", "attempts", "outcome"),
    [
        (yes(201), 1, Outcome("id-1", SENT, {"status": 201})),
        (yes(0, attempts=0), 1, Outcome("id-1", SENT, {"dry_run": True})),
        (no(status=503), 1, Outcome("id-1", WAITING, LAST, NOW + 1.0)),
        (no(status=503), 2, Outcome("id-1", WAITING, LAST, NOW + 2.0)),
        (no(status=503), 3, Outcome("id-1", DEAD, LAST)),
        (no(status=404), 1, Outcome("id-1", DEAD, LAST | {"status": 404})),
        (no(Cause.RESET), 2, Outcome("id-1", WAITING, {"cause": "reset", "reason": "No."}, NOW + 2.0)),
        (no(Cause.PROTOCOL), 1, Outcome("id-1", DEAD, {"cause": "protocol", "reason": "No."})),
        (no(status=503, retry_after=30.0), 1, Outcome("id-1", WAITING, LAST, NOW + 31.0)),
        (no(Cause.BREAKER_OPEN), 9,
         Outcome("id-1", WAITING, {"cause": "breaker_open", "reason": "No."}, NOW + 7.5, counts=False)),
        (no(Cause.LIMITED, retry_after=0.5), 9,
         Outcome("id-1", WAITING, {"cause": "limited", "reason": "No."}, NOW + 1.5, counts=False)),
        (no(Cause.CREDENTIALS, retry_after=500.0), 9,
         Outcome("id-1", WAITING, {"cause": "credentials", "reason": "No."}, NOW + 90.0, counts=False)),
        (no(Cause.SWITCHED_OFF, retry_after=500.0), 9,
         Outcome("id-1", WAITING, {"cause": "switched_off", "reason": "No."}, NOW + 7.5, counts=False)),
    ],
)  # fmt: skip
def test_what_a_delivery_comes_to(result: Result, attempts: int, outcome: Outcome) -> None:
    """By its attempts and its reasons; what its upstream has not heard of is no attempt, and is looked at again."""
    assert come_to(result, attempts) == outcome


def test_alternatives_that_were_tried_count() -> None:
    """One that its upstream has heard of is an attempt, and one that may be there again is a reason."""
    heard = no(status=404)
    heard.tried = (no(Cause.BREAKER_OPEN),)
    assert (come_to(heard).state, come_to(heard, 3).state) == (WAITING, DEAD)
    refused = no(Cause.BREAKER_OPEN)
    refused.tried = (no(status=404),)
    assert (come_to(refused).state, come_to(refused).counts) == (WAITING, True)


@pytest.mark.parametrize(("waiting", "seconds"), [(0, 7.5), (1500, 7.5), (3000, 15.0)])
def test_the_more_wait_behind_a_breaker_the_later_each_is_looked_at(waiting: int, seconds: float) -> None:
    """So that the looks cost the same; behind a limit there is a turn for each."""
    assert come_to(no(Cause.BREAKER_OPEN), waiting=waiting).due == NOW + seconds
    assert come_to(no(Cause.QUEUE_FULL), waiting=waiting).due == NOW + 7.5


def test_no_more_of_an_answer_is_kept_than_its_beginning() -> None:
    """A thousand characters and some, of which what is secret is masked before they are cut."""
    assert (come_to(no(status=503, raw=b"a" * 1024)).last or {})["body"] == "a" * 1024
    body = b"a" * 1020 + b"secret"
    made = outcome_of(record(), RETRY, no(status=503, raw=body), NOW, lambda text: text.replace("secret", "********"))
    assert (made.last or {})["body"] == "a" * 1020 + "****"


@pytest.mark.parametrize(
    ("result", "ended", "failing", "crowded", "asked", "turn"),
    [
        (yes(), "sent", False, False, 0.0, None), (yes(0, attempts=0), "dry_run", False, False, 0.0, None),
        (no(status=503, retry_after=7.0), "again", True, False, 7.0, None), (no(status=404), "dead", False, False, 0.0, None),
        (no(Cause.RESET), "again", True, False, 0.0, None), (no(Cause.PROTOCOL), "dead", True, False, 0.0, None),
        (no(Cause.LIMITED, retry_after=3.0), "again", True, True, 3.0, 3.0), (no(Cause.QUEUE_FULL), "again", True, True, 0.0, None),
        (no(Cause.QUEUE_TIMEOUT, retry_after=1.0), "again", True, True, 1.0, None),
    ],
)  # fmt: skip
def test_what_it_says_of_its_upstream(
    result: Result, ended: str, failing: bool, crowded: bool, asked: float, turn: float | None
) -> None:
    """Whether that fails, or takes no more now, for how long it wants to be left alone, and when there is a turn."""
    told: tuple[Any, ...] = (
        end_of(come_to(result), result), has_failed(RETRY, result), is_crowded(result), asked_by(result), turn_in(result),
    )  # fmt: skip
    assert told == (ended, failing, crowded, asked, turn)
    assert (result.state is State.FAILED) == (ended not in ("sent", "dry_run"))
