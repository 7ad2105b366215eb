"""What the files of ``deploy/`` say fits what the program is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from aggregator.config.loading import load_config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUSTOMIZE = DEPLOY / "kustomize"


def test_constraints_are_versions_and_nothing_else() -> None:
    """There is one line a package: no place that it comes from, no path, no digest."""
    lines = [line for line in (DEPLOY / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == []
    assert len({line.split("==")[0] for line in lines}) == len(lines)


def test_constraints_know_what_the_program_requires() -> None:
    """Each requirement of the program and of its extras has a version that fits it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [
        one
        for name, some in project["optional-dependencies"].items()
        if name not in ("all", "dev", "outside", "deploy")
        for one in some
    ]
    lines = (DEPLOY / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    required = [Requirement(text) for text in (*project["dependencies"], *extras)]
    assert [
        str(one) for one in required if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"))
    ] == []


def test_versions_are_those_of_the_program() -> None:
    """The chart and the kustomization run the image of this version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((DEPLOY / "helm/aggregator/Chart.yaml").read_text())
    base = yaml.safe_load((KUSTOMIZE / "base/kustomization.yaml").read_text())
    assert (chart["version"], chart["appVersion"], base["images"][0]["newTag"]) == (version,) * 3


@pytest.mark.parametrize("folder", ["base", "overlays/example"])
def test_pods_have_the_time_that_their_file_takes_to_stop(folder: str, tmp_path: Path) -> None:
    """The grace of Kubernetes exceeds what the file takes, and draining outlasts the probe that has to see it."""
    (tmp_path / "users").write_text("secret")
    text = (KUSTOMIZE / folder / "routes.yaml").read_text().replace("/run/secrets/aggregator", str(tmp_path))
    (tmp_path / "routes.yaml").write_text(text)
    config = load_config(tmp_path / "routes.yaml", {})
    pod = yaml.safe_load((KUSTOMIZE / "base/deployment.yaml").read_text())["spec"]["template"]["spec"]
    server, probe = config.settings.server, pod["containers"][0]["readinessProbe"]
    assert config.warnings == ()
    assert server.drain_delay + server.shutdown_grace < pod["terminationGracePeriodSeconds"]
    assert server.drain_delay > probe["periodSeconds"] * probe["failureThreshold"]


def test_units_have_the_time_to_stop() -> None:
    """Systemd waits longer than a server takes with the grace of the defaults and a delay of ten seconds."""
    unit = (DEPLOY / "systemd/aggregator.service").read_text()
    assert int(re.findall(r"(?m)^TimeoutStopSec=(\d+)$", unit)[0]) > 20 + 10


def test_no_file_names_a_machine() -> None:
    """No path of the machine that it was written on, and no host of packages, is in a file of deploy."""
    texts = {path.name: path.read_text() for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    found = {name: re.findall(r"/(?:home|root|Users)/\S+|(?:index|registry|mirror)[-_]?(?:url)?\s*[=:]\s*http\S+", text)
             for name, text in texts.items()}  # fmt: skip
    assert {name: hits for name, hits in found.items() if hits} == {}
