"""A process in which no event loop can be made says so, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import sys

import pytest

from aggregator.server.process.event_loop import event_loop, run_in_loop


def test_without_a_loop_nothing_is_begun_and_nothing_else_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """What uvloop logs of the loop that it could not finish is kept back, and no coroutine is left unawaited."""
    begun: list[bool] = []

    async def main() -> None:
        """Do nothing."""

    def begin() -> object:
        begun.append(True)
        return main()

    def make() -> asyncio.AbstractEventLoop:
        logging.getLogger("asyncio").error("deallocating an open event loop")
        logging.getLogger("asyncio").error("something else")
        raise OSError(24, "Too many open files")

    with pytest.raises(OSError, match="Too many open files"):
        run_in_loop(begin, make)  # type: ignore[arg-type]
    assert begun == []
    assert caplog.messages == ["something else"]


def test_with_a_loop_its_result_is_returned(caplog: pytest.LogCaptureFixture) -> None:
    """Later lines of asyncio are logged as ever."""

    async def main() -> int:
        logging.getLogger("asyncio").error("deallocating an open event loop")
        return 7

    assert run_in_loop(main) == 7
    assert caplog.messages == ["deallocating an open event loop"]


@pytest.mark.parametrize(
    ("platform", "is_there", "loop", "said"),
    [
        ("linux", True, "uvloop", []),
        ("darwin", True, "uvloop", []),
        ("win32", False, "asyncio", []),
        ("linux", False, "asyncio", ["uvloop cannot be loaded, so asyncio's own loop serves, and slower: pip install uvloop."]),
    ],
)  # fmt: skip
def test_uvloop_serves_where_it_is_there(
    platform: str, is_there: bool, loop: str, said: list[str], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """What is lost without it is told, except where there is none."""
    monkeypatch.setattr(sys, "platform", platform)
    if not is_there:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    assert (event_loop(), caplog.messages) == (loop, said)
