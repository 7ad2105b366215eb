"""Every test runs in one of two tiers, and none in both; one that starts a process without having said so fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOOKS = "from tiers import pytest_collection_modifyitems, pytest_runtest_call, pytest_runtest_setup"
MARKERS = "".join(f"    {name}: …\n" for name in ("processes", "promise", "other_cell", "each_cell", "long", "later"))
FILE = """
import subprocess, sys
import pytest
from tiers import other_cell, starts_processes

def start():
    subprocess.run([sys.executable, "-Sc", ""])

@pytest.fixture
@starts_processes
def fixture_that_starts():
    start()

@pytest.fixture(params=[other_cell("asyncio"), "uvloop"])
def loop(): pass

def test_plain(): pass
def test_fixture(fixture_that_starts): pass
def test_cell(loop): pass
@pytest.mark.each_cell
def test_each_cell(loop): pass
@pytest.mark.long
@pytest.mark.each_cell
def test_long(loop): pass
@pytest.mark.processes
def test_marked(): start()
@pytest.mark.processes
@pytest.mark.promise
def test_promise(loop): start()
def test_unsaid(): start()
def test_unheard():
    try:
        start()
    except BaseException:
        pass
"""
OUTSIDE = "import os\ndef test_outside(): os.system('')"
FIRST = {"plain", "cell[uvloop]", "each_cell[uvloop]", "each_cell[asyncio]", "promise[uvloop]", "unsaid", "unheard"}
SECOND = {"outside", "fixture", "cell[asyncio]", "long[uvloop]", "long[asyncio]", "marked", "promise[asyncio]"}


@pytest.fixture
def kinds(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a folder with a test of each kind."""
    pytester.makeconftest(HOOKS)
    pytester.makepyfile(test_kinds=FILE)
    (pytester.mkdir("outside") / "test_outside.py").write_text(OUTSIDE, encoding="utf-8")
    pytester.makeini(f"[pytest]\naddopts = --strict-markers -p no:cacheprovider\nmarkers =\n{MARKERS}")
    return pytester


def chosen(script: str) -> str:
    """Return what `-m` of *script* chooses."""
    (expression,) = re.findall(r'-m ("[^"]+"|later)', (ROOT / script).read_text(encoding="utf-8"))
    return expression.strip('"')


def outcomes(kinds: pytest.Pytester, expression: str) -> dict[str, set[str]]:
    """Return the names of the tests that *expression* chooses, by what became of them."""
    passed, skipped, failed = kinds.inline_run("-m", expression).listoutcomes()
    assert skipped == []
    return {
        "passed": {report.nodeid.partition("::test_")[2] for report in passed},
        "failed": {report.nodeid.partition("::test_")[2] for report in failed},
    }


def test_each_test_runs_in_one_tier(kinds: pytest.Pytester) -> None:
    """What both scripts choose is the whole, and nothing twice: a test comes later by its marks, its fixtures, its cell."""
    first, second = (outcomes(kinds, chosen(script)) for script in ("scripts/test", "scripts/test-outside"))
    assert set().union(*first.values()) == FIRST
    assert set().union(*second.values()) == SECOND


def test_a_process_that_nobody_announced_fails_its_test(kinds: pytest.Pytester) -> None:
    """A test of the first tier that starts a process fails, also when it hears nothing of that; those of the second do not."""
    assert outcomes(kinds, chosen("scripts/test"))["failed"] == {"unsaid", "unheard"}
    assert outcomes(kinds, chosen("scripts/test-outside"))["failed"] == set()


def test_both_tiers_run_before_a_change_is_taken() -> None:
    """CI runs the scripts of both tiers; each chooses what the other one leaves."""
    commands = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^scripts/\S+", commands, re.MULTILINE) == ["scripts/test", "scripts/test-outside"]
    assert chosen("scripts/test") == f"not {chosen('scripts/test-outside')}"
