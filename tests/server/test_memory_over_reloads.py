"""Reloads leave nothing behind: what the hundredth holds is what the tenth held."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from pathlib import Path

import pytest

from aggregator.server.application.app import application
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.telemetry.lately import LATELY, MOST

HEAD = 'version: 1\nupstreams: {up: {url: "http://127.0.0.1:9", headers: {x-key: "${file:secret}"}}}\nendpoints:\n'
ENDPOINT = """  GET /n{number}/{{id}}:
    query: {{q: {{type: string, pattern: "^a{turn}"}}}}
    fan_out:
      one: {{url: "up:/a/{{id}}?t={turn}-{number}", headers: {{x-turn: "{{{{ request.id }}}} {turn}-{number}"}}}}
      two: {{url: up:/b, when: "{{{{ query.q != '{turn}' }}}}"}}
"""


def write(folder: Path, turn: int) -> None:
    """Write the file and its secret anew: everything that the file says differs from every other turn."""
    (folder / "secret").write_text(f"rotating-secret-{turn}")
    endpoints = "".join(ENDPOINT.format(number=number, turn=turn) for number in range(5))
    (folder / "routes.yaml").write_text(HEAD + endpoints)


def held() -> Counter[str]:
    """Return how many objects of each of our classes there are."""
    gc.collect()
    kinds = (type(thing) for thing in gc.get_objects())
    return Counter(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if str(kind.__module__).startswith("aggregator")
    )


async def settled(least: Counter[str] | None = None) -> Counter[str]:
    """Return what is held once the old generation has gone, whose end takes a few turns of the loop.

    So does that of its plan: the thread that loaded it may hold it a moment longer. It has gone when the same is held
    twice, or no more than *least*.
    """
    before: Counter[str] | None = None
    for _ in range(100):
        found = held()
        is_alone = found["aggregator.server.generations.generation.Generation"] == 1
        if is_alone and (found == before if least is None else not found - least):
            break
        before = found
        await asyncio.sleep(0.01)
    return found


async def reloaded(folder: Path, turns: int) -> tuple[Counter[str], Counter[str]]:
    """Return what is held after the tenth reload, and after the last one of *turns*."""
    write(folder, 0)
    running = application(PlanFiles(folder / "routes.yaml")).running
    await running.open()
    try:
        tenth: Counter[str] = Counter()
        for turn in range(1, turns + 1):
            write(folder, turn)
            outcome = await running.reload()
            assert outcome.generation == turn + 1, outcome.report
            if turn == 10:
                tenth = await settled()
        return tenth, await settled(tenth)
    finally:
        await running.close()


@pytest.mark.long
def test_nothing_is_left_of_old_generations(tmp_path):
    """Secrets rotate and every text changes; no class has more objects than after the tenth reload."""
    for _ in range(MOST):  # the ring of what has changed lately is full before the first reload: it may not grow
        LATELY.note(logging.INFO, "Full.", {})
    tenth, last = asyncio.run(reloaded(tmp_path, 60))
    assert tenth["aggregator.server.generations.generation.Generation"] == 1
    assert last - tenth == Counter()
