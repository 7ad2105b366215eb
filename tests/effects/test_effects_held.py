"""An upstream that takes nothing is left alone: what waits for it costs no work until it may be asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from aggregator.policies.breaker.breaker import Phase
from aggregator.policies.switches.table import Change, Switch, Target
from aggregator.server.admin.breakers import breakers_of
from aggregator.stores.effects.contract import Turn, Turned
from aggregator.stores.effects.file import EffectsInFile
from tests.effects.conftest import Application, document, process, record
from tests.effects.test_operators import act

BREAKER = "breaker: {failures: 3, pause: 100ms..100ms}"


@pytest.fixture
def claimed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of what turns claim."""
    ids: list[str] = []
    turn = EffectsInFile.turn

    async def counted(self: EffectsInFile, asked: Turn) -> Turned:
        found = await turn(self, asked)
        ids.extend(one.id for one in found.claimed)
        return found

    monkeypatch.setattr(EffectsInFile, "turn", counted)
    return ids


def test_what_waits_behind_an_open_breaker_is_not_looked_at(tmp_path: Path, claimed: list[str]) -> None:
    """However much that is: no turn claims any of it until the breaker lets one through, and then all of it goes."""
    down = True
    text = document(upstream=BREAKER, call="").replace("attempts: 3, backoff: 1s..1s", "attempts: 90, backoff: 1s..1s")
    with process(tmp_path, text, lambda _: httpx.Response(503 if down else 200)) as served:
        served.sign_up(*(f"n{number}" for number in range(40)))
        served.until(lambda: len(served.requests) >= 3)
        served.until(lambda: served.counts() == {"waiting": 40})
        before = len(claimed)
        for _ in range(20):  # new ones wake it, and find nothing to do
            served.sign_up("more")
            served.run(asyncio.sleep(0))
        assert len(claimed) == before
        down = False
        served.now += 61

        def all_is_sent() -> bool:
            served.now += 1
            return served.counts() == {"sent": 60}

        served.until(all_is_sent)


def reload(served: Application) -> None:
    """Serve what was loaded again."""
    running = served.app.running
    assert running.generation is not None
    served.outbox.configure(running.plan.background, running.generation.deliveries)


@pytest.mark.parametrize("let_go", [reload, lambda served: act(served, order="retry", state="waiting", name="welcome")])
def test_who_asks_for_it_has_a_held_upstream_looked_at(
    tmp_path: Path, claimed: list[str], let_go: Callable[[Application], object]
) -> None:
    """A reload may have mended it, and who retries wants to see what happens now."""
    text = document(upstream="breaker: {failures: 1, pause: 60s..60s}")
    with process(tmp_path, text, lambda _: httpx.Response(503)) as served:
        served.sign_up(*(f"n{number}" for number in range(9)))
        served.until(lambda: served.outbox.ends["again"] >= 2)
        served.until(lambda: served.counts() == {"waiting": 9})
        before = len(claimed)
        served.outbox.wake()
        served.run(asyncio.sleep(0.01))
        assert len(claimed) == before
        let_go(served)
        served.until(lambda: len(claimed) > before)


def test_a_breaker_that_is_closed_holds_nothing(tmp_path: Path) -> None:
    """By an operator, or by a call of a request: what waits goes at once, and not when its pause would be over."""
    statuses = [503]
    text = document(upstream="breaker: {failures: 1, pause: 60s..60s}")
    with process(tmp_path, text, lambda _: httpx.Response(statuses[0])) as served:
        served.sign_up("a")
        served.until(lambda: served.outbox.ends["again"] == 1)
        served.sign_up("b")
        served.until(lambda: served.outbox.ends["again"] == 2)
        statuses[0] = 200
        (breakers,) = breakers_of(served.app.running)

        async def close() -> None:
            breakers.order(Phase.FORCED_CLOSED, None, "mended")

        served.run(close())
        served.sign_up("c")
        served.until(lambda: served.outbox.ends["sent"] == 1)


@pytest.mark.long
@pytest.mark.parametrize("is_declared", [True, False])
def test_what_waits_for_an_upstream_that_is_switched_off_is_not_looked_at(
    tmp_path: Path, claimed: list[str], is_declared: bool
) -> None:
    """No turn claims any of it, of a call that the file does not declare any more neither; then all of it goes."""
    with process(tmp_path, document()) as served:
        running, target = served.app.running, Target("upstream", "mail")
        running.switching.table.turn_off(target, Switch(None, served.now, "", ""))
        served.run(running.switch())
        names = {"endpoint": "POST /signup"} if is_declared else {"endpoint": "POST /gone", "name": "gone"}

        async def put() -> bool:
            return await served.outbox.put([record(number, **names) for number in range(5)])

        assert served.run(put())
        for _ in range(20):
            served.now += 20
            served.outbox.wake()
            served.run(asyncio.sleep(0))
        served.run(served.outbox.look(5.0))
        assert (claimed, served.counts()) == ([], {"waiting": 5})
        running.switching.table.merge({target: Change(served.now, None)}, served.now)
        served.run(running.switch())
        served.settle(sent=5)


def test_what_has_an_alternative_goes_there(tmp_path: Path) -> None:
    """While its first upstream is switched off."""
    text = document(call="fallback: [{url: POST other:/send, json: {}}]")
    text = text.replace("upstreams:\n", "upstreams:\n  other: {url: 'http://other.test', idempotent: true}\n")
    with process(tmp_path, text) as served:
        running = served.app.running
        running.switching.table.turn_off(Target("upstream", "mail"), Switch(None, served.now, "", ""))
        served.run(running.switch())
        served.sign_up("a")
        served.settle(sent=1)
        assert [request.url.host for request in served.requests] == ["other.test"]
