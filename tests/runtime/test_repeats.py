"""What would be told too often is told ten times a second, and then how often it came beside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from aggregator.runtime.repeats import SECOND, Repeats


@pytest.mark.parametrize(("times", "told"), [(1, []), (10, []), (11, [("a", 1)]), (25, [("a", 15)])])
def test_ten_times_a_second(monkeypatch: pytest.MonkeyPatch, times: int, told: list[tuple[str, int]]) -> None:
    """Of each thing; its second begins with the first time, and all begins anew behind it."""
    ends: list[tuple[float, Callable[[], None]]] = []
    heard: list[tuple[str, int]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "call_later", lambda seconds, end, key: ends.append((seconds, partial(end, key))))
        repeats: Repeats[str] = Repeats(lambda key, more: heard.append((key, more)))
        assert [repeats.lets("a") for _ in range(times)] == [number < 10 for number in range(times)]
        assert repeats.lets("b")
        assert [seconds for seconds, _ in ends] == [SECOND] * 2
        for _, end in ends:
            end()
        assert repeats.lets("a")

    asyncio.run(main())
    assert heard == told
