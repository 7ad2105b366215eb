"""What finds no place, or no turn, at its upstream: what waits behind it is not looked at in vain."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aggregator.causes import Cause
from aggregator.errors import CallError
from aggregator.parts.result import failed
from aggregator.policies.retry.plan import RetryPlan
from aggregator.policies.values import Span
from aggregator.runtime.background.durable.delivering import judging, pump
from aggregator.runtime.background.durable.delivering.judging import is_crowded, outcome_of, turn_in
from aggregator.runtime.background.durable.delivering.pacing import FAILS, FIRST, MOST, Paces
from aggregator.stores.effects.contract import Turn, Turned
from aggregator.stores.effects.file import EffectsInFile
from aggregator.stores.effects.records import WAITING
from tests.effects.conftest import Application, document, process, record
from tests.effects.test_effects_paced import PATIENT, slow
from tests.policies.conftest import START, Respond

RETRY = RetryPlan(3, frozenset(), frozenset(), Span(1.0, 1.0), None, "always")


def test_as_many_go_as_there_are_places() -> None:
    """One more is tried for each that arrives, until none is refused a place any more."""
    paces = Paces()
    paces.untried("mail", 2, START, None)
    assert paces.places("mail", 8, START) == 2
    paces.arrived("mail")
    assert paces.places("mail", 8, START) == 3
    paces.untried("mail", 1, START, None)
    assert paces.places("mail", 8, START) == 1
    for _ in range(7):
        paces.arrived("mail")
    assert paces.places("mail", 8, START) == 8


def test_with_none_under_way_there_is_a_pause() -> None:
    """That which is known, however short; else one that grows. One that arrives ends it."""
    paces = Paces()
    paces.untried("mail", 0, START, 0.01)
    assert paces.next_at(["mail"], START) == START + 0.01
    paces.arrived("mail")
    assert paces.next_at(["mail"], START) is None
    now = START
    for pause in (FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, 16 * FIRST, MOST):
        paces.untried("mail", 0, now, None)
        assert paces.places("mail", 8, now) == 0
        assert paces.next_at(["mail"], now) == pytest.approx(now + pause)
        now += pause + 0.001
    assert paces.places("mail", 8, now) == 1


def test_what_has_no_place_is_no_failure() -> None:
    """However often that is."""
    paces = Paces()
    for _ in range(2 * FAILS):
        paces.untried("mail", 0, START, None)
    assert paces.of("mail") is None


@pytest.mark.parametrize(
    ("cause", "asked", "comes_to"),
    [
        (Cause.LIMITED, 0.1, (True, 0.1)),
        (Cause.QUEUE_FULL, 1.0, (True, None)),
        (Cause.QUEUE_TIMEOUT, None, (True, None)),
        (Cause.BREAKER_OPEN, 30.0, (False, None)),
        (Cause.SWITCHED_OFF, None, (False, None)),
        (Cause.READ_TIMEOUT, None, (False, None)),
    ],
)
def test_what_is_of_all_of_an_upstream_narrows_its_way(
    cause: Cause, asked: float | None, comes_to: tuple[bool, float | None]
) -> None:
    """A switch may be off for one call, a breaker open for one key; when a place becomes free nobody knows."""
    result = failed("told", CallError(cause, "No.", retry_after=asked), 0.0, 0.0)
    assert (is_crowded(result), turn_in(result)) == comes_to


@pytest.mark.parametrize(
    "upstream",
    [
        "rate_limit: {rate: 1/h, wait: 0s}",
        "auth: {oauth2: {token_url: 'http://mail.test/token', client_id: a, client_secret: canary-secret}}",
    ],
)
def test_what_waits_for_a_turn_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Respond, upstream: str
) -> None:
    """Of forty that wait for one, or for a token that cannot be had, only the first few are claimed, and put back."""
    claimed: list[str] = []
    turn = EffectsInFile.turn

    async def counted(self: EffectsInFile, asked: Turn) -> Turned:
        found = await turn(self, asked)
        claimed.extend(one.id for one in found.claimed)
        return found

    monkeypatch.setattr(EffectsInFile, "turn", counted)
    with process(tmp_path, document(upstream=upstream), refuse) as served:
        served.sign_up(*(f"n{number}" for number in range(40)))
        served.until(lambda: served.counts() == {"waiting": 40} and len(claimed) > 0)
        for _ in range(20):
            served.outbox.wake()
            served.run(asyncio.sleep(0))
        assert len(claimed) < 12


def test_a_pause_that_ends_while_the_disk_is_written_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Respond
) -> None:
    """The next is tried at once, and not when all is looked at again, which is never here."""
    turn, turns = EffectsInFile.turn, 0
    served: Application

    async def late(self: EffectsInFile, asked: Turn) -> Turned:
        nonlocal turns
        found = await turn(self, asked)
        served.now += 2 * MOST
        turns += len(found.claimed)
        if turns > 5:
            went_on.set()
        return found

    went_on = asyncio.Event()

    async def wait() -> None:
        async with asyncio.timeout(30):
            await went_on.wait()

    monkeypatch.setattr(pump, "LOOK", 3600.0)
    with process(tmp_path, PATIENT, refuse) as served:
        slow(served, 9)
        monkeypatch.setattr(EffectsInFile, "turn", late)
        served.outbox.try_all()
        served.run(wait())


@pytest.mark.parametrize(
    ("cause", "waiting", "seconds"),
    [(Cause.BREAKER_OPEN, 0, 5.0), (Cause.BREAKER_OPEN, 90_000, 300.0), (Cause.SWITCHED_OFF, 90_000, 5.0)],
)
def test_the_more_wait_behind_breakers_of_some_the_later_each_is_looked_at(
    cause: Cause, waiting: int, seconds: float
) -> None:
    """Three hundred a second at most, however many that are; a switch may be turned on at any time."""
    result = failed("told", CallError(cause, "No."), 0.0, 0.0)
    outcome = outcome_of(record(), RETRY, result, START, str, lambda: 0.0, waiting=waiting)
    assert (outcome.state, outcome.counts, outcome.due) == (WAITING, False, START + seconds)


def test_a_backlog_behind_breakers_of_some_is_looked_at_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Respond
) -> None:
    """Nobody knows which of all that waits belongs to another one: each is looked at, in its turn."""
    monkeypatch.setattr(judging, "_LOOKS", 0.1)
    apart = "\"{{ headers['x-shop'] | default('none') }}\""
    text = document(upstream=f"breaker: {{failures: 1, pause: 1h..1h, per: {apart}}}", call="")
    with process(tmp_path, text, refuse) as served:
        served.sign_up(*(f"n{number}" for number in range(10)))
        served.until(lambda: served.outbox.ends["again"] >= 10)
        looked = served.outbox.ends["again"]
        served.now += 60.0
        served.outbox.wake()
        served.run(asyncio.sleep(0.01))
        assert served.outbox.ends["again"] <= looked + 1
