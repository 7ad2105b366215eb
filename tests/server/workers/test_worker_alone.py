"""One worker without the supervisor, whose words the test says, and what the supervisor leaves it."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path
from typing import cast

import httpx
import pytest

from aggregator.plan.serving import ServerPlan
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.listeners.opening import open_listeners
from aggregator.server.process import memory, serving
from aggregator.server.process.http_server import LAST_MOMENT
from aggregator.server.workers.balance import Balance
from aggregator.server.workers.channel import tell_first
from aggregator.server.workers.messages import Go, Message, Ready, Stop, decoded
from aggregator.server.workers.supervising.supervisor import patience
from aggregator.server.workers.worker import Worker
from aggregator.telemetry.control import LogControl
from aggregator.telemetry.redaction import Masker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")

ROUTES = "version: 1\nendpoints:\n  GET /n: {respond: {body: 1}}\n"
PATIENCE = 120.0  # only what hangs takes so long


def told(end: socket.socket) -> Message:
    """Return the next message of the worker at the other side of *end*."""
    length = int.from_bytes(end.recv(4, socket.MSG_WAITALL), "big")
    return decoded(end.recv(length, socket.MSG_WAITALL))


def test_the_supervisor_waits_longer_than_its_workers_may_take() -> None:
    """Whoever still has requests within the grace is not killed: five seconds go beyond all that a worker may take."""
    server = ServerPlan(drain_delay=3.0, shutdown_grace=20.0)
    assert patience(server) == 3.0 + 20.0 + LAST_MOMENT + 5.0


def test_a_worker_watches_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor alone watches: a worker that reloaded by itself would answer otherwise than the others."""
    watched: list[object] = []

    async def watch(*of: object) -> None:
        watched.append(of)

    monkeypatch.setattr(serving, "watch_files", watch)
    monkeypatch.setattr(memory, "is_plain", lambda: True)
    path = tmp_path / "routes.yaml"
    path.write_text(ROUTES)
    files = PlanFiles(path)
    plan = files.load()
    listeners = open_listeners(plan.server, "127.0.0.1", 0)
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(PATIENCE)
        worker = Worker(
            files, plan, listeners, end=theirs, balance=Balance(1), seat=0, generation=1, control=cast("LogControl", None),
            masker=Masker(), follow=lambda _: None,
        )  # fmt: skip
        thread = threading.Thread(target=worker.run)
        thread.start()
        tell_first(ours, Go())
        while not isinstance(told(ours), Ready):
            pass
        port = listeners[0].socket.getsockname()[1]
        assert httpx.get(f"http://127.0.0.1:{port}/n", timeout=PATIENCE).json() == 1
        tell_first(ours, Stop())
        thread.join(PATIENCE)
    assert (thread.is_alive(), watched) == (False, [])
