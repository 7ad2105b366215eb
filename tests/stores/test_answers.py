"""Claims and answers by key: what every implementation promises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aggregator.stores.answers.contract import Answers
from aggregator.stores.answers.kept import AnswersInFile, AnswersInMemory
from aggregator.stores.answers.table import AnswerTable, Bounds, Held

MANY = Bounds(100, 1_000_000)
Open = Callable[[], Answers]


class Clock:
    """Unix time, as a test says."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands."""
    return Clock()


@pytest.fixture(params=["memory", "file"])
def answers(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[tuple[Answers, asyncio.Runner]]:
    """Yield each implementation, and a loop for it."""
    with asyncio.Runner() as runner:
        made: Answers = AnswersInMemory(clock) if request.param == "memory" else AnswersInFile(tmp_path, clock)
        yield made, runner
        runner.run(made.aclose())


def test_one_has_the_claim(answers: tuple[Answers, asyncio.Runner]) -> None:
    """Another is told that it is being made, and for whom, until there is a value."""
    made, runner = answers
    token = runner.run(made.claim(b"k", b"r", 10))
    assert isinstance(token, int)
    assert runner.run(made.claim(b"k", b"other", 10)) == Held(b"r", None, 10)
    runner.run(made.keep(b"k", token, b"value", 60, MANY))
    assert runner.run(made.claim(b"k", b"r", 10)) == Held(b"r", b"value", 60)


def test_a_claim_that_is_given_back_is_another_s(answers: tuple[Answers, asyncio.Runner]) -> None:
    """The next who asks makes the answer."""
    made, runner = answers
    token = runner.run(made.claim(b"k", b"r", 10))
    runner.run(made.release(b"k", token))
    assert isinstance(runner.run(made.claim(b"k", b"r", 10)), int)


def test_a_claim_of_one_who_died_ends(answers: tuple[Answers, asyncio.Runner], clock: Clock) -> None:
    """After its lifetime another may have it, and the first can neither keep nor give back any more."""
    made, runner = answers
    first = runner.run(made.claim(b"k", b"r", 10))
    clock.now += 10
    second = runner.run(made.claim(b"k", b"r", 10))
    assert isinstance(second, int)
    runner.run(made.keep(b"k", first, b"late", 60, MANY))
    runner.run(made.release(b"k", first))
    assert runner.run(made.claim(b"k", b"r", 10)) == Held(b"r", None, 10)


def test_a_value_that_is_too_large_is_not_kept(answers: tuple[Answers, asyncio.Runner]) -> None:
    """It would leave room for nothing else; its claim is given back."""
    made, runner = answers
    token = runner.run(made.claim(b"k", b"r", 10))
    assert runner.run(made.keep(b"k", token, b"x" * 2000, 60, Bounds(10, 1000))) == 0
    assert isinstance(runner.run(made.claim(b"k", b"r", 10)), int)


def test_beyond_the_bytes_those_go_that_end_first(answers: tuple[Answers, asyncio.Runner]) -> None:
    """A claim goes for nobody."""
    made, runner = answers
    runner.run(made.claim(b"held", b"r", 1))
    for number in range(3):
        token = runner.run(made.claim(b"%d" % number, b"r", 10))
        gone = runner.run(made.keep(b"%d" % number, token, b"x" * 1000, 60 + number, Bounds(10, 3000)))
    assert gone == 1
    found = [runner.run(made.claim(key, b"r", 10)) for key in (b"held", b"0", b"1", b"2")]
    assert [isinstance(one, Held) for one in found] == [True, False, True, True]


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    """What one has claimed the other does not get, and the bounds are those of both."""
    one, other = AnswerTable(tmp_path / "a.db"), AnswerTable(tmp_path / "a.db")
    token = one.claim(b"k", b"r", 0, 10)
    assert other.claim(b"k", b"r", 1, 10) == Held(b"r", None, 9)
    one.keep(b"k", token, b"v", 1, 10, MANY)  # type: ignore[arg-type]
    assert other.claim(b"k", b"r", 2, 10) == Held(b"r", b"v", 9)
    assert one.total == other.total
    assert other.total.count == 1
    one.close()
    other.close()


def test_what_is_over_is_removed(tmp_path: Path) -> None:
    """Each answer that is kept removes some of those whose time is over."""
    table = AnswerTable(tmp_path / "a.db")
    for number in range(50):
        table.claim(b"%d" % number, b"r", 0, 10)
    token = table.claim(b"k", b"r", 20, 10)
    table.keep(b"k", token, b"v", 20, 10, MANY)  # type: ignore[arg-type]
    assert table.total.count == 1
    table.close()


def test_those_of_a_subject_are_forgotten(answers: tuple[Answers, asyncio.Runner]) -> None:
    """What is being made for it is not kept either; that of others stays."""
    made, runner = answers
    token = runner.run(made.claim(b"a", b"r", 10, b"ann"))
    other = runner.run(made.claim(b"b", b"r", 10, b"bob"))
    assert isinstance(token, int)
    assert isinstance(other, int)
    runner.run(made.keep(b"b", other, b"v", 60, MANY))
    assert runner.run(made.forget(b"ann")) == 1
    runner.run(made.keep(b"a", token, b"v", 60, MANY))
    assert isinstance(runner.run(made.claim(b"a", b"r", 10)), int)
    assert runner.run(made.claim(b"b", b"r", 10)) == Held(b"r", b"v", 60)
    assert runner.run(made.forget(b"ann")) == 0
