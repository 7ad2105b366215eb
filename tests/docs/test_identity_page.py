"""The page about identity: each of its files is one that `check` finds nothing wrong with."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from aggregator.server.once.checking import check_file

PAGE = (Path(__file__).parents[2] / "docs/identity.md").read_text(encoding="utf-8")
PIECES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ENV = {name: f"{name}: a secret as long as it has to be" for name in re.findall(r"\$\{([A-Z_]+)\}", PAGE)}
FILES = dict(re.findall(r"^```yaml (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)) | {
    "partners.yaml": f"- {{name: acme, sha256: {hashlib.sha256(b'acme').hexdigest()}}}\n",
    "htpasswd": "ada:$2b$04$C6UzMDM.H6dfI/f/IKcEeO7ZHvTPP5Z9BgnAFj1cSfFX7dXpuQ7yq\n",
}


@pytest.mark.parametrize("number", range(len(PIECES)))
def test_a_file_of_the_page_loads(number: int, tmp_path: Path) -> None:
    """A piece is a whole file but for its version, and the files and variables that it names."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{PIECES[number]}", encoding="utf-8")
    found = check_file(str(tmp_path / "routes.yaml"), ENV).diagnostics
    assert [problem.message for problem in found] == []
