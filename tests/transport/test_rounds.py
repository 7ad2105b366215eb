"""What is done in rounds: everything added before the next turn, in order, each for itself."""

from __future__ import annotations

import asyncio
from typing import Any

from aggregator.transport.tls.rounds import Round


def test_all_act_in_the_next_turn(run: Any) -> None:
    """Members act together in the next turn, in order; what is added meanwhile acts in the one after."""

    async def main() -> None:
        acted: list[str] = []

        def act(member: str) -> None:
            acted.append(member)
            if member == "first":
                turn.add("later")

        turn: Round[str] = Round(asyncio.get_running_loop(), act)
        turn.add("first")
        turn.add("second")
        assert acted == []
        await asyncio.sleep(0)
        assert acted == ["first", "second"]
        await asyncio.sleep(0)
        assert acted == ["first", "second", "later"]

    run(main())


def test_one_that_fails_is_reported(stage: Any) -> None:
    """What a member raises goes to the loop's handler, and the others act all the same."""
    reports: list[Any] = []
    acted: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["exception"]))
        turn: Round[int] = Round(loop, lambda number: acted.append(1 / number))
        turn.add(0)
        turn.add(2)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert acted == [0.5]
    assert [type(report) for report in reports] == [ZeroDivisionError]
