"""What requests read of an endpoint lies together in memory, apart from all that loading made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COUNT, PAGE = 2000, 4096
MOST = {"keys": 64, "handlers": 160, "senders": 160, "tails": 96}
"""Bytes of pages for each endpoint. A key and a tail take 48, a handler and its sender 64 each, on the same pages."""

PROGRAM = """
import asyncio, json, sys
from aggregator.server.application.app import application
from aggregator.server.process.memory import Holes, keep_loaded
from aggregator.server.generations.plan_source import PlanFiles
from pathlib import Path

async def serve(running):
    holes = Holes()
    keep_loaded()
    await holes.fill()
    await running.open()
    handlers = [route.handler for route in running.generation.routes]
    senders = [handler.parts[0] for handler in handlers]
    (table,) = running.generation.index._methods["GET"].fitting(2)
    lying = dict(keys=table._targets, handlers=handlers, senders=senders, tails=[one._tail for one in senders])
    print(json.dumps({name: len({id(one) // 4096 for one in found}) for name, found in lying.items()}))
    await running.close()

asyncio.run(serve(application(PlanFiles(Path(sys.argv[1]), {})).running))
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many pages hold each kind of object, in a process that serves thousands of endpoints."""
    path: Path = tmp_path_factory.mktemp("lying") / "routes.yaml"
    endpoints = "".join(f"  GET /user_{n}/{{id}}: {{call: 'u:/a/{{id}}?for={n}'}}\n" for n in range(COUNT))
    path.write_text(f"version: 1\nupstreams: {{u: {{url: 'http://u.example'}}}}\nendpoints:\n{endpoints}")
    command = [sys.executable, "-c", PROGRAM, str(path)]
    found = subprocess.run(command, env={"PYTHONMALLOC": "pymalloc"}, capture_output=True, text=True, timeout=60)
    assert not found.stderr
    counts: dict[str, int] = json.loads(found.stdout)
    return counts


@pytest.mark.parametrize("kind", MOST)
def test_what_requests_read_lies_together(pages: dict[str, int], kind: str) -> None:
    """The fewer pages, the fewer waits: a processor knows the places of about two thousand."""
    assert pages[kind] * PAGE / COUNT < MOST[kind]
