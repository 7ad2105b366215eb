"""The units of ``deploy/systemd`` and the action of ``deploy/github-action``, read by the tools of their field."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATIENCE = 120.0
"""Seconds until something is said to have failed."""


def done(*command: object) -> None:
    """Run *command*, or fail with what it prints."""
    texts = [str(word) for word in command]
    ended = subprocess.run(texts, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 0, f"{texts}\n{ended.stdout}{ended.stderr}"


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units of systemd, with the program where it is here."""
    for unit in (ROOT / "deploy/systemd").iterdir():
        text = unit.read_text().replace("/opt/aggregator/bin/aggregator", str(BIN / "aggregator"))
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def test_systemd_finds_nothing_to_mend(units: Path) -> None:
    """The units are understood, and the sandbox is a tight one by systemd's own measure."""
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(units.iterdir())],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (found.returncode, [line for line in found.stderr.splitlines() if "aggregator" in line]) == (0, [])
    done("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", units / "aggregator.service")


@pytest.fixture
def activated(tmp_path: Path) -> Iterator[Path]:
    """A socket that systemd's own activation holds, with our program behind it at the first connection."""
    (tmp_path / "routes.yaml").write_text("version: 1\nendpoints:\n  GET /a: {respond: {body: here}}\n")
    address = tmp_path / "a.sock"
    command = [
        "systemd-socket-activate",
        f"--listen={address}",
        str(BIN / "aggregator"),
        "run",
        str(tmp_path / "routes.yaml"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert "Listening on" in process.stderr.readline()
            yield address
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def test_systemd_hands_its_socket_over(activated: Path) -> None:
    """Who connects before the program runs is answered by it, and not refused."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(activated))
        client.sendall(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'"here"')


def test_the_action_is_one_that_github_takes() -> None:
    """The action fits GitHub's schema."""
    done(
        BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "deploy/github-action/action.yml"
    )
