"""Tests that need more than Python: run by ``scripts/test-outside`` and ``scripts/test-deploy``, which install what they need."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ports import free_ports
from valkey import Valkey

from .language_server import LanguageServer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SERVER = HERE / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"

collect_ignore_glob = [] if os.environ.get("AGGREGATOR_OUTSIDE") else ["test_*.py"]
# It takes minutes: `scripts/test-deploy` runs them.
collect_ignore = [] if os.environ.get("AGGREGATOR_OUTSIDE") == "deploy" else ["test_packages.py"]


@pytest.fixture(scope="session")
def editor() -> Iterator[LanguageServer]:
    """An editor that knows the schema of this project."""
    with LanguageServer(["node", str(SERVER), "--stdio"], ROOT / "routes.schema.json") as server:
        yield server


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, list[Valkey]]]:
    """Return the URL of three nodes, and the nodes."""
    ports, buses = free_ports(3), free_ports(3)
    with contextlib.ExitStack() as stack:
        nodes = []
        for port, bus in zip(ports, buses, strict=True):
            node = Valkey(
                "--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", str(bus)
            )
            stack.callback(node.close)
            nodes.append(node.start())
        for number, node in enumerate(nodes):
            first, last = number * 16384 // 3, (number + 1) * 16384 // 3 - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            node.ask("CLUSTER", "MEET", "127.0.0.1", str(ports[0]), str(buses[0]))
        for _ in range(3000):
            if all(node.ask("CLUSTER", "KEYSLOT", "a") and node.is_whole() for node in nodes):
                break
            time.sleep(0.01)
        yield f"redis+cluster://{','.join(f'127.0.0.1:{port}' for port in ports)}", nodes
