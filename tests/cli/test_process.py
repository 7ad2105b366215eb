"""The command as an operator starts it: a process of its own, with real pipes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("fastapi", "starlette", "httpx", "uvicorn", "rich")


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m aggregator` in *folder*."""
    command = [sys.executable, "-m", "aggregator", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)


def test_check(routes_file: Path) -> None:
    """A right file ends with 0 and one line on stderr."""
    result = run("check", folder=routes_file.parent)
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("routes.yaml: no problems")


def test_get_into_a_pipe(routes_file: Path) -> None:
    """What comes through a pipe is the body alone."""
    result = run("get", "/users/1", folder=routes_file.parent)
    assert result.returncode == 0
    assert json.loads(result.stdout)["id"] == 1


def test_a_reader_that_leaves_is_no_fault(routes_file: Path) -> None:
    """`aggregator reference | head -1` ends quietly."""
    command = f"{sys.executable} -m aggregator reference | head -1"
    result = subprocess.run(command, shell=True, cwd=routes_file.parent, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("# Reference\n", "")


@pytest.mark.parametrize("command", ["check", "routes", "explain"])
def test_quick_commands_import_nothing_heavy(routes_file: Path, command: str) -> None:
    """What needs no server loads none: no FastAPI, no httpx, no rich."""
    arguments = [command, *(["/signup"] if command == "explain" else [])]
    code = (
        f"import os, sys; from aggregator.cli import main; sys.argv[1:] = {arguments!r}; os._exit = sys.exit\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print('LOADED', *sorted({set(HEAVY)!r} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=routes_file.parent, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "LOADED"
