"""What is published, as it is installed: wheel and sdist, the action, the hook of pre-commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATIENCE = 900.0
"""Seconds until something is said to have failed."""
WRONG = "version: 1\nendpoints:\n  GET /a: {respnd: {body: here}}\n"

pytestmark = pytest.mark.timeout(PATIENCE)


def run(*command: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run *command*; return what became of it."""
    texts = [str(word) for word in command]
    return subprocess.run(texts, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, **more)


def done(*command: object, **more: Any) -> str:
    """Run *command*; return what it prints, or fail with that."""
    ended = run(*command, **more)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_what_is_published_runs_where_nothing_else_is(tmp_path: Path) -> None:
    """The wheel, built from the sdist, serves from an empty environment, with the versions that the SBOM names."""
    done(ROOT / "scripts/package", tmp_path / "dist", env=os.environ | {"PYTHON": sys.executable})
    (wheel,), (sdist,), (sbom,) = (
        list((tmp_path / "dist").glob(f"*.{kind}")) for kind in ("whl", "tar.gz", "cdx.json")
    )
    with tarfile.open(sdist) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames()}
    installed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("aggregator/")}
    assert installed <= packed
    here = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "aggregator").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here == installed

    done(sys.executable, "-m", "venv", tmp_path / "empty")
    programs = tmp_path / "empty/bin"
    constraints = ROOT / "deploy/constraints.txt"
    done(programs / "pip", "install", "--quiet", "--constraint", constraints, sdist, cwd=tmp_path)
    done(programs / "aggregator", "init", cwd=tmp_path)
    done(programs / "aggregator", "check", "--deny-warnings", cwd=tmp_path)
    assert json.loads(done(programs / "aggregator", "get", "/users/1", "--json", cwd=tmp_path))["status"] == 200

    pinned = dict(line.split("==") for line in constraints.read_text().splitlines() if "==" in line and line[0] != "#")
    got = {one["name"]: one["version"] for one in json.loads(done(programs / "pip", "list", "--format=json"))}
    assert {
        name: pinned.get(name) for name in set(got) - {"pip", "setuptools", "aggregator-server"}
    }.items() <= got.items()
    named = {one["name"]: one["version"] for one in json.loads(sbom.read_text())["components"]}
    assert named.items() >= pinned.items()


def test_the_action_annotates_what_it_finds(tmp_path: Path) -> None:
    """The step of the action installs its own version and fails with an annotation."""
    (tmp_path / "bad.yaml").write_text(WRONG)
    step = yaml.safe_load((ROOT / "deploy/github-action/action.yml").read_text())["runs"]["steps"][-1]
    inputs = {
        "FILE": "bad.yaml",
        "DENY_WARNINGS": "true",
        "EXTRAS": "xml",
        "PYTHON": sys.executable,
        "SOURCE": str(ROOT),
    }
    given = os.environ | inputs | {"GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(tmp_path)}
    assert set(step["env"]) <= set(given)
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    ended = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.startswith("::error file=bad.yaml,line=3,")


def test_pre_commit_runs_the_hook(tmp_path: Path) -> None:
    """The hook of the repository, installed by pre-commit itself, finds a mistake."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    done(*git, "init", "--quiet", cwd=tmp_path)
    (tmp_path / "routes.yaml").write_text(WRONG)
    done(*git, "add", "routes.yaml", cwd=tmp_path)
    command = [str(BIN / "pre-commit"), "try-repo", str(ROOT), "aggregator-check", "--all-files"]
    kept = os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "kept")}
    ended = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "routes.yaml:3:" in ended.stdout
    assert "respond" in ended.stdout
