"""What a hit costs: counted in calls of Python functions, since times differ from machine to machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from aggregator.exchange import Exchange
from aggregator.parts.frame import Frame
from aggregator.parts.names import Names
from aggregator.parts.result import Result
from aggregator.policies.cache.calls import Cached
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.plan import AnswerCachePlan, AnswerKeyPlan, CachePlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.keeping.answers import Keeping
from aggregator.runtime.keeping.contract import KeptAnswer
from aggregator.runtime.keeping.keys import key_maker
from aggregator.templates import compile_value
from aggregator.transport import Reply

REPLY = Reply(200, [(b"content-type", b"application/json")], b"1")


class Call:
    """A call whose reply is kept."""

    name = label = "up"
    timeout = 5.0
    may_take_long = False

    def key(self, _: Frame) -> bytes:
        """Return the key of all of them."""
        return b"k"

    def place(self, _: Frame) -> str:
        """Return the place of all of them."""
        return "place"

    def judge(self, _: Frame, __: Any, started: float) -> Result:
        """Return a result without a body."""
        return Result("up", started, started, status=200)

    def start(self, *_: Any) -> None:
        """Fail: nobody is to be asked."""
        raise AssertionError


def called_in(work: Callable[[], object]) -> list[str]:
    """Return the names of the functions of Python that *work* calls, without those of this file."""
    calls: list[str] = []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename != __file__:
            calls.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize(("tags", "most"), [((), 9), (("a",), 12), (("{{ request.method }}",), 20)])
def test_a_kept_reply_costs_few_calls(tags: tuple[str, ...], most: int) -> None:
    """Finding it, its age and its result; tags cost a few more only where there are some."""
    exchange = Exchange("GET", "/", b"", [])
    frame: Any = Frame(exchange, Names(exchange), 9.0, SimpleNamespace(time=lambda: 5.0))
    kept: Kept[Reply] = Kept(10_000, lambda: 5.0)
    kept.put(b"k", REPLY, 1, ["a"], kept.begin())
    call: Any = Call()
    part = Cached(call, call, kept, CachePlan((("200", 60.0),), tags=tuple(map(compile_value, tags))))
    told: list[Result] = []
    part.start(frame, told.append)
    calls = called_in(lambda: part.start(frame, told.append))
    assert len(calls) <= most, calls
    assert kept.hits == len(told) == 2


def test_a_kept_answer_costs_few_calls() -> None:
    """Its key, its age and its head: nothing of it is made anew."""
    kept: Kept[KeptAnswer] = Kept(10_000, lambda: 5.0)
    key = AnswerKeyPlan(b"GET /")
    keeping = Keeping(AnswerCachePlan(CachePlan((("200", 60.0),)), key), kept, lambda _: False)
    exchange = Exchange("GET", "/", b"", [])
    maker: Any = SimpleNamespace(has_effects=False)
    loop: Any = None
    kept.put(key_maker(key)(exchange), KeptAnswer.of(Answer(200, [(b"etag", b'"1"')], b"1"), ()), 1, [], kept.begin())
    told: list[Answer] = []

    def once() -> None:
        keeping.serve(maker, exchange, loop, lambda answer, _: told.append(answer))

    once()
    calls = called_in(once)
    assert len(calls) <= 9, calls
    assert [answer.status for answer in told] == [200, 200]
