"""What is measured of the process itself."""

from __future__ import annotations

import resource
from types import SimpleNamespace

import pytest

from aggregator.server.metrics import process
from aggregator.telemetry.metrics import families


def test_the_limit_of_files_is_the_one_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hard one is what it could be raised to."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (7, 9))
    assert dict(process.gauges())[families.MAX_FILES] == 7


@pytest.mark.parametrize(("platform", "size"), [("darwin", 5), ("linux", 5120)])
def test_the_most_memory_is_in_bytes(monkeypatch: pytest.MonkeyPatch, platform: str, size: int) -> None:
    """Where the system tells them, and where it tells kibibytes."""
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=5))
    monkeypatch.setattr("sys.platform", platform)
    assert process.most_memory_bytes() == size
