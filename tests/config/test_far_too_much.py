"""A file that goes beyond what is read has a located problem, and takes no time."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.config.text import patterns
from aggregator.errors import ConfigError

TOP = "version: 1\nupstreams: {u: {url: http://u.test}}\n"
ONE = "endpoints:\n  GET /a: {call: u:/a}\n"


def codes(text: str, folder: Path) -> set[str]:
    """Return the codes of the problems of *text*, each of which has a line and a hint."""
    (folder / "routes.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(folder / "routes.yaml", {})
    assert all(problem.position.line > 0 for problem in caught.value.diagnostics)
    return {problem.code for problem in caught.value.diagnostics}


def _groups(levels: int, width: int) -> str:
    lines = [f"  g{level}: {{{', '.join(f'c{n}: {{fan_out: {{use: g{level + 1}}}}}' for n in range(width))}}}"
             for level in range(levels)]  # fmt: skip
    return TOP + "groups:\n" + "\n".join(lines) + f"\n  g{levels}: {{z: {{url: u:/x}}}}\n"


@pytest.mark.parametrize(("levels", "width"), [(20, 2), (6, 20)])
def test_groups_that_double_with_each_level(levels: int, width: int, tmp_path: Path) -> None:
    """Twenty levels of two are a million calls: the endpoint has too many, and that is found by counting a few."""
    text = _groups(levels, width) + "endpoints:\n  GET /a: {fan_out: {use: g0}}\n"
    assert codes(text, tmp_path) == {"too-many-calls"}


@pytest.mark.long
def test_a_long_chain_of_groups(tmp_path: Path) -> None:
    """Groups within groups have a deepest level, as everything has that is nested."""
    assert codes(_groups(400, 1) + "endpoints:\n  GET /a: {fan_out: {use: g0}}\n", tmp_path) == {"too-many-calls"}


def test_a_pattern_that_matches_everything(tmp_path: Path) -> None:
    """More files than a configuration has are not read."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1001):
        (folder / f"{number}.yaml").touch()
    assert codes(f"{TOP}include: many/**/*\n{ONE}", tmp_path) == {"too-many-files"}


def test_a_pattern_that_looks_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree with few matches is not walked without end; what is hidden is not looked at."""
    monkeypatch.setattr(patterns, "MOST_ENTRIES", 20)
    text = f"{TOP}include: many/**/*.yaml\n{ONE}"
    for folder, expected in (("many/.git", {"include-missing"}), ("many/deep/deeper", {"too-many-files"})):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(21):
            (tmp_path / folder / f"{number}.txt").touch()
        assert codes(text, tmp_path) == expected


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("'*/*/*.yaml'", {"too-many-files"}),
        ("'many/*/*.yaml'", {"too-many-files"}),
        ("'*/3/[!x].yaml'", {"include-missing"}),
        ("'few/*/*.yaml'", {"include-missing"}),
        ("[" + ", ".join(f"'many/{number}/*.yaml'" for number in range(5)) + "]", {"too-many-files"}),
    ],
)
def test_a_pattern_that_looks_into_many_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, include: str, expected: set[str]
) -> None:
    """What counts are the entries of all folders that all patterns lead into, whatever matches."""
    monkeypatch.setattr(patterns, "MOST_ENTRIES", 12)
    (tmp_path / "few" / "a").mkdir(parents=True)
    for number in range(5):
        (tmp_path / "many" / f"{number}").mkdir(parents=True)
        for name in ("a", "b", "c"):
            (tmp_path / "many" / f"{number}" / name).touch()
    assert codes(f"{TOP}include: {include}\n{ONE}", tmp_path) - {"include-missing"} == expected - {"include-missing"}


@pytest.mark.processes
@pytest.mark.parametrize("pattern", ["**/*.yaml", "*/" + "x/" * 1500 + "*.yaml"])
def test_a_pattern_that_leads_far_down(tmp_path: Path, pattern: str) -> None:
    """Folders within folders end somewhere, too."""
    (tmp_path / "x").mkdir()
    deep = os.open(tmp_path / "x", os.O_DIRECTORY)
    for _ in range(1500):
        os.mkdir("x", dir_fd=deep)
        below = os.open("x", os.O_DIRECTORY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    try:
        assert codes(f"{TOP}include: '{pattern}'\n{ONE}", tmp_path) == {"too-many-files"}
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "x"], check=True)  # Python's own way is not deep enough, either


@pytest.mark.parametrize("text", ["? " * 20_000, "endpoints:\n  " + "? " * 20_000 + "\n"])
def test_keys_within_keys(text: str, tmp_path: Path) -> None:
    """A key that is a mapping is a level of nesting, too."""
    assert "too-deep" in codes("version: 1\n" + text, tmp_path)


@pytest.mark.parametrize("size", ["9" * 400, f"'{'9' * 400}MB'", "9" * 30, "2000000GiB"])
def test_a_size_beyond_every_machine(size: str, tmp_path: Path) -> None:
    """A number that no memory has is a mistake."""
    assert codes(f"server: {{max_body: {size}}}\n{TOP}{ONE}", tmp_path) <= {"bad-size", "ambiguous-value"}


@pytest.mark.parametrize("duration", [f"{'9' * 400}s", "40000d"])
def test_a_duration_beyond_every_clock(duration: str, tmp_path: Path) -> None:
    """Timers count to a hundred years at most."""
    assert codes(f"client: {{timeout: {duration}}}\n{TOP}{ONE}", tmp_path) == {"bad-duration"}
