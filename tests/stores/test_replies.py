"""Replies that a function is called with: what it does wrong hurts nobody else."""

from __future__ import annotations

import asyncio

from aggregator.errors import StoreError
from aggregator.stores.shared.replies import Call, Replies


def test_what_follows_a_reply_may_fail():
    """The loop is told, and the reply behind it comes; all that waits hears why there is none."""

    async def main() -> None:
        told, faults = [], []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
        replies = Replies(60.0, told.append)
        replies.add([Call(lambda found: [][found], int), Call(told.append, int), Call(told.append, int)])
        replies.next("1")
        replies.next("2")
        replies.fail("It was closed.")
        replies.next("3")
        assert [type(fault) for fault in faults] == [IndexError]
        assert (told[0], type(told[1]), str(told[1])) == (2, StoreError, "It was closed.")
        assert len(told) == 2

    asyncio.run(main())
