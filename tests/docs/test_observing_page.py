"""The page about observing: each of its files is fine, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aggregator.cli.group import COMMANDS
from aggregator.server.admin.reading.views import SHOWN, is_view
from aggregator.server.live.serving import PATH as EVENTS
from aggregator.server.once.checking import check_file

PAGE = (Path(__file__).parents[2] / "docs/observing.md").read_text(encoding="utf-8")
FILES = [piece for piece in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "endpoints:" in piece]
VIEWS = (Path(__file__).parents[2] / "aggregator/server/page/web/views/index.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("piece", FILES)
def test_a_file_of_the_page_has_no_problem(piece: str, tmp_path: Path) -> None:
    """It is whole."""
    file = tmp_path / "routes.yaml"
    file.write_text(piece, encoding="utf-8")
    assert [problem.message for problem in check_file(str(file)).diagnostics] == []


def test_its_commands_are_there() -> None:
    """Each that a snippet runs."""
    assert set(re.findall(r"^\$ aggregator (\w+)", PAGE, re.MULTILINE)) <= set(COMMANDS)


def test_its_views_are_those_of_the_page() -> None:
    """All that have a title, in their order; an endpoint is reached from them."""
    section = PAGE.partition("## The page\n")[2].partition("\n\nIts own files")[0]
    named = [
        name
        for name in re.findall(r"^\| ([\w ]+)(?:, an upstream)? \|", section, re.MULTILINE)
        if name not in ("view", "an endpoint")
    ]
    assert named == re.findall(r'title: "([^"]+)"', VIEWS)


def test_what_its_views_ask_for_is_shown() -> None:
    """Each path that the page names is one that the address of administration answers."""
    section = PAGE.partition("## The page\n")[2].partition("\n## ")[0]
    asked = set(re.findall(r"`(?:GET )?(/-/[a-z]+)[`?]", section))
    assert {path for path in asked if path != EVENTS and not is_view(path)} == set()
    assert set(SHOWN) - {"/-/quotas"} <= asked
