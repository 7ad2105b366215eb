"""Failures that are kept: an upstream has refused, and each request that meets that later is told of it anew."""

from __future__ import annotations

from aggregator.causes import Cause
from aggregator.parts.result import Result
from aggregator.policies.cache.kept import room_of
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.outcome import is_partial
from aggregator.runtime.parts.fanout import Run

_AS_DATA = 8
"""How many times its text a body may take that was read."""


def may_be_told_again(answer: Answer, run: Run) -> bool:
    """Return whether *answer*, which the failure of *run* became, is that of other requests too.

    So it is when the status of an upstream is the reason. A failure that became a success, or a 5xx that became less,
    stands in for what there would be, as do defaults of other parts: that is not kept for as long.
    """
    failure = run.failure
    assert failure is not None
    others = [result for result in run.ended_results() if result is not failure]
    if failure.cause is not Cause.STATUS or failure.error is None or failure.error.cause is not Cause.STATUS:
        return False
    return (500 if failure.status >= 500 else 400) <= answer.status and not is_partial(others)


def room_of_failure(failure: Result) -> int:
    """Return the bytes that *failure* takes, with the parts beside it, where it is inside a group: rows may read those.

    That is of each its reply, and what a row has read that to.
    """
    beside = [result for level in failure.scope for result in level.results if result is not None]
    replies = {id(one.reply): room_of(one.reply) for one in (failure, *beside) if one.reply is not None}
    return sum(replies.values()) + sum(_AS_DATA * len(one.raw) for one in (failure, *beside) if one.is_read)
