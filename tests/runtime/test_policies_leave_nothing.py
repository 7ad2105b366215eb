"""What is around a call is gone with it: nothing waits for the collector of cycles, however many policies there are."""

from __future__ import annotations

import gc

import pytest

ALL = """
upstreams:
  a:
    url: "http://a.test"
    retry: {attempts: 3, backoff: 1ms, on: [reset], budget: {floor: 1000000/s}}
    hedge: {after: 500ms}
    breaker: {failures: 100000, rate: 100%, of: 1000000}
    concurrency: 1000
endpoints: {GET /x: {call: a:/x}}
"""


def made_by(one, calls: int) -> int:
    """Return how many objects *calls* that succeed leave behind for the collector."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(calls):
            one.start()
            one.under_way[0].answer(1)
            one.answers.clear()
            one.sent.clear()
            one.loop.timers.clear()
        one.run = None
        return gc.collect()
    finally:
        gc.enable()


PLAIN = """
upstreams: {a: {url: "http://a.test"}}
endpoints: {GET /x: {call: a:/x}}
"""


@pytest.mark.long
def test_a_call_that_has_ended_is_gone(rig):
    """With all policies, calls leave no more objects in cycles than plain ones do, which the rig itself makes."""
    left = []
    for text in (PLAIN, ALL):
        one = rig(text)
        made_by(one, 10)
        left.append(made_by(one, 110) - made_by(one, 10))
    assert left[1] <= left[0] + 100
