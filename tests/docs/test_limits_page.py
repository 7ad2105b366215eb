"""The page about limits and caches: each of its files is one that `check` finds nothing wrong with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aggregator.server.once.checking import check_file

PAGE = (Path(__file__).parents[2] / "docs/limits-and-caches.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(PIECES)))
def test_a_file_of_the_page_loads(number: int, tmp_path: Path) -> None:
    """A piece is a whole file but for its version."""
    (tmp_path / "keys.yaml").write_text("[]")
    (tmp_path / "keys.yaml").chmod(0o600)
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{PIECES[number]}", encoding="utf-8")
    assert [problem.message for problem in check_file(str(tmp_path / "routes.yaml")).diagnostics] == []
