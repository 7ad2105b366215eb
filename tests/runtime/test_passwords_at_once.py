"""Passwords are verified two at a time, so that a flood of wrong ones leaves processors to others."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.identity.caller import Caller, Refused
from aggregator.plan.schemes import BasicPlan
from aggregator.runtime.admission.schemes import BasicScheme


def sent(password: str) -> Exchange:
    """Return a request of Ada with *password*."""
    pair = base64.b64encode(f"ada:{password}".encode())
    return Exchange("GET", "/", b"", [(b"authorization", b"Basic " + pair)])


def test_at_most_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait until one of them has ended, well or not, and all are heard in the end."""
    asyncio.run(_flooded(monkeypatch))


async def _flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = 0, asyncio.Semaphore(0)

    async def in_a_thread(function: Callable[..., bool], *words: Any) -> bool:
        nonlocal begun
        begun += 1
        await ended.acquire()
        return words[-1] in (b"right", "right")

    monkeypatch.setattr(asyncio, "to_thread", in_a_thread)
    scheme = BasicScheme(BasicPlan(name="ops", realm="ops", users=()))
    passwords = ["wrong", "wrong as well", "right", "wrong again", "right"]
    waiting = [scheme.judge(sent(password)) for password in passwords]
    tasks = [asyncio.create_task(later()) for later in waiting if callable(later)]
    for number in range(len(tasks)):
        for _ in range(20):
            await asyncio.sleep(0)
        assert begun == min(number + 2, len(tasks))
        ended.release()
    heard = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in heard] == [Refused, Refused, Caller, Refused, Caller]
