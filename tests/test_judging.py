"""A mutant is killed by tests alone: what goes wrong in the judge (tests/judging.py) ends the run of mutants."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from judging import said_by
from mutants import verdict_in


def failing(error: BaseException) -> Callable[[Callable[[], None]], dict[str, Any]]:
    """Return a judge that fails with *error*."""

    def judge(_: Callable[[], None]) -> dict[str, Any]:
        raise error

    return judge


def test_a_fault_of_the_judge_is_no_verdict() -> None:
    """What it raises is told with its place, and raised by whoever asked."""
    said = said_by(failing(KeyError("a fault of the judge")), print)
    with pytest.raises(RuntimeError, match=r"(?s)judge of mutants failed: .*in judge.*a fault of the judge"):
        verdict_in(json.dumps(said))


def test_a_judge_that_has_ended_gives_no_verdict() -> None:
    """The end of its pipe is an error of the run."""
    with pytest.raises(RuntimeError, match="its process has ended"):
        verdict_in("")


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), pytest.exit.Exception(), pytest.fail.Exception()])
def test_a_test_may_end_the_process(error: BaseException) -> None:
    """What a change makes of a test is no fault of the judge: the process ends without an answer, which counts as noticed."""
    with pytest.raises(type(error)):
        said_by(failing(error), print)


@pytest.mark.parametrize("test", [None, "tests/test_http.py::test_it"])
def test_what_tests_say_is_the_verdict(test: str | None) -> None:
    """The first that fails, or none."""
    said = said_by(lambda _: {"test": test}, print)
    assert verdict_in(json.dumps(said)) == {"test": test}
