"""The last good value of a part, for a while after it fails: its state is ``stale`` then, and its age is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from aggregator.causes import Cause, State
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.losses import lost_in
from aggregator.parts.result import Result
from aggregator.policies.cache.calls import are_for_all
from aggregator.policies.cache.kept import Entry, Kept
from aggregator.policies.cache.plan import LastGoodPlan
from aggregator.policies.cache.purged.untagged import have_all_tags
from aggregator.policies.cache.shared.leases import Begun
from aggregator.policies.cache.shared.level import SharedLevel
from aggregator.transport.door import Cancelable

KeyOf = Callable[[Frame], bytes]
_SHARE: Final = 10
"""A value is written into the store once in so large a part of its time, and at least each ten seconds."""
_LONGEST: Final = 10.0


class LastGood:
    """*inner*, whose last good value stands in for a failure as *plan* says; *key_of* tells what it depends on.

    Where a second level is shared, what is kept is written there now and then, and a failure looks there for what this
    process has not. A part waits for its inner part, then maybe for the store.
    """

    def __init__(
        self, inner: Part, kept: Kept[Result], key_of: KeyOf, plan: LastGoodPlan,
        level: SharedLevel[Result] | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._inner = inner
        self._kept = kept
        self._key_of = key_of
        self._plan = plan
        self._level = level
        self._pause = min(plan.seconds / _SHARE, _LONGEST)

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Start the part; a failure of the upstream becomes the last good value."""
        key, began, level = self._key_of(frame), self._kept.begin(), self._level
        if level is not None:
            return self._start_shared(level, key, began, frame, done)

        def ended(result: Result) -> None:
            self._keep(key, result, began, None)
            done(self._settled(key, result))

        return self._inner.start(frame, ended)

    def _start_shared(
        self, level: SharedLevel[Result], key: bytes, began: int, frame: Frame, done: Done
    ) -> Cancelable | None:  # fmt: skip
        number, way = level.latest.known(), _Way()

        def ended(result: Result) -> None:
            self._keep(key, result, began, number)
            if not self._lacks(key, result):
                way.end()
                done(self._settled(key, result))
            else:
                way.lead(level.look(key, (), partial(looked, result)))

        def looked(result: Result, _: Begun) -> None:
            way.end()
            done(self._settled(key, result))

        return way.begin(self._inner.start(frame, ended))

    def _keep(self, key: bytes, result: Result, began: int, number: int | None) -> None:
        """Keep *result* if it is good and the same for others, and write it into the store now and then."""
        if result.state is not State.OK or result.age is not None or lost_in(result):
            return
        if not are_for_all((result,)) or not have_all_tags((result,)):
            return
        copy, kept, plan = _copy(result), self._kept, self._plan
        tags = {*plan.tags, *(tag for one in result.rests_on() for tag in one.tags)}
        if self._level is None:
            kept.put(key, copy, len(copy.json), tags, began)
            return
        known, now = kept.peek(key), kept.now()
        written: float | None = None if known is None else known.terms
        is_due = number is not None and (written is None or now - written >= self._pause)
        kept.put(key, copy, len(copy.json), tags, began, now if is_due else written)
        if is_due:
            self._level.keep(key, (), copy, tags, 0.0, plan.seconds, Begun(number))

    def _lacks(self, key: bytes, result: Result) -> bool:
        """Return whether *result* is a failure for which nothing here can stand in."""
        return _needs_another(result) and self._usable(key) is None

    def _usable(self, key: bytes) -> Entry[Result] | None:
        entry = self._kept.get(key)
        return None if entry is None or self._kept.now() - entry.at >= self._plan.seconds else entry

    def _settled(self, key: bytes, result: Result) -> Result:
        """Return the last good value in place of *result*, a failure that is not the client's; else *result*."""
        entry = self._usable(key) if _needs_another(result) else None
        if entry is None:
            return result
        good, attempts = _copy(entry.value), result.attempts
        good.started, good.ended = result.started, result.ended
        good.was_kept(self._kept.now() - entry.at)
        good.state, good.cause, good.attempts = State.STALE, result.cause, attempts
        return good


class _Way:
    """What a part waits for: its inner part, then the store (``lead``), then nothing (over)."""

    __slots__ = ("_is_led", "_is_over", "_ticket")

    def __init__(self) -> None:
        self._is_led = self._is_over = False
        self._ticket: Cancelable | None = None

    def begin(self, ticket: Cancelable | None) -> Cancelable | None:
        """Return what cancels it, None when it is over; *ticket* cancels the inner part."""
        if not self._is_led:
            self._ticket = ticket
        return None if self._is_over else self

    def lead(self, ticket: Cancelable | None) -> None:
        """Wait for the store, with *ticket*."""
        self._is_led, self._ticket = True, ticket

    def end(self) -> None:
        """End; there is nothing left to cancel."""
        self._is_over = True

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()


def _needs_another(result: Result) -> bool:
    """Return whether *result* is a failure that is not of the client: what is gone (a 4xx) is not to be shown."""
    if result.state is not State.FAILED or result.cause is Cause.INPUT:
        return False
    return not (result.cause is Cause.STATUS and 400 <= result.status < 500)


def _copy(result: Result) -> Result:
    """Return a result with the same value, status and headers, of which nothing else is held."""
    copy = Result(result.name, result.started, result.ended, status=result.status)
    copy.headers, copy.json, copy.upstream = result.headers, result.json, result.upstream
    return copy
