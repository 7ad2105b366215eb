"""A switch that is over before the generation without its target serves is looked at again at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from aggregator.policies.switches.table import Switch, Target
from aggregator.server.generations.switching import Switching

PLAN: Any = SimpleNamespace(maintenance=())


@pytest.mark.anyio
async def test_what_ended_while_it_was_built_is_served_again() -> None:
    """Not with the next minute."""
    now, changed = [5.0], asyncio.Event()

    async def change() -> None:
        changed.set()

    switching = Switching(lambda: now[0], change)
    switching.table.turn_off(Target("endpoint", "GET /a"), Switch(10.0, 5.0, "", ""))
    offs = switching.offs(PLAN)
    now[0] = 11.0
    switching.serving(PLAN, offs)
    async with asyncio.timeout(30):
        await changed.wait()
    switching.stop()
