"""The client of a broker is imported before the first message, and never by the loop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from tests.server.conftest import until

ROUTES = """
upstreams: {events: {url: "URL"}}
endpoints:
  POST /done: {respond: {body: 1}, background: {name: told, url: events:/done, json: {a: 1}}}
"""


class Importers:
    """Notes which thread looks for each module of a *package*."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.threads: list[str] = []

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Find nothing, and take note."""
        if name.split(".")[0] == self.package:
            self.threads.append(threading.current_thread().name)


@pytest.mark.parametrize(
    ("scheme", "package"), [("nats", "nats"), ("amqp", "aiormq"), ("amqp", "pamqp"), ("redis+stream", "redis")]
)
def test_nothing_is_imported_in_the_loop(
    stage: Any, monkeypatch: pytest.MonkeyPatch, scheme: str, package: str
) -> None:
    """It is imported in a thread while the file is loaded; a message that cannot be sent imports no more of it."""
    importers = Importers(package)
    for name in [one for one in sys.modules if one.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [importers, *sys.meta_path])
    gateway = stage.gateway(ROUTES.replace("URL", f"{scheme}://127.0.0.1:1"))
    gateway.ask("POST", "/done", "content-length: 0")
    until(lambda: gateway.said("A background call failed."))
    assert any(one.split(".")[0] == package for one in sys.modules)
    assert gateway.thread.name not in importers.threads
