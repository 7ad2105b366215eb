"""The last good value of a part, for a while after it fails: its state is ``stale`` then, and its age is told."""

from __future__ import annotations

from collections.abc import Callable

from aggregator.causes import Cause, State
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.losses import lost_in
from aggregator.parts.result import Result
from aggregator.policies.cache.calls import are_for_all
from aggregator.policies.cache.kept import Kept
from aggregator.policies.cache.plan import LastGoodPlan
from aggregator.policies.cache.purged.untagged import have_all_tags
from aggregator.transport.door import Cancelable

KeyOf = Callable[[Frame], bytes]


class LastGood:
    """*inner*, whose last good value stands in for a failure as *plan* says; *key_of* tells what it depends on."""

    def __init__(self, inner: Part, kept: Kept[Result], key_of: KeyOf, plan: LastGoodPlan) -> None:
        self.name = inner.name
        self._inner = inner
        self._kept = kept
        self._key_of = key_of
        self._plan = plan

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start it; a failure that is not the client's becomes the last good value."""
        key, began = self._key_of(frame), self._kept.begin()

        def ended(result: Result) -> None:
            done(self._settled(key, result, began))

        return self._inner.start(frame, ended)

    def _settled(self, key: bytes, result: Result, began: int) -> Result:
        if result.state is State.OK and result.age is None and not lost_in(result):
            if not are_for_all((result,)) or not have_all_tags((result,)):
                return result
            copy = _copy(result)
            tags = {*self._plan.tags, *(tag for one in result.rests_on() for tag in one.tags)}
            self._kept.put(key, copy, len(copy.json), tags, began)
            return result
        if result.state is not State.FAILED or _is_of_the_client(result):
            return result
        entry = self._kept.get(key)
        if entry is None or (age := self._kept.now() - entry.at) >= self._plan.seconds:
            return result
        good, attempts = _copy(entry.value), result.attempts
        good.started, good.ended = result.started, result.ended
        good.was_kept(age)
        good.state, good.cause, good.attempts = State.STALE, result.cause, attempts
        return good


def _copy(result: Result) -> Result:
    """Return a result with the same value, status and headers, of which nothing else is held."""
    copy = Result(result.name, result.started, result.ended, status=result.status)
    copy.headers, copy.json, copy.upstream = result.headers, result.json, result.upstream
    return copy


def _is_of_the_client(result: Result) -> bool:
    """Return whether *result* failed by what the client sent, or is a 4xx: what is gone is not to be shown."""
    return result.cause is Cause.INPUT or (result.cause is Cause.STATUS and 400 <= result.status < 500)
