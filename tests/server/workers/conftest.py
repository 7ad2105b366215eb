"""`aggregator run` with several workers, in processes of its own."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from tiers import starts_processes

from aggregator.server.workers.supervising import crew
from tests.server.workers.played import Played, serves
from tests.server.workers.supervised import Script, Supervised

PATIENCE = 120.0  # only what hangs takes so long


class Workers:
    """One supervisor with all that belongs to it; *lines* are what they wrote so far, each without its time.

    Its workers start by a *way* that is written into their files.
    """

    def __init__(self, folder: Path, way: str, *arguments: str) -> None:
        self.folder, self.way = folder, way
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aggregator", "run", "--port", "0", *arguments],
            cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until *condition* holds; return what it gave."""
        ends = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < ends, self.lines
            with self._news:
                self._news.wait(0.05)
        return found

    def said(self, text: str) -> list[str]:
        """Return the lines with *text*."""
        return [line for line in tuple(self.lines) if text in line]

    def until_said(self, text: str, times: int = 1) -> list[str]:
        """Wait until *times* lines have *text*; return them."""

        def found() -> list[str]:
            is_over = not self._reader.is_alive()  # asked first: what is there then is all that ever comes
            lines = self.said(text)
            assert len(lines) >= times or not is_over, self.lines
            return lines if len(lines) >= times else []

        lines: list[str] = self.until(found)
        return lines

    def pids(self, text: str = "A worker serves.") -> list[int]:
        """Return the processes of lines with *text*."""
        return [int(re.findall(r"pid=(\d+)", line)[0]) for line in self.said(text)]

    @property
    def url(self) -> str:
        """Where they serve."""
        return re.findall(r"http://127\.0\.0\.1:\d+", self.until_said("  http://127.0.0.1:")[0])[0]

    def get(self, path: str) -> httpx.Response:
        """Return the answer to a request over a connection of its own."""
        return httpx.get(f"{self.url}{path}", timeout=PATIENCE)

    def write(self, routes: str) -> None:
        """Save another file."""
        (self.folder / "new").write_text(started_by(self.way, routes))
        (self.folder / "new").rename(self.folder / "routes.yaml")

    def group(self, number: int) -> None:
        """Send a signal to all of them, as a terminal does."""
        os.killpg(self.process.pid, number)

    def end(self) -> int:
        """Wait for the end of all of them; return the exit code of the supervisor."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)  # it ends when the last process has closed its side
        assert not self._reader.is_alive()
        assert not self.said("Traceback"), self.lines
        return code

    def close(self) -> None:
        """End what is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()


def started_by(way: str, routes: str) -> str:
    """Return the file *routes* with workers that start by *way*."""
    return routes.replace("workers: {", f"workers: {{start: {way}, ")


@pytest.fixture
def way() -> str:
    """How workers start, where a test does not say it."""
    return "auto"


@pytest.fixture
@starts_processes
def workers(tmp_path: Path, way: str) -> Iterator[Callable[..., Workers]]:
    """Starts them with a file of this text, and *plugins* beside it."""
    started: list[Workers] = []

    def start(routes: str, *arguments: str, **plugins: str) -> Workers:
        for name, code in plugins.items():
            (tmp_path / f"{name}.py").write_text(code)
        (tmp_path / "routes.yaml").write_text(started_by(way, routes))
        started.append(Workers(tmp_path, way, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def supervise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[..., Supervised]:
    """Returns a supervisor beside which a script runs; signals to workers that are played reach these."""
    caplog.set_level(logging.INFO, logger="aggregator.server")
    monkeypatch.setattr(crew, "_FIRST_PAUSE", 0.0)
    kill = os.kill

    def start(script: Script, spawned: Callable[[Played], None] = serves, **settings: str) -> Supervised:
        made = Supervised(tmp_path, script, spawned, **settings)
        monkeypatch.setattr(
            os, "kill", lambda pid, number: (kill if pid == os.getpid() else made.players.kill)(pid, number)
        )
        return made

    return start
