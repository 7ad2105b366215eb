"""The manual page, read by a formatter of manual pages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "aggregator.1"


def test_the_page_is_well_formed() -> None:
    """Mandoc finds neither an error nor a warning in the page."""
    found = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(PAGE)], capture_output=True, text=True)
    assert found.stdout == ""


def test_the_page_fits_a_terminal() -> None:
    """At 80 columns every line of the rendered page fits."""
    shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=78", str(PAGE)], capture_output=True, text=True)
    lines = re.sub(".\b", "", shown.stdout).splitlines()
    assert "COMMANDS" in lines
    assert max(map(len, lines)) <= 80
