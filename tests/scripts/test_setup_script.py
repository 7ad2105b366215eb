"""The set-up that `scripts/run` and `scripts/test` do by themselves, on machines with a Python of our making."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiers import starts_processes

SCRIPTS = Path(__file__).parents[2] / "scripts"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are POSIX shell")

# Stands for python3 and for the one inside .venv: tells a version, makes a .venv, and notes what pip was asked.
PYTHON = r"""#!/bin/sh
case "$*" in
    *python_version*) echo "$FAKE_VERSION" ;;
    *"sys.version_info"*) [ "$FAKE_VERSION" != 3.9.2 ] ;;
    *ensurepip*) [ "${FAKE_VENV:-yes}" = yes ] ;;
    --version) echo "Python $FAKE_VERSION" ;;
    "-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo venv >>"$FAKE_LOG" ;;
    "-m pip --version") echo pip ;;
    "-m pip install "*) echo "$*" >>"$FAKE_LOG"; [ "${FAKE_PIP:-yes}" = yes ] ;;
    *) exit 9 ;;
esac
"""


class Checkout:
    """A checkout with the scripts and a pyproject.toml, on a machine whose only Python is a fake one."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        shutil.copytree(SCRIPTS, self.root / "scripts")
        (self.root / "pyproject.toml").write_text("[project]\n")
        self.log = folder / "log"
        self.bin = folder / "bin"
        self.bin.mkdir()
        python = self.bin / "python3"
        python.write_text(PYTHON)
        python.chmod(0o755)
        self.env = {"PATH": f"{self.bin}:{os.defpath}", "FAKE_VERSION": "3.12.1", "FAKE_LOG": str(self.log)}
        self.env["PYTHON"] = "python3"

    def setup(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the set-up."""
        return subprocess.run(
            ["sh", str(self.root / "scripts/setup"), *args],
            env={**self.env, **env}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def done(self) -> list[str]:
        """Return what was done since the last look: `venv`, or what pip was asked to install."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line.partition(" -e ")[2].replace(str(self.root), ".") or line for line in lines]


@pytest.fixture
@starts_processes
def checkout(tmp_path: Path) -> Checkout:
    """Return a fresh checkout in a folder whose name has a space."""
    return Checkout(tmp_path)


def test_the_first_set_up_makes_all_and_the_second_nothing(checkout: Checkout) -> None:
    """A fresh machine gets a virtual environment and the project; the next run finds them."""
    first = checkout.setup("run")
    assert (first.returncode, first.stdout) == (0, "")
    assert checkout.done() == ["venv", "."]
    again = checkout.setup("run")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert checkout.done() == []
    assert not (checkout.root / ".venv.lock").is_symlink()


def test_the_tests_need_more_and_are_enough_to_run(checkout: Checkout) -> None:
    """After `dev` nothing is left to do for `run`; the other way round the tools are added."""
    checkout.setup("dev")
    assert checkout.done() == ["venv", ".[dev]"]
    checkout.setup("run")
    assert checkout.done() == []


def test_new_requirements_are_installed(checkout: Checkout) -> None:
    """A changed pyproject.toml is installed once, into the same environment."""
    checkout.setup("run")
    checkout.done()
    (checkout.root / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    checkout.setup("run")
    checkout.setup("run")
    assert checkout.done() == ["."]


def test_a_failed_installation_is_tried_again(checkout: Checkout) -> None:
    """When pip fails so does the script, and what is half done is not taken for ready."""
    assert checkout.setup("run", FAKE_PIP="no").returncode != 0
    checkout.done()
    assert checkout.setup("run").returncode == 0
    assert checkout.done() == ["."]


def test_a_broken_environment_is_made_anew(checkout: Checkout) -> None:
    """An environment whose Python is gone is replaced."""
    checkout.setup("run")
    checkout.done()
    (checkout.root / ".venv/bin/python").unlink()
    checkout.setup("run")
    assert checkout.done() == ["venv", "."]


def test_a_lock_left_behind_does_not_block(checkout: Checkout) -> None:
    """The lock of a process that no longer lives is taken over."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    (checkout.root / ".venv.lock").symlink_to(str(ended.pid))
    assert checkout.setup("run").returncode == 0
    assert not (checkout.root / ".venv.lock").is_symlink()


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"FAKE_VERSION": "3.9.2"}, "python3 is Python 3.9.2, which is too old"),
        ({"FAKE_VENV": "no"}, "cannot make virtual environments (Debian and Ubuntu: apt-get install python3-venv)"),
        ({"PYTHON": "nosuchpython"}, "aggregator needs Python 3.11 or newer"),
    ],
)
def test_a_machine_without_a_usable_python_is_told_why(checkout: Checkout, env: dict[str, str], message: str) -> None:
    """The message names what was found, what is wrong with it and how to name another one."""
    result = checkout.setup("run", **env)
    assert result.returncode == 1
    assert message in result.stderr
    assert "PYTHON=/path/to/python" in result.stderr
    assert checkout.done() == []


def test_unknown_words_are_refused(checkout: Checkout) -> None:
    """The script says how it is used."""
    result = checkout.setup("everything")
    assert (result.returncode, "usage:" in result.stderr) == (2, True)
