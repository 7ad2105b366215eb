"""The documentation as a site: it builds, and every link and every anchor leads somewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """A page that is missing, a link or an anchor that leads nowhere, each would end the build."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=110, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    assert (tmp_path / "site" / "search" / "search_index.json").is_file()
    pages = {path.stem for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= {path.stem for path in (tmp_path / "site").rglob("*.html")}
