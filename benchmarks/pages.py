"""On how many pages of memory lies what requests read: ``python benchmarks/pages.py``.

A server with two thousand endpoints; shown are bytes of pages for each endpoint, by kind of object. The fewer, the
fewer waits: a processor knows the places of about two thousand pages. It exits with 1 when a kind takes more than its
limit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT, PAGE = 2000, 4096
MOST = {"keys": 64, "handlers": 176, "senders": 176, "tails": 96}
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
    lying = dict(keys=table._targets, handlers=handlers, senders=senders, tails=[one.tail for one in senders])
    print(json.dumps({name: len({id(one) // 4096 for one in found}) for name, found in lying.items()}))
    await running.close()

asyncio.run(serve(application(PlanFiles(Path(sys.argv[1]), {})).running))
"""


def pages(path: Path) -> dict[str, int]:
    """Return how many pages hold each kind of object, in a process that serves thousands of endpoints."""
    endpoints = "".join(f"  GET /user_{n}/{{id}}: {{call: 'u:/a/{{id}}?for={n}'}}\n" for n in range(COUNT))
    path.write_text(f"version: 1\nupstreams: {{u: {{url: 'http://u.example'}}}}\nendpoints:\n{endpoints}")
    command = [sys.executable, "-c", PROGRAM, str(path)]
    found = subprocess.run(command, env={"PYTHONMALLOC": "pymalloc"}, capture_output=True, text=True, check=True)
    counts: dict[str, int] = json.loads(found.stdout)
    return counts


def main() -> int:
    """Count, show, and compare with the limits."""
    with tempfile.TemporaryDirectory() as folder:
        found = {kind: count * PAGE / COUNT for kind, count in pages(Path(folder) / "routes.yaml").items()}
    for kind, size in found.items():
        print(f"{kind:<10} {size:6.0f} bytes an endpoint   limit {MOST[kind]}")
    return int(any(size > MOST[kind] for kind, size in found.items()))


if __name__ == "__main__":
    sys.exit(main())
