"""An upstream that takes nothing is left alone: what waits for it costs no work until it may be asked again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from aggregator.stores.effects.file import EffectsInFile
from tests.effects.conftest import document, process

BREAKER = "breaker: {failures: 3, pause: 100ms..100ms}"


def test_what_waits_behind_an_open_breaker_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much that is: no turn claims any of it until the breaker lets one through, and then all of it goes."""
    claimed = 0
    turn = EffectsInFile.turn

    async def counted(self: EffectsInFile, asked: object) -> object:
        nonlocal claimed
        found = await turn(self, asked)  # type: ignore[arg-type]
        claimed += len(found.claimed)
        return found

    monkeypatch.setattr(EffectsInFile, "turn", counted)
    down = True
    text = document(upstream=BREAKER, call="").replace("attempts: 3, backoff: 1s..1s", "attempts: 90, backoff: 1s..1s")
    with process(tmp_path, text, lambda _: httpx.Response(503 if down else 200)) as served:
        served.sign_up(*(f"n{number}" for number in range(40)))
        served.until(lambda: len(served.requests) >= 3)
        served.until(lambda: served.counts() == {"waiting": 40})
        before = claimed
        for _ in range(20):  # new ones wake it, and find nothing to do
            served.sign_up("more")
            served.run(asyncio.sleep(0))
        assert claimed == before
        down = False
        served.now += 61
        for _ in range(200):
            served.now += 1
            served.outbox.wake()
            served.run(asyncio.sleep(0.01))
            if served.counts() == {"sent": 60}:
                break
        assert served.counts() == {"sent": 60}
