"""Calls whose replies are kept: a hit asks nobody, an old reply is given out while a new one is fetched.

age < ttl                         the reply
age < ttl + stale                 the reply, and one call in the background
older, or none                    a call; if it fails and age < ttl + on_error: the reply, with the state ``stale``

Where a second level is shared it is asked before a call is made, and what it has counts like what was kept here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from math import inf

from aggregator.causes import Cause, State
from aggregator.errors import AggregatorError
from aggregator.http import HeaderList, replaced
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.policies.cache.flights import KeyedCall, KeyedFrame
from aggregator.policies.cache.kept import Entry, Kept, count_read, put_reply
from aggregator.policies.cache.plan import CachePlan
from aggregator.policies.cache.purged.naming import tag_maker
from aggregator.policies.cache.purged.untagged import tell_untagged
from aggregator.policies.cache.shared.leases import ALONE, Begun, Wish
from aggregator.policies.cache.shared.level import SharedLevel, look_there
from aggregator.policies.cache.shared.looking import GoOn
from aggregator.policies.cache.standard.directives import age_of
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable

_FORGIVEN = frozenset({"timeout", "network", "overloaded"})
"""Families of causes for which an old reply stands in; so does it for a 5xx."""


class Cached:
    """*inner* behind the replies in *kept*, as *plan* says, and those that all processes have in *level*."""

    def __init__(
        self, inner: Part, call: KeyedCall, kept: Kept[Reply], plan: CachePlan,
        level: SharedLevel[Reply] | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._inner = inner
        self._call = call
        self._kept = kept
        self._plan = plan
        self._tags_of = tag_maker(plan.tags)
        self._level = level

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Pass the kept reply to *done*, or make the call."""
        try:
            key = self._call.key(frame)
        except AggregatorError:
            return self._inner.start(frame, done)  # which fails by the same, in its own words
        kept, plan = self._kept, self._plan
        entry = kept.get(key)
        if entry is not None and plan.tags:
            entry = self._shared(frame, key, entry)
        if entry is not None:
            now = kept.now()
            over = now - entry.at - plan.seconds(entry.value.status)
            if over < 0:
                kept.hits += 1
                return self._judge(frame, key, entry, now, done)
            if over < plan.stale:
                kept.olds += 1
                self._refresh(frame, key)
                return self._judge(frame, key, entry, now, done)
        return self._look(frame, key, max(0.0, plan.stale), partial(self._looked, frame, key, done))

    def _look(self, frame: Frame, key: bytes, over: float, go_on: GoOn) -> Cancelable | None:
        """Take what other processes have fetched or are fetching, if the cache is shared, then *go_on*.

        What has been *over* for so many seconds will not do.
        """
        if self._level is None:
            return go_on(ALONE)
        wish = Wish(lambda: self._over(self._usable(frame, key)) < over, self._call.timeout, frame.deadline)
        return look_there(self._level, key, partial(self._tags_of, frame.names), go_on, wish)

    def _looked(self, frame: Frame, key: bytes, done: Done, begun: Begun) -> Cancelable | None:
        """Pass the reply that another process has fetched to *done*, or make the call."""
        kept, entry = self._kept, self._usable(frame, key)
        over = self._over(entry)
        if begun.number is not None and entry is not None and over < max(0.0, self._plan.stale):
            kept.fetched_elsewhere += 1
            if over >= 0:
                self._refresh(frame, key)
            return self._judge(frame, key, entry, kept.now(), done)
        kept.misses += 1
        if over >= self._plan.on_error:
            return self._fetch(frame, key, done, begun)
        asking = _Asking()
        return asking.began(self._fetch(frame, key, partial(self._stands_in, frame, key, done, asking), begun))

    def _usable(self, frame: Frame, key: bytes) -> Entry[Reply] | None:
        entry = self._kept.peek(key)
        return self._shared(frame, key, entry) if entry is not None and self._plan.tags else entry

    def _over(self, entry: Entry[Reply] | None) -> float:
        """Return for how many seconds *entry* has been over; less than 0 while it is fresh."""
        return inf if entry is None else self._kept.now() - entry.at - self._plan.seconds(entry.value.status)

    def _shared(self, frame: Frame, key: bytes, entry: Entry[Reply]) -> Entry[Reply] | None:
        """Return *entry*, which has the tags of this call from now on; None when it may not use it."""
        try:
            return self._kept.shared(key, entry, self._tags_of(frame.names))
        except AggregatorError:
            return None  # what cannot be purged by its tags is asked for

    def _judge(self, frame: Frame, key: bytes, entry: Entry[Reply], now: float, done: Done) -> Cancelable | None:
        """Judge the reply of *entry*, at the time *now*, and pass the result to *done*."""
        call, reply, started, age = self._call, entry.value, frame.loop.time(), now - entry.at
        if call.may_take_long:
            return call.judge_soon(frame, reply, started, partial(self._judged, key, entry, age, done))
        result = call.judge(frame, reply, started)
        result.was_kept(age, older(result.headers, age), entry.tags)
        done(result)
        return None

    def _judged(self, key: bytes, entry: Entry[Reply], age: float, done: Done, result: Result) -> None:
        count_read(self._kept, key, entry)
        result.was_kept(age, older(result.headers, age), entry.tags)
        done(result)

    def _fetch(self, frame: Frame, key: bytes, done: Done, begun: Begun) -> Cancelable | None:
        began = self._kept.begin()

        def ended(result: Result) -> None:
            self._keep(key, result, frame, began, begun)
            begun.ended(is_joined=result.is_joined)
            done(result)

        return self._inner.start(KeyedFrame.of(frame, key, frame.deadline), ended)

    def _keep(self, key: bytes, result: Result, frame: Frame, began: int, begun: Begun) -> None:
        reply, kept = result.reply, self._kept
        if reply is None:
            return
        try:
            named = self._tags_of(frame.names)
            tags = result.tags = frozenset([*named, self._call.place(frame)])
        except AggregatorError as error:
            result.could_not_be_tagged()
            tell_untagged(error, frame.exchange, self.name)
            return
        if not self._may_be_kept(result, reply):
            return  # what is made of it may be, with its tags
        known = kept.peek(key)
        if known is not None and known.value is reply:
            kept.shared(key, known, tags)  # others who waited for the same flight have kept it
            return
        put_reply(kept, key, reply, tags, began)
        if self._level is not None and not result.is_joined:  # a flight of others began at a number of theirs
            self._level.keep(key, named, reply, tags, 0.0, self._plan.life(reply.status), begun)

    def _may_be_kept(self, result: Result, reply: Reply) -> bool:
        """Return whether others may get *reply*: a whole one, without a cookie, that means what its status says."""
        if result.state is State.FAILED and result.cause is not Cause.STATUS:
            return False
        return self._plan.seconds(reply.status) > 0 and may_be_shared(reply)

    def _refresh(self, frame: Frame, key: bytes) -> None:
        """Refresh the entry of *key* in the background, once at a time."""
        refreshing = self._kept.refreshing
        if key in refreshing:
            return
        refreshing.add(key)
        late = Frame(frame.exchange, frame.names, frame.loop.time() + self._call.timeout, frame.loop)

        def over(_: Result | None) -> None:
            refreshing.discard(key)

        def looked(begun: Begun) -> Cancelable | None:
            if self._over(self._usable(late, key)) < 0:
                over(None)  # another process has fetched it
                return None
            return self._fetch(late, key, over, begun)

        self._look(late, key, 0.0, looked)

    def _stands_in(self, frame: Frame, key: bytes, done: Done, asking: _Asking, result: Result) -> None:
        """Pass the kept reply to *done* in place of *result*, if that is a failure of the upstream; else *result*.

        Where that is judged in a thread, *asking* gives it up.
        """
        entry = self._kept.get(key) if result.state is State.FAILED and is_forgiven(result) else None
        if entry is not None and self._plan.tags:
            entry = self._shared(frame, key, entry)
        if entry is None:
            done(result)
            return

        def judged(old: Result) -> None:
            done(old if stands_in(old, result) else result)

        asking.goes_on(self._judge(frame, key, entry, self._kept.now(), judged))


