"""One call per item of a list, and one call for many keys; results in the order of the items.

Equal keys are called once; never more than ``concurrency`` calls are under way at a time.
"""

from __future__ import annotations

from typing import Any

from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError, CallError, Cause, ExpressionError
from aggregator.exchange import State
from aggregator.plan.types import EachPlan
from aggregator.runtime.batching import batches, by_key
from aggregator.runtime.frame import Cancelable, Done, Frame, Part
from aggregator.runtime.result import Result, failed
from aggregator.templates import MISSING


class Each:
    """A part that makes its inner call for every distinct key of a list."""

    __slots__ = ("_inner", "_plan", "name")

    def __init__(self, inner: Part, plan: EachPlan) -> None:
        self.name = inner.name
        self._inner = inner
        self._plan = plan

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Read the list and begin with the first calls."""
        now = frame.loop.time()
        try:
            items, keys = self._read(frame)
        except AggregatorError as error:
            result = failed(
                self.name, error if isinstance(error, CallError) else CallError(Cause.EXPRESSION, str(error))
            )
            result.started = result.ended = now
            done(result)
            return None
        running = _Running(self._inner, self._plan, frame, done, items, keys)
        running.begin()
        return running

    def _read(self, frame: Frame) -> tuple[list[Any], list[str]]:
        plan = self._plan
        items = plan.items.evaluate(frame.names)
        if items is None or items is MISSING:
            items = []
        if not isinstance(items, list):
            raise ExpressionError(f"`for_each` of '{self.name}' needs a list.")
        if len(items) > plan.max_items:
            raise ExpressionError(f"`for_each` of '{self.name}' is limited to {plan.max_items} items.")
        return items, [self._key(frame, item, index) for index, item in enumerate(items)]

    def _key(self, frame: Frame, item: Any, index: int) -> str:
        if self._plan.key is None:
            return str(index) if self._plan.batch is None else _key_text(item)
        value = self._plan.key.evaluate(frame.names.child({"item": item, "index": index}))
        if value is MISSING or value is None:
            raise ExpressionError(f"An item of '{self.name}' has no key.")
        return _key_text(value)


def _key_text(value: Any) -> str:
    return value if isinstance(value, str) else json_codec.encode(value).decode()


class _Running:
    """The calls of one list: what waits, what is under way, what has ended by key."""

    __slots__ = ("_active", "_done", "_frame", "_inner", "_items", "_jobs", "_keys", "_next", "_plan", "_results", "_started",
                 "_tickets", "over")  # fmt: skip

    def __init__(
        self, inner: Part, plan: EachPlan, frame: Frame, done: Done, items: list[Any], keys: list[str]
    ) -> None:
        self._inner = inner
        self._plan = plan
        self._frame = frame
        self._done = done
        self._items = items
        self._keys = keys
        self._results: dict[str, Result] = {}
        self._jobs = self._plan_jobs()
        self._next = 0
        self._active = 0
        self._tickets: dict[int, Cancelable] = {}
        self._started = frame.loop.time()
        self.over = False

    def _plan_jobs(self) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
        first = {key: index for index, key in reversed(list(enumerate(self._keys)))}
        distinct = sorted(first.items(), key=lambda pair: pair[1])
        if self._plan.batch is None:
            return [({"item": self._items[index], "index": index}, (key,)) for key, index in distinct]
        chunks = batches([key for key, _ in distinct], self._plan.batch.size)
        return [({"keys": self._plan.batch.separator.join(chunk)}, chunk) for chunk in chunks]

    def begin(self) -> None:
        """Start as many calls as may run at once."""
        if not self._jobs:
            self._finish()
            return
        while not self.over and self._next < len(self._jobs) and self._active < self._plan.concurrency:
            self._launch()

    def _launch(self) -> None:
        number = self._next
        self._next += 1
        self._active += 1
        seed, keys = self._jobs[number]
        ended = False

        def finished(result: Result) -> None:
            nonlocal ended
            ended = True
            self._ended(number, keys, result)

        ticket = self._inner.start(self._frame.with_names(self._frame.names.child(seed)), finished)
        if ticket is not None and not ended:
            if self.over:
                ticket.cancel()
            else:
                self._tickets[number] = ticket

    def _ended(self, number: int, keys: tuple[str, ...], result: Result) -> None:
        if self.over:
            return
        self._active -= 1
        self._tickets.pop(number, None)
        try:
            self._keep(keys, result)
        except AggregatorError as error:
            result = failed(
                self._inner.name,
                error if isinstance(error, CallError) else CallError(Cause.EXPRESSION, str(error)),
            )
            self._results.update(dict.fromkeys(keys, result))
        if result.state is State.FAILED and self._plan.on_error == "fail":
            self._fail(result)
        elif len(self._results) == len(set(self._keys)):
            self._finish()
        else:
            self.begin()

    def _keep(self, keys: tuple[str, ...], result: Result) -> None:
        if self._plan.batch is None or result.state is not State.OK:
            self._results.update(dict.fromkeys(keys, result))
            return
        found = by_key(result.value, self._plan.batch, self._inner.name)
        for key in keys:
            single = Result(self._inner.name, status=result.status)
            single.value = found.get(key)
            self._results[key] = single

    def _fail(self, result: Result) -> None:
        self.cancel()
        result.name = self._inner.name
        result.started, result.ended = self._started, self._frame.loop.time()
        self._done(result)

    def _finish(self) -> None:
        self.over = True
        whole = Result(self._inner.name)
        whole.started, whole.ended = self._started, self._frame.loop.time()
        whole.attempts = len(self._jobs)
        lost = [result for result in self._results.values() if result.state is State.FAILED]
        whole.parts = tuple(lost)
        self._collect(whole)
        self._done(whole)

    def _collect(self, whole: Result) -> None:
        skip = self._plan.on_error == "skip"
        pairs = [(item, self._results[key]) for item, key in zip(self._items, self._keys, strict=True)]
        kept = [(item, result) for item, result in pairs if not (skip and result.state is State.FAILED)]
        into = self._plan.join
        if into is None:
            whole.json = b"[" + b",".join(_text(result) for _, result in kept) + b"]"
        else:
            whole.value = [_joined(item, into, result) for item, result in kept]

    def cancel(self) -> None:
        """Give up all that is under way; nothing more is started."""
        self.over = True
        for ticket in self._tickets.values():
            ticket.cancel()
        self._tickets.clear()


def _text(result: Result) -> bytes:
    return b"null" if result.state is State.FAILED else result.json


def _joined(item: Any, into: str, result: Result) -> Any:
    value = None if result.state is State.FAILED else result.value
    return {**item, into: value} if isinstance(item, dict) else {"item": item, into: value}
