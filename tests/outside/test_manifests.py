"""What ``deploy/helm`` and ``deploy/kustomize`` make, as Helm and kustomize render it and Kubernetes reads it.

``scripts/test-deploy`` brings the tools and runs these tests, too; where they are not, what needs them is skipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PATIENCE = 120.0
"""Seconds until something is said to have failed."""
VERSIONS = ("1.25", "1.33")
"""Of Kubernetes: the oldest that the chart takes, and one of today."""
VALUES = [
    {},
    {
        "existingConfigMap": "routes", "existingSecret": "keys", "adminPort": 9000, "autoscaling": {"enabled": True},
        "image": {"repository": "registry.example.com/a", "digest": f"sha256:{'0' * 64}"},
        "env": [{"name": "REGION", "value": "eu"}], "envFrom": [{"secretRef": {"name": "more"}}],
        "imagePullSecrets": [{"name": "registry"}], "podAnnotations": {"a": "b"}, "podLabels": {"c": "d"},
        "nodeSelector": {"e": "f"}, "tolerations": [{"key": "g", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}}, "podDisruptionBudget": {"enabled": False}, "service": {"type": "LoadBalancer"},
    },
]  # fmt: skip


def done(*command: object, **more: Any) -> str:
    """Run *command*; return what it prints, or fail with that."""
    texts = [str(word) for word in command]
    ended = subprocess.run(texts, capture_output=True, text=True, timeout=PATIENCE, **more)
    assert ended.returncode == 0, f"{texts}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def tool(name: str) -> str:
    """Return the path of a command, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here; scripts/test-deploy builds it")
    return found


def rendered(values: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return what the chart makes of *values*."""
    (folder / "values.json").write_text(json.dumps(values))
    told = ["--kube-version", VERSIONS[-1], "--values", folder / "values.json"]
    return [
        one
        for one in yaml.safe_load_all(done(tool("helm"), "template", "aggregator", DEPLOY / "helm/aggregator", *told))
        if one
    ]


def kustomized(folder: str) -> list[dict[str, Any]]:
    """Return what kustomize makes of *folder* of ours."""
    return list(yaml.safe_load_all(done(tool("kustomize"), "build", DEPLOY / "kustomize" / folder)))


def of_kind(kind: str, manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one manifest of *kind*."""
    (found,) = (one for one in manifests if one["kind"] == kind)
    return found


def validated(manifests: list[dict[str, Any]]) -> None:
    """Raise for a manifest that Kubernetes would not take, in any of the versions."""
    for version in VERSIONS:
        for one in manifests:
            kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("values", VALUES, ids=["as it comes", "with everything"])
def test_the_chart_renders_what_kubernetes_takes(values: dict[str, Any], tmp_path: Path) -> None:
    """Helm finds nothing to mend, and each manifest is valid, by the defaults and with every value."""
    validated(rendered(values, tmp_path))
    done(
        tool("helm"),
        "lint",
        "--strict",
        "--kube-version",
        VERSIONS[-1],
        "--values",
        tmp_path / "values.json",
        DEPLOY / "helm/aggregator",
    )


def test_the_chart_refuses_values_that_it_does_not_know(tmp_path: Path) -> None:
    """A value with a typing error is not passed over."""
    with pytest.raises(AssertionError, match="replica"):
        rendered({"replica": 3}, tmp_path)


def test_expressions_of_routes_are_left_alone_by_helm(tmp_path: Path) -> None:
    """What stands in double braces in a file is ours, not a template of Helm."""
    text = 'version: 1\nendpoints:\n  GET /a: {respond: {body: "{{ query.a }}"}}\n'
    made = of_kind("ConfigMap", rendered({"files": {"routes.yaml": text}}, tmp_path))
    assert made["data"] == {"routes.yaml": text}


@pytest.mark.parametrize("folder", ["base", "overlays/example"])
def test_kustomize_renders_what_kubernetes_takes(folder: str) -> None:
    """Each manifest is valid, and the name of the ConfigMap is the same for each content."""
    made = kustomized(folder)
    validated(made)
    volumes = of_kind("Deployment", made)["spec"]["template"]["spec"]["volumes"]
    (named,) = (one["configMap"]["name"] for one in volumes if "configMap" in one)
    assert named == of_kind("ConfigMap", made)["metadata"]["name"] == "aggregator"


@pytest.mark.parametrize("folder", ["base", "overlays/example"])
def test_what_kustomize_reads_is_what_kubernetes_takes(folder: str) -> None:
    """Each whole manifest as it stands, without kustomize; files of ours and patches are none."""
    own = DEPLOY / "kustomize" / folder
    named = yaml.safe_load((own / "kustomization.yaml").read_text())["resources"]
    files = [own / name for name in named if (own / name).is_file()]
    assert files
    validated([one for file in files for one in yaml.safe_load_all(file.read_text())])


def test_helm_and_kustomize_say_the_same(tmp_path: Path) -> None:
    """The same pods run either way, but for labels that Helm adds."""
    chart, base = rendered({}, tmp_path), kustomized("base")
    for made in (chart, base):
        container = of_kind("Deployment", made)["spec"]["template"]["spec"]["containers"][0]
        container["image"] = container["image"].rpartition("/")[2]
    for kind in ("Deployment", "PodDisruptionBudget", "Service", "ConfigMap"):
        assert unlabelled(of_kind(kind, chart)) == unlabelled(of_kind(kind, base))


ADDED = {"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"}
"""Labels that Helm alone writes."""


def unlabelled(value: Any) -> Any:
    """Return *value* without ``ADDED``, and without labels where nothing else is among them."""
    if isinstance(value, list):
        return [unlabelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: unlabelled(one) for name, one in value.items() if name not in ADDED}
    if isinstance(value.get("labels"), dict) and set(value["labels"]) & {"helm.sh/chart"}:
        del made["labels"]
    return made