class _Asking:
    """A call for whose failure an old reply may stand in, as whoever may give it up sees it.

    States: *calling* (the ticket is that of the call), *judging* (that of the thread, at the old reply), *over*.
    """

    __slots__ = ("_ticket",)

    def __init__(self) -> None:
        self._ticket: Cancelable | None = None

    def began(self, ticket: Cancelable | None) -> Cancelable | None:
        """Keep the *ticket* of the call; return what cancels all of it, None when it has ended."""
        if self._ticket is None:  # else the call has failed at once, and the old reply is being judged
            self._ticket = ticket
        return None if self._ticket is None else self

    def goes_on(self, ticket: Cancelable | None) -> None:
        """Keep the *ticket* of what follows the call, None when that has ended."""
        self._ticket = ticket

    def cancel(self) -> None:
        """Cancel what is under way."""
        if self._ticket is not None:
            self._ticket.cancel()


def with_age(headers: Iterable[tuple[bytes, bytes]], age: float) -> HeaderList:
    """Return *headers* with the *age* in seconds, for whoever reckons how much longer they hold (RFC 9111 §5.1)."""
    return replaced(headers, b"age", b"%d" % age)


def older(headers: Iterable[tuple[bytes, bytes]], seconds: float) -> HeaderList:
    """Return *headers*, which say an age or none, with that of what has been kept for *seconds* since it came."""
    for name, _ in headers:
        if name == b"age":
            return with_age(headers, seconds + age_of(headers))
    return [*headers, (b"age", b"%d" % seconds)]


def age_of_oldest(results: Iterable[Result]) -> float:
    """Return the age in seconds of the oldest reply that *results* are made of, at its origin (RFC 9111 §4.2.3)."""
    replies = [reply for result in results for reply in result.replies()]
    return max((max(reply.age or 0.0, age_of(reply.headers)) for reply in replies), default=0.0)


def may_be_shared(reply: Reply) -> bool:
    """Return whether others may get *reply*: it has no cookie, and is no part of one, nor a verdict on a condition."""
    if reply.status in (206, 304):
        return False
    return not any(name in (b"set-cookie", b"content-range") for name, _ in reply.headers)


def are_for_all(results: Iterable[Result]) -> bool:
    """Return whether others may get what *results* became: no reply among them has a cookie, or is a part of one."""
    replies = (one.reply for result in results for one in result.replies())
    return all(reply is None or may_be_shared(reply) for reply in replies)


def stands_in(old: Result, failure: Result) -> bool:
    """Return whether *old*, which was kept, is no failure; then it is made one that stands in for *failure*."""
    if old.state is not State.OK:
        return False
    old.state, old.cause, old.attempts = State.STALE, failure.cause, failure.attempts
    return True


def is_forgiven(result: Result) -> bool:
    """Return whether *result* is a failure for which something old stands in: not one of the client's."""
    if result.cause is Cause.STATUS:
        return result.status >= 500
    return result.cause is not None and not _FORGIVEN.isdisjoint(result.cause.families)
