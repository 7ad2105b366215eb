"""The page about the edge: each of its files is one that `check` finds nothing wrong with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aggregator.server.once.checking import check_file

PAGE = (Path(__file__).parents[2] / "docs/edge.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(PIECES)))
def test_a_file_of_the_page_loads(number: int, tmp_path: Path) -> None:
    """A piece is a whole file but for its version and the upstreams that it calls."""
    piece = PIECES[number]
    head = "version: 1\n" if "upstreams:" in piece else 'version: 1\nupstreams: {up: {url: "http://127.0.0.1:9"}}\n'
    (tmp_path / "routes.yaml").write_text(head + piece, encoding="utf-8")
    found = check_file(str(tmp_path / "routes.yaml")).diagnostics
    assert [problem.message for problem in found if problem.code != "unused"] == []
