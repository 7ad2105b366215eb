"""Installs what the benchmark needs, once: system tools, Node modules, Python environments.

Everything but the system packages lands in ``benchmarks/.cache``. A stamp beside each part holds a
hash of what it was made from, so that a second run installs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
CACHE = BENCHMARKS / ".cache"
PEERS = BENCHMARKS / "peers"
NODE_MODULES = CACHE / "node" / "node_modules"
PROJECT = BENCHMARKS.parent
PYTHON = CACHE / "venv" / "bin" / "python"
"""What runs the peers."""
OWN_PYTHON = CACHE / "own" / "bin" / "python"
"""What runs aggregator: an environment as an operator has it, without what only peers need."""

_PACKAGES = {
    "wrk": "wrk",
    "nginx": "nginx",
    "openssl": "openssl",
    "taskset": "util-linux",
    "node": "nodejs",
    "npm": "npm",
}
_LUA_MODULE = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
_START_POLICY = Path("/usr/sbin/policy-rc.d")


class MissingToolError(Exception):
    """Something that the benchmark needs is not there and could not be installed."""


def install_everything() -> None:
    """Make every tool available, or raise :class:`MissingToolError` with what to do."""
    CACHE.mkdir(exist_ok=True)
    _install_system_tools()
    _install_node_modules()
    requirements = PEERS / "requirements.txt"
    _install_python_environment(PYTHON, "-r", str(requirements), "-e", str(PROJECT), made_from=[requirements])
    _install_python_environment(OWN_PYTHON, "-e", str(PROJECT))


def _install_system_tools() -> None:
    packages = [package for command, package in _PACKAGES.items() if not shutil.which(command)]
    if not _LUA_MODULE.exists():
        packages.append("libnginx-mod-http-lua")
    if not packages:
        return
    names = " ".join(sorted(set(packages)))
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingToolError(f"Install these first, as root: apt-get install --no-install-recommends {names}")
    with _services_kept_stopped():
        _run(["apt-get", "update", "-qq"])
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(set(packages))])


@contextmanager
def _services_kept_stopped() -> Iterator[None]:
    """Keep Debian from starting nginx on port 80 when its package is installed."""
    if _START_POLICY.exists():
        yield
        return
    _START_POLICY.write_text("#!/bin/sh\nexit 101\n")
    _START_POLICY.chmod(0o755)
    try:
        yield
    finally:
        _START_POLICY.unlink()


def _install_node_modules() -> None:
    manifest = PEERS / "package.json"
    folder = NODE_MODULES.parent
    with _unless_stamped(folder, manifest) as fresh:
        if fresh:
            return
        shutil.copy(manifest, folder / "package.json")
        _run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"], folder)


def _install_python_environment(python: Path, *what: str, made_from: Sequence[Path] = ()) -> None:
    folder = python.parent.parent
    with _unless_stamped(folder, PROJECT / "pyproject.toml", *made_from) as fresh:
        if fresh:
            return
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *what])


def compile_project(python: Path) -> None:
    """Have *python* keep the project's bytecode, as an installation does: a checkout may hold none, or an old one.

    Raises :class:`MissingToolError` where no ``aggregator`` is installed beside *python*.
    """
    if not python.with_name("aggregator").is_file():
        raise MissingToolError(f"There is no `aggregator` beside {python}: install the project there first.")
    _run([str(python), "-m", "compileall", "-q", str(PROJECT / "aggregator")])


@contextmanager
def _unless_stamped(folder: Path, *sources: Path) -> Iterator[bool]:
    """Yield whether *folder* was made from exactly these *sources*; stamp it when the block succeeds."""
    stamp = CACHE / f"{folder.name}.stamp"
    wanted = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    fresh = folder.is_dir() and stamp.is_file() and stamp.read_text() == wanted
    folder.mkdir(parents=True, exist_ok=True)
    yield fresh
    stamp.write_text(wanted)


def _run(command: list[str], folder: Path | None = None) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    print(f"installing: {Path(command[0]).name} {' '.join(command[1:3])} …", flush=True)
    outcome = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise MissingToolError(f"{' '.join(command[:3])} failed:\n{outcome.stdout[-2000:]}{outcome.stderr[-2000:]}")
