"""Calls whose replies are kept as RFC 9111 says: what is old is asked for whether it has changed.

fresh                                  the reply
old, age < lifetime + stale            the reply, and one call in the background
old, or none                           a call, conditional where the reply has a validator
    304                                the reply, with what the 304 says anew
    it failed, age < … + on_error      the reply, with the state ``stale``
    else                               what came, and it is kept if it may be

Where a second level is shared it is asked before a call is made, and what it has counts like what was kept here.

States of an ``_Asking``: asking (on a condition, or after another one was named without), over.
"""

from __future__ import annotations

from functools import partial

from aggregator.causes import Cause, State
from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.policies.cache.calls import is_forgiven, stands_in, with_age
from aggregator.policies.cache.flights import KeyedFrame
from aggregator.policies.cache.kept import Entry, Kept, count_read, put_reply
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.plan import CachePlan
from aggregator.policies.cache.purged.naming import tag_maker
from aggregator.policies.cache.purged.untagged import tell_untagged
from aggregator.policies.cache.shared.leases import ALONE, Begun, Wish
from aggregator.policies.cache.shared.level import SharedLevel, look_there
from aggregator.policies.cache.shared.looking import GoOn
from aggregator.policies.cache.standard.asked import Asked, AskedCall
from aggregator.policies.cache.standard.terms import Assumed, Terms, freshened, is_same, terms_of
from aggregator.transport import Reply
from aggregator.transport.door import Cancelable


