"""Quotas over restarts: what is used is written to the folder of `state`, and read when the process is back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator.server.once.checking import check_file
from aggregator.stores import kept
from aggregator.stores.folder import StateFolder
from tests.policies.conftest import START, Served

QUOTA = """
state: ./state
endpoints:
  GET /a: {rate_limit: {quota: 2/day, by: "{{ headers['x-api-key'] }}"}, respond: {body: 1}}
"""
ACME, OTHER = {"headers": {"x-api-key": "acme-secret"}}, {"headers": {"x-api-key": "other"}}


@contextmanager
def process(folder: Path, text: str = QUOTA, now: float = START) -> Iterator[Served]:
    """Serve *text* from *folder*, and stop."""
    served = Served(folder, text)
    served.now = now
    try:
        yield served
    finally:
        served.close()


def test_what_is_used_outlives_the_process(tmp_path: Path) -> None:
    """After a restart a caller has what was left; when the period is over, all of it."""
    with process(tmp_path) as served:
        assert [served.get("/a", **who).status_code for who in (ACME, ACME, OTHER)] == [200, 200, 200]
    with process(tmp_path) as served:
        assert [served.get("/a", **who).status_code for who in (ACME, OTHER, OTHER)] == [429, 200, 429]
    with process(tmp_path, now=START + 86400) as served:
        assert served.statuses("/a", 3, **ACME) == [200, 200, 429]


def test_no_value_is_written(tmp_path: Path) -> None:
    """A `by` may be a credential: the file has hashes, and is for its user alone."""
    with process(tmp_path) as served:
        served.get("/a", **ACME)
    path = tmp_path / "state" / "quotas.json"
    (found,) = json.loads(path.read_text())["data"]
    assert [*found["counts"].values()] == [1]
    assert "acme" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_a_quota_that_is_not_there_for_a_while(tmp_path: Path) -> None:
    """An endpoint that is taken out of the file and put back has what it had, over reloads and restarts."""
    without = "state: ./state\nendpoints: {GET /b: {respond: {body: 1}}}"
    with process(tmp_path) as served:
        assert served.statuses("/a", 2, **ACME) == [200, 200]
        served.reload(without)
        served.reload(QUOTA)
        assert served.statuses("/a", 1, **ACME) == [429]
    with process(tmp_path, without) as served:
        served.get("/b")
    with process(tmp_path) as served:
        assert served.statuses("/a", 1, **ACME) == [429]


def test_a_broken_file_is_put_aside(tmp_path: Path) -> None:
    """Counts begin anew, and the file lies beside."""
    with process(tmp_path) as served:
        served.get("/a", **ACME)
    path = tmp_path / "state" / "quotas.json"
    path.write_text('{"version": 1, "data": [{"na')
    with process(tmp_path) as served:
        assert served.statuses("/a", 3, **ACME) == [200, 200, 429]
    assert (tmp_path / "state" / "quotas.json.broken").exists()


def test_it_is_written_while_the_process_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed has lost what the last moment changed, not all."""
    monkeypatch.setattr(kept, "SECONDS", 0.0)
    replace, is_written = StateFolder.replace, threading.Event()

    def told(folder: StateFolder, name: str, content: bytes) -> None:
        replace(folder, name, content)
        if name == "quotas.json" and b'"counts"' in content:
            is_written.set()

    monkeypatch.setattr(StateFolder, "replace", told)
    with process(tmp_path) as served:
        served.get("/a", **ACME)
        assert served.run(asyncio.to_thread(is_written.wait, 30))


def test_what_a_restart_forgets_is_noted(tmp_path: Path) -> None:
    """`check` says that quotas begin anew where there is no `state`."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\n" + QUOTA.replace("state: ./state", ""))
    assert check_file(str(path)).notes == ["quotas begin anew after a restart; `state: ./state` keeps what is used"]
    path.write_text("version: 1\n" + QUOTA)
    assert check_file(str(path)).notes == []
