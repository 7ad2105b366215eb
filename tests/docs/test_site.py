"""The documentation as a site: it builds, and every link and every anchor leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.processes
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """A page that is missing, a link or an anchor that leads nowhere, each would end the build."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=280, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    assert (tmp_path / "site" / "search" / "search_index.json").is_file()
    pages = {path.stem for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= {path.stem for path in (tmp_path / "site").rglob("*.html")}
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not _LOADED.findall(text), page  # a reader without a way out sees all of it
        assert 'class="mermaid"' not in text, page  # which the theme would load a script for


_LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\ssrc=["']?(?:https?:)?//|<link\b[^>]*rel=["']?(?:stylesheet|preconnect|preload)\b[^>]*href=["']?(?:https?:)?//"""
)


def test_a_diagram_that_cannot_be_drawn_ends_the_build() -> None:
    """Rather than a page that shows the words of the diagram, or nothing."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import pictures
    finally:
        sys.path.pop(0)
    svg = pictures.drawn('flowchart LR\n a["One<br>two"] -->|"x"| b')
    assert all(word in svg for word in (">One<", ">two<", ">by x<"))
    for diagram in ("pie\n a: 1", "flowchart LR\n a ==> b", "sequenceDiagram\n participant A\n loop x"):
        with pytest.raises(ValueError, match="is not drawn"):
            pictures.drawn(diagram)
