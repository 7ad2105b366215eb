"""A process whose stderr nobody reads serves on, says what it lost, and ends when it is told to."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROUTES = "version: 1\ntelemetry: {log: {access: all, format: json}}\nendpoints: {'GET /n/{id}': {respond: {body: 1}}}"
LONG = "x" * 2000


def test_a_server_whose_log_nobody_reads(tmp_path: Path):
    """Answers go on beyond the pipe and beyond the buffer; `/-/config` and the log count the lines that were lost."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    command = [sys.executable, "-m", "aggregator", "run", "--no-watch", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stderr is not None
        try:
            address = json.loads(process.stderr.readline())["address"].removeprefix("http://")
            with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
                for _ in range(800):
                    assert answer(connection, f"/n/{LONG}") == b"1"
                lost = json.loads(answer(connection, "/-/config"))["lost_log_lines"]
            assert lost > 0
            assert told_lost(process) == lost
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.close()
        assert process.wait(120) == 0


def test_a_signal_ends_a_server_whose_log_nobody_reads(tmp_path: Path):
    """The last lines are waited for a second, not for ever."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    command = [sys.executable, "-m", "aggregator", "run", "--no-watch", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stderr is not None
        address = json.loads(process.stderr.readline())["address"].removeprefix("http://")
        with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
            for _ in range(100):
                assert answer(connection, f"/n/{LONG}") == b"1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def answer(connection: http.client.HTTPConnection, path: str) -> bytes:
    """Return the body of the answer to a GET of *path*."""
    connection.request("GET", path)
    return connection.getresponse().read()


def told_lost(process: subprocess.Popen[str]) -> int:
    """Read the log until it says how many lines were lost; return their number."""
    assert process.stderr is not None
    for line in process.stderr:
        record = json.loads(line)
        if record["message"].startswith("Lines of the log were lost"):
            return int(record["lines"])
    raise AssertionError("it was never said")
