"""What is used of uvicorn beyond its documentation: a release that changes one of these fails here, with its name."""

from __future__ import annotations

import asyncio
import inspect
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.server import ServerState

from aggregator.server.connection.flow import Flow

CYCLE = (
    "scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers", "message_event",
    "expect_100_continue", "keep_alive", "on_response",
)  # fmt: skip


def cycle() -> Any:
    """Return a cycle over nothing."""
    return httptools_impl.RequestResponseCycle(**dict.fromkeys(CYCLE))  # type: ignore[arg-type]


def test_a_cycle_is_made_of_what_we_hand_to_it() -> None:
    """The constructor of the cycle takes exactly the names that we give."""
    assert tuple(inspect.signature(httptools_impl.RequestResponseCycle).parameters) == CYCLE


@pytest.mark.parametrize(
    "name",
    ["body", "chunked_encoding", "disconnected", "expected_content_length", "keep_alive", "message_event", "more_body",
     "response_complete", "response_started", "run_asgi", "scope", "transport"],
)  # fmt: skip
def test_a_cycle_has(name: str) -> None:
    """These are read or set by our protocol."""
    assert hasattr(cycle(), name)


def test_a_cycle_finds_in_our_flow_what_it_asks_for() -> None:
    """Whatever the cycle uses of uvicorn's flow control, ours has too."""
    source = inspect.getsource(httptools_impl.RequestResponseCycle)
    used = set(re.findall(r"self\.flow\.(\w+)", source))
    assert used == {"write_paused", "drain", "resume_reading"}
    assert all(hasattr(Flow(SimpleNamespace()), name) for name in used)  # type: ignore[arg-type]


def test_the_server_keeps_what_its_connections_share() -> None:
    """Connections, tasks, headers of every answer, and the count of requests are found under these names."""
    assert {"connections", "tasks", "default_headers", "total_requests"} <= vars(ServerState()).keys()
    assert flow_control.HIGH_WATER_LIMIT > 0


def test_a_server_without_sockets_starts_and_takes_listeners() -> None:
    """Started with no socket, the server leaves accepting to whatever stands in ``servers``."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Serve nothing."""

    async def start() -> uvicorn.Server:
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[])
        return server

    server = asyncio.run(start())
    assert server.servers == []
    assert server.started
    assert {"config", "server_state", "should_exit", "force_exit"} <= vars(server).keys()
    assert callable(server.capture_signals)
    assert server.config.timeout_graceful_shutdown is None


def test_uvicorn_has_an_upper_bound() -> None:
    """A release that nobody has tried is not installed."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    (requirement,) = [one for one in project["project"]["dependencies"] if one.startswith("uvicorn")]
    assert "<" in requirement
