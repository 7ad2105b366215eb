"""Wrong files, each a document beside this one: the YAML, and what the operator reads.

``UPDATE=1 pytest tests/wrong_files`` writes what they read now; look at every difference before you commit it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.diagnostics import Diagnostic, render_text
from aggregator.errors import ConfigError

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("[0-9]*-*.md"))

_FILE = re.compile(r"^```yaml (?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SAID = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"`([A-Z_]+)=(.*?)`")


def problems(document: str, folder: Path) -> tuple[list[Diagnostic], str]:
    """Load the files of *document* from *folder*; give the problems and how they are shown."""
    for file in _FILE.finditer(document):
        (folder / file["name"]).write_text(file["text"], encoding="utf-8")
        (folder / file["name"]).chmod(0o600)
    try:
        config = load_config("routes.yaml", dict(_VARIABLE.findall(document)))
    except ConfigError as error:
        return list(error.diagnostics), render_text(error.diagnostics, error.sources)
    return list(config.warnings), render_text(config.warnings, config.sources)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_wrong_file(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong file is explained in the very words of its document; every problem names a way out."""
    document = case.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found, shown = problems(document, tmp_path)
    if os.environ.get("UPDATE"):
        case.write_text(_SAID.sub(lambda _: f"{shown}\n", document), encoding="utf-8")
        return
    said = _SAID.search(document)
    assert said is not None
    assert shown == said[0].removesuffix("\n")
    assert found
    assert [problem.message for problem in found if not problem.hint] == []
    assert not [value for _, value in _VARIABLE.findall(document) if value in shown]


def test_none_is_lost() -> None:
    """There are more than fifty of them, and no two are about the same."""
    subjects = [path.stem.partition("-")[2] for path in CASES]
    assert len(subjects) > 50
    assert len(set(subjects)) == len(subjects)
