"""The page about deploying: its file is fine, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from aggregator.server.monitoring.rules import NAMES
from aggregator.server.once.checking import check_file

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("piece", [piece for piece in PIECES if "endpoints:" in piece])
def test_a_file_of_the_page_has_no_problem(piece: str, tmp_path: Path) -> None:
    """It is whole."""
    (tmp_path / "admin").write_text("a long enough secret of operators")
    file = tmp_path / "routes.yaml"
    file.write_text(piece.replace("/run/secrets/aggregator", str(tmp_path)), encoding="utf-8")
    assert [problem.message for problem in check_file(str(file)).diagnostics] == []


@pytest.mark.parametrize("piece", [piece for piece in PIECES if "endpoints:" not in piece])
def test_files_of_others_are_yaml(piece: str) -> None:
    """They can be read."""
    assert isinstance(yaml.safe_load(piece), dict)


def test_its_files_are_there() -> None:
    """Each path in the repository that it names."""
    named = set(re.findall(r"(?:deploy|scripts)/[\w./-]*[\w-]", PAGE))
    assert len(named) > 8
    assert [name for name in sorted(named) if not (ROOT / name).exists() and not list(ROOT.glob(f"{name}*"))] == []


def test_its_values_are_those_of_the_chart() -> None:
    """Each that a command sets."""
    values = yaml.safe_load((ROOT / "deploy/helm/aggregator/values.yaml").read_text())
    for told in re.findall(r"--set (\S+)", PAGE):
        for name in (one.partition("=")[0] for one in told.split(",")):
            found = values
            for part in name.split("."):
                assert part in found, name
                found = found[part]


def test_its_alerts_are_written() -> None:
    """Each that it speaks of is one that ``aggregator monitoring`` writes."""
    written = {f"Aggregator{name}" for name in NAMES}
    named = set(re.findall(r"`(Aggregator\w+)`", PAGE))
    assert named
    assert named <= written
