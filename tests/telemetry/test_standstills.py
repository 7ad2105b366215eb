"""Where a loop stands: the operator's own lines first, whatever stands around them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import pytest

import aggregator
from aggregator.telemetry.stacks import Standstill, standstill_of

FILES = {
    "mine": "/srv/shop/my_plugin.py",
    "slow": "/usr/lib/python3/dist-packages/slow/wire.py",
    "ours": f"{aggregator.__path__[0]}/runtime/made_up.py",
}


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Standstill]:
    """Return a function from modules, outermost first, to where a loop stands that has called through them."""
    monkeypatch.setattr(sys, "path", ["/srv/shop", "/usr/lib/python3/dist-packages", *sys.path])

    def stand(chain: str) -> Standstill:
        found: list[Standstill] = []
        call: Callable[[], None] = lambda: found.append(standstill_of(sys._getframe(1)))  # noqa: E731
        for number, name in reversed(list(enumerate(chain.split()))):
            code = compile(f"def f{number}():\n    call()", FILES[name], "exec")
            names = {"call": call}
            exec(code, names)
            call = names[f"f{number}"]

        async def main() -> None:
            asyncio.get_running_loop().call_soon(call)
            await asyncio.sleep(0)

        asyncio.run(main())
        return found[0]

    return stand


@pytest.mark.parametrize(
    ("chain", "stack"),
    [
        ("mine", ["my_plugin.py:2 in f0"]),
        ("ours ours mine mine", ["my_plugin.py:2 in f3", "my_plugin.py:2 in f2"]),
        ("ours mine slow slow slow", ["slow/wire.py:2 in f4", "… 2 in libraries", "my_plugin.py:2 in f1"]),
        (
            "mine ours slow mine slow",
            ["slow/wire.py:2 in f4", "my_plugin.py:2 in f3", "… 2 in libraries", "my_plugin.py:2 in f0"],
        ),
        ("slow ours slow slow", ["slow/wire.py:2 in f3", "… 1 in libraries", "aggregator/runtime/made_up.py:2 in f1"]),
        ("slow slow", ["slow/wire.py:2 in f1", "slow/wire.py:2 in f0"]),
    ],
)
def test_a_stack_shows_what_an_operator_can_change(
    standing: Callable[[str], Standstill], chain: str, stack: list[str]
) -> None:
    """The line where it stands, then the operator's own, innermost first; ours when there is none; then libraries."""
    assert list(standing(chain).stack) == stack


@pytest.mark.parametrize(
    ("chain", "where"),
    [
        ("ours mine slow", "my_plugin.py:2 in f1"),
        ("ours slow", "aggregator/runtime/made_up.py:2 in f0"),
        ("slow slow", "slow/wire.py:2 in f1"),
    ],
)
def test_the_place_is_the_nearest_line_that_can_be_changed(
    standing: Callable[[str], Standstill], chain: str, where: str
) -> None:
    """Not the line of the library that it waits in."""
    assert standing(chain).where == where


def test_a_loop_that_stands_in_itself_is_not_blamed_on_what_has_started_it() -> None:
    """Such as the script of the command, which stands below every loop and says nothing."""
    found: list[Standstill] = []
    call: Callable[[], None] = lambda: found.append(standstill_of(sys._getframe(1)))  # noqa: E731
    for file in (f"{asyncio.__path__[0]}/runners.py", "/opt/venv/bin/aggregator"):
        names = {"call": call}
        exec(compile("def run():\n    call()", file, "exec"), names)
        call = names["run"]
    call()
    assert [line.partition(": ")[0] for line in found[0].stack] == ["asyncio/runners.py:2 in run"]
    assert found[0].where == found[0].stack[0]


def test_a_long_stack_ends(standing: Callable[[str], Standstill]) -> None:
    """After its sixteen innermost lines."""
    assert len(standing("mine " * 30).stack) == 16


def test_a_thread_without_a_loop_is_shown_whole() -> None:
    """There is no loop to leave out; a line is shown with its source."""
    found = standstill_of(sys._getframe())
    assert found.where == found.stack[0]
    assert found.where.endswith(
        " in test_a_thread_without_a_loop_is_shown_whole: found = standstill_of(sys._getframe())"
    )


def test_a_frame_between_two_lines_is_shown_where_its_function_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame of another thread has no line number while it enters a function."""
    frame = sys._getframe()
    monkeypatch.setattr("traceback.walk_stack", lambda _: iter([(frame, None)]))
    assert f":{frame.f_code.co_firstlineno} in {frame.f_code.co_name}" in standstill_of(frame).where