class Obeying:
    """*inner* behind the replies in *kept*, as those say who sent them, and those of all processes in *level*."""

    def __init__(
        self, inner: Part, call: AskedCall, kept: Kept[Reply], plan: CachePlan,
        level: SharedLevel[Reply] | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self.inner = inner
        self.call = call
        self.kept = kept
        self._plan = plan
        self._level = level
        self._tags_of = tag_maker(plan.tags)
        self._assumed = Assumed(plan.stale, plan.on_error)

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Pass the kept reply to *done*, or make the call."""
        try:
            asked = self.call.asked(frame)
        except AggregatorError:
            return self.inner.start(frame, done)  # which fails by the same, in its own words
        if asked.is_conditional:
            return self.inner.start(frame, done)
        kept, entry = self.kept, self.kept.get(asked.key)
        if entry is not None and self._plan.tags:
            entry = self._shared(frame, asked.key, entry)
        terms = None if entry is None else self._terms(entry, asked)
        if entry is not None and terms is not None:
            age = terms.age + kept.now() - entry.at
            if age < terms.lifetime:
                kept.hits += 1
                return self.judge(frame, asked.key, entry, terms, done)
            if age < terms.lifetime + terms.stale:
                kept.olds += 1
                self._refresh(frame, asked)
                return self.judge(frame, asked.key, entry, terms, done)
        return self._look(frame, asked, partial(self._looked, frame, asked, done), may_be_stale=True)

    def _look(self, frame: Frame, asked: Asked, go_on: GoOn, *, may_be_stale: bool) -> Cancelable | None:
        """Take what other processes have fetched or are fetching, if the cache is shared, then *go_on*."""
        if self._level is None:
            return go_on(ALONE)

        def is_met() -> bool:
            entry, terms = self._usable(frame, asked)
            return entry is not None and terms is not None and self._is_usable(entry, terms, may_be_stale=may_be_stale)

        wish = Wish(is_met, self.call.timeout, frame.deadline)
        return look_there(self._level, asked.key, partial(self._tags_of, frame.names), go_on, wish)

    def _is_usable(self, entry: Entry[Reply], terms: Terms, *, may_be_stale: bool) -> bool:
        longest = terms.lifetime + (terms.stale if may_be_stale else 0.0)
        return terms.age + self.kept.now() - entry.at < longest

    def _looked(self, frame: Frame, asked: Asked, done: Done, begun: Begun) -> Cancelable | None:
        """Pass the reply that another process has fetched to *done*, or make the call."""
        entry, terms = self._usable(frame, asked)
        if begun.number is not None and entry is not None and terms is not None:
            age = terms.age + self.kept.now() - entry.at
            if age < terms.lifetime + terms.stale:
                self.kept.fetched_elsewhere += 1
                if age >= terms.lifetime:
                    self._refresh(frame, asked)
                return self.judge(frame, asked.key, entry, terms, done)
        self.kept.misses += 1
        return _Asking(self, frame, asked, done, begun).begin(entry, terms)

    def _usable(self, frame: Frame, asked: Asked) -> tuple[Entry[Reply], Terms] | tuple[None, None]:
        """Return what is kept, and how it may be used."""
        entry = self.kept.peek(asked.key)
        if entry is not None and self._plan.tags:
            entry = self._shared(frame, asked.key, entry)
        terms = None if entry is None else self._terms(entry, asked)
        return (None, None) if entry is None or terms is None else (entry, terms)

    def _shared(self, frame: Frame, key: bytes, entry: Entry[Reply]) -> Entry[Reply] | None:
        """Return *entry*, which has the tags of this call from now on; None when it may not use it."""
        try:
            return self.kept.shared(key, entry, self._tags_of(frame.names))
        except AggregatorError:
            return None  # what cannot be purged by its tags is asked for

    def _terms(self, entry: Entry[Reply], asked: Asked) -> Terms | None:
        if isinstance(entry.terms, Terms):
            return entry.terms
        return self.terms(entry.value, asked, entry.at, 0.0)  # a call with a ttl of its own has kept it

    def terms(self, reply: Reply, asked: Asked, now: float, delay: float) -> Terms | None:
        """Return how *reply* may be used, which came *now* after *delay*; None when it may not be kept."""
        return terms_of(reply, asked.method, now, delay, self._assumed, is_callers=asked.is_callers)

    def judge(self, frame: Frame, key: bytes, entry: Entry[Reply], terms: Terms, done: Done) -> Cancelable | None:
        """Judge the reply of *entry*, as old as it is now, and pass the result to *done*."""
        age = terms.age + self.kept.now() - entry.at

        def judged(result: Result) -> None:
            count_read(self.kept, key, entry)
            result.was_kept(age, with_age(result.headers, age), entry.tags)
            done(result)

        return self.call.judge_soon(frame, entry.value, frame.loop.time(), judged)

    def may_stand_in(self, failed: Result, entry: Entry[Reply], terms: Terms) -> bool:
        """Return whether the reply of *entry* may stand in for what *failed*."""
        age = terms.age + self.kept.now() - entry.at
        return is_forgiven(failed) and age < terms.lifetime + terms.on_error

    def keep(
        self, frame: Frame, asked: Asked, result: Result, delay: float, began: int, begun: Begun
    ) -> None:  # fmt: skip
        """Keep the reply of *result* if it may be kept; it replaces the old one, unless it is a 5xx (RFC 9111 §4.3.3).

        Where it is known after which purge it has *begun* it is kept for all processes, too.
        """
        reply, kept = result.reply, self.kept
        if reply is None or (result.state is State.FAILED and result.cause is not Cause.STATUS):
            return
        terms = self.terms(reply, asked, kept.now(), delay)
        try:
            named = self._tags_of(frame.names)
            tags = result.tags = frozenset([*named, asked.place])
        except AggregatorError as error:
            result.could_not_be_tagged()
            tell_untagged(error, frame.exchange, self.name)
            return
        if terms is None:
            if reply.status < 500:
                kept.forget(asked.key)
                if self._level is not None:
                    self._level.keep(asked.key, named, reply, tags, 0.0, 0.0, begun)
            return
        known = self._known(asked.key, reply)
        if known is not None:
            kept.shared(asked.key, known, tags)
            return
        put_reply(kept, asked.key, reply, tags, began, terms)
        if self._level is not None:
            life = delay + terms.longest - terms.age
            self._level.keep(asked.key, named, reply, tags, delay, life, begun)

    def _known(self, key: bytes, reply: Reply) -> Entry[Reply] | None:
        """Return the entry of *reply* if it is kept as of now: others who waited for the same flight have kept it."""
        known = self.kept.peek(key)
        if known is None or known.at != self.kept.now():
            return None
        one = known.value
        is_same = one.body is reply.body and one.status == reply.status and one.headers == reply.headers
        return known if is_same else None

    def _refresh(self, frame: Frame, asked: Asked) -> None:
        """Refresh the entry in the background, once at a time."""
        refreshing = self.kept.refreshing
        if asked.key in refreshing:
            return
        refreshing.add(asked.key)
        late = Frame(frame.exchange, frame.names, frame.loop.time() + self.call.timeout, frame.loop)

        def over(_: Result | None) -> None:
            refreshing.discard(asked.key)

        def looked(begun: Begun) -> Cancelable | None:
            entry, terms = self._usable(late, asked)
            if entry is not None and terms is not None and self._is_usable(entry, terms, may_be_stale=False):
                over(None)  # another process has fetched it
                return None
            return _Asking(self, late, asked, over, begun).begin(entry, terms)

        self._look(late, asked, looked, may_be_stale=False)


class _Asking:
    """One call to the upstream: a conditional request for a kept *entry*, or a first request."""

    __slots__ = ("_asked", "_began", "_begun", "_done", "_entry", "_frame", "_is_over", "_obeying", "_since", "_terms",
                 "_ticket")  # fmt: skip

    def __init__(self, obeying: Obeying, frame: Frame, asked: Asked, done: Done, begun: Begun) -> None:
        self._obeying = obeying
        self._frame = frame
        self._asked = asked
        self._done = done
        self._begun = begun
        self._began = obeying.kept.begin()
        self._since = obeying.kept.now()
        self._entry: Entry[Reply] | None = None
        self._terms: Terms | None = None
        self._ticket: Cancelable | None = None
        self._is_over = False

    def begin(self, entry: Entry[Reply] | None, terms: Terms | None = None) -> Cancelable | None:
        """Make the call; return what cancels it, None when it has ended."""
        self._entry, self._terms = entry, terms
        self._ask(b"" if terms is None else terms.conditions)
        return None if self._is_over else self

    def _ask(self, conditions: bytes) -> None:
        key = self._asked.key
        frame = KeyedFrame.of(self._frame, key_of((key, conditions)) if conditions else key, self._frame.deadline)
        frame.conditions = conditions
        ticket = self._obeying.inner.start(frame, self._ended)
        if not self._is_over and self._ticket is None:
            self._ticket = ticket

    def _ended(self, result: Result) -> None:
        if result.is_joined:
            self._begun.ended(is_joined=True)
            self._begun = ALONE  # a flight of others began at a number of theirs
        obeying, entry, terms, verdict = self._obeying, self._entry, self._terms, result.reply
        self._ticket = None
        if entry is None or terms is None:
            self._settle(result)
        elif verdict is not None and verdict.status == 304 and terms.conditions:
            self._confirmed(result, verdict, entry)
        elif result.state is State.FAILED and not obeying.kept.purges.hit(entry.tags, self._began):
            if obeying.may_stand_in(result, entry, terms):
                self._ticket = obeying.judge(
                    self._frame, self._asked.key, entry, terms, partial(self._stands_in, result)
                )
            else:
                self._settle(result)
        else:
            self._settle(result)

    def _stands_in(self, failed: Result, old: Result) -> None:
        """Finish with the *old* result in place of the *failed* one, unless the old one is a failure, too."""
        if stands_in(old, failed):
            self._finish(old)
        else:
            self._settle(failed)

    def _confirmed(self, result: Result, verdict: Reply, entry: Entry[Reply]) -> None:
        if not is_same(entry.value, verdict):
            self._entry = self._terms = None
            self._ask(b"")
            return
        reply, call = freshened(entry.value, verdict), self._obeying.call
        self._ticket = call.judge_soon(self._frame, reply, result.started, partial(self._is_fresh, result.attempts))

    def _is_fresh(self, attempts: int, result: Result) -> None:
        result.attempts = attempts
        self._settle(result)

    def _settle(self, result: Result) -> None:
        delay = self._obeying.kept.now() - self._since
        self._obeying.keep(self._frame, self._asked, result, delay, self._began, self._begun)
        self._finish(result)

    def _finish(self, result: Result) -> None:
        self._is_over = True
        self._begun.ended()
        self._done(result)

    def cancel(self) -> None:
        """Cancel the call."""
        self._is_over = True
        if self._ticket is not None:
            self._ticket.cancel()
