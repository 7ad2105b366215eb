"""From an answer that is told by callback to one that is awaited, as long as its client is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.replying import Receive
from aggregator.runtime.finish.leaving import Answered
from aggregator.runtime.parts.fanout import Run
from aggregator.runtime.request.hangup import done_unless_gone
from aggregator.transport.door import Cancelable


async def answer_of(
    begin: Callable[[Answered], Cancelable | None], receive: Receive, loop: asyncio.AbstractEventLoop
) -> tuple[Answer, Run | None]:
    """Return what the function that *begin* is given is called with: an answer and its run.

    What was begun is canceled when the client goes, and raises ``ClientGone`` then.
    """
    done: asyncio.Future[bool] = loop.create_future()
    made: list[tuple[Answer, Run | None]] = []

    def answered(answer: Answer, run: Run | None) -> None:
        made.append((answer, run))
        if not done.done():
            done.set_result(False)

    ticket = begin(answered)
    try:
        await done_unless_gone(done, receive, loop)
    except BaseException:
        if ticket is not None:
            ticket.cancel()
        raise
    return made[0]
