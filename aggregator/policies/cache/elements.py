"""Elements of replies to calls for many keys, kept one by one.

Each is kept under what a call for its key alone would send, and what finds elements in the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aggregator.causes import State
from aggregator.codecs import json as json_codec
from aggregator.errors import AggregatorError
from aggregator.parts.frame import Done, Frame, Part
from aggregator.parts.result import Result
from aggregator.policies.cache.calls import is_forgiven, may_be_shared
from aggregator.policies.cache.flights import Flight, Flights, KeyedCall, KeyedFrame, SameBody
from aggregator.policies.cache.kept import Entry, Kept
from aggregator.policies.cache.keys import key_of
from aggregator.policies.cache.plan import CachePlan, ElementsPlan
from aggregator.policies.cache.purged.naming import tags_of
from aggregator.policies.cache.purged.untagged import tell_untagged
from aggregator.policies.cache.shared.elements import Element, Lookups, Numbers
from aggregator.policies.cache.shared.leases import Begun
from aggregator.policies.cache.shared.level import SharedLevel
from aggregator.templates import MISSING, Joined, known_value
from aggregator.transport.door import Cancelable

Find = Callable[[Any], Mapping[str, Any]]
"""Returns the elements of a reply by the text of their key; raises ``AggregatorError``."""
_ABSENT = 404
"""The status whose time is that of a key which the reply lacks."""


class Alike(NamedTuple):
    """What all keys of a call share: *texts* of the values it reads (None: they depend on keys), and its *body*."""

    texts: tuple[bytes | None, ...]
    body: SameBody | None


class Named(NamedTuple):
    """The identity of an element: its *key*, and its declared *tags*, or the error for which it can have none."""

    key: bytes
    tags: list[str] | AggregatorError


class Wanted(NamedTuple):
    """One key of a call: its *text* and *value*, the *key* of its element, and the *frame* of a call for it alone.

    *told* are the tags that are declared, or why there are none, where a thread has made them.
    """

    text: str
    value: Any
    key: bytes
    frame: Frame
    told: list[str] | AggregatorError | None = None


def _text(value: Any) -> bytes:
    return b"" if value is MISSING else json_codec.encode(value)


class Elements:
    """The elements in *kept* of replies to *call*, as *plan* says, and those that all processes have in *level*.

    *find* finds the elements of a reply, *text_of* returns the text of a key.
    """

    def __init__(
        self, call: KeyedCall, kept: Kept[Any], plan: CachePlan, find: Find, text_of: Callable[[Any], str],
        level: SharedLevel[Element] | None = None,
    ) -> None:  # fmt: skip
        assert plan.elements is not None
        self.kept = kept
        self.plan = plan
        self._call = call
        self._batch: ElementsPlan = plan.elements
        self._find = find
        self._text_of = text_of
        self.level = level

    def for_keys(self, frame: Frame, values: list[Any]) -> Frame:
        """Return the surroundings of a call for the keys *values*."""
        return frame.with_names(frame.names.child({"keys": Joined(values, self._batch.separator)}))

    def seeker(self, frame: Frame) -> Callable[[Any], Wanted]:
        """Return the function that returns what is to know of a key of *frame*; it raises ``AggregatorError``.

        What the keys have in common is read once, and not at all where a thread has read it.
        """
        known = (frame.names.known or {}).get(id(self))
        made: Mapping[str, Named | AggregatorError] = {} if known is None else known_value(known)
        alike: list[Alike] = []

        def wanted(value: Any) -> Wanted:
            text, single = self._text_of(value), self.for_keys(frame, [value])
            named = made.get(text)
            if named is None:
                alike[:] = alike or [self._alike(frame)]
                return Wanted(text, value, self._key(single, alike[0]), single)
            if isinstance(named, AggregatorError):
                raise named
            return Wanted(text, value, named.key, single, named.tags)

        return wanted

    def named(self, frame: Frame, values: Iterable[Any]) -> dict[str, Named | AggregatorError]:
        """Return what the elements of *values* are found by, or why they have no key, by their text: for a thread."""
        alike, made = self._alike(frame), dict[str, Named | AggregatorError]()
        for value in values:
            single = self.for_keys(frame, [value])
            try:
                made[self._text_of(value)] = Named(self._key(single, alike), self._told(single))
            except AggregatorError as error:
                made[self._text_of(value)] = error
        return made

    def _told(self, single: Frame) -> list[str] | AggregatorError:
        try:
            return tags_of(self.plan.tags, single.names)
        except AggregatorError as error:
            return error

    def _declared(self, one: Wanted) -> list[str]:
        """Return the tags that are declared of *one*; raises ``AggregatorError``."""
        told = self._told(one.frame) if one.told is None else one.told
        if isinstance(told, AggregatorError):
            raise told
        return told

    def _alike(self, frame: Frame) -> Alike:
        reads = self._batch.reads
        texts = (None if "keys" in one.roots else _text(one.evaluate(frame.names)) for one in reads)
        return Alike(tuple(texts), self._call.body(frame))

    def _key(self, single: Frame, alike: Alike) -> bytes:
        told = zip(self._batch.reads, alike.texts, strict=True)
        texts = [_text(one.evaluate(single.names)) if text is None else text for one, text in told]
        return key_of((b"element", self._batch.meaning, *texts, self._call.key_beside(single, alike.body)))

    def find(self, one: Wanted) -> Entry[Element] | None:
        """Return what is kept of *one*, which has the tags of this call from now on; None when it may not be used."""
        entry = self.kept.get(one.key)
        if entry is None or not self.plan.tags:
            return entry
        try:
            return self.kept.shared(one.key, entry, self._declared(one))
        except AggregatorError:
            return None  # what cannot be purged by its tags is asked for

    def look(
        self, wanted: Sequence[Wanted], go_on: Callable[[Numbers], Cancelable | None]
    ) -> Cancelable | None:  # fmt: skip
        """Take elements that other processes have fetched, if that is shared, then *go_on* with their purge numbers."""
        if self.level is None or not wanted:
            return go_on({})
        return Lookups(go_on).begin(self.level, self._named(wanted))

    def _named(self, wanted: Sequence[Wanted]) -> Iterator[tuple[bytes, list[str]]]:
        """Yield the keys of *wanted* with the tags that are declared; what cannot be purged by them is not shared."""
        for one in wanted:
            try:
                yield one.key, self._declared(one)
            except AggregatorError:
                continue

    def usable(self, one: Wanted) -> bool:
        """Return whether what is kept of *one* may be given out."""
        entry = self.kept.peek(one.key)
        return entry is not None and self.over(entry) < max(0.0, self.plan.stale)

    def over(self, entry: Entry[Element]) -> float:
        """Return the seconds since the time of *entry* was over, less than 0 while it is fresh."""
        return self.kept.now() - entry.at - self.plan.seconds(entry.value.status)

    def tags(self, one: Wanted) -> frozenset[str]:
        """Return the tags of the element that a call for *one* alone asks for; raises ``AggregatorError``."""
        return frozenset([*self._declared(one), self._call.place(one.frame)])

    def told(self, wanted: Sequence[Wanted]) -> frozenset[str] | None:
        """Return the tags that are declared of all of *wanted* where a thread has made them, None where it has not."""
        tags = [one.told for one in wanted if isinstance(one.told, list)]
        return frozenset().union(*tags) if len(tags) == len(wanted) else None

    def in_place_of(self, result: Result, wanted: Sequence[Wanted]) -> list[Entry[Element]] | None:
        """Return the elements that stand in for what failed by *result*; None unless all of *wanted* have one."""
        entries = [self.kept.peek(one.key) for one in wanted]
        found = [entry for entry in entries if entry is not None and self.over(entry) < self.plan.on_error]
        return found if is_forgiven(result) and len(found) == len(wanted) else None

    def read(self, wanted: Sequence[Wanted], result: Result) -> dict[str, Element]:
        """Return the elements of *result* by the text of their key; raises ``AggregatorError``."""
        found = self._find(result.exact)
        texts = {one.text: json_codec.encode(found[one.text]) if one.text in found else b"" for one in wanted}
        return {text: Element(body, result.status if body else _ABSENT) for text, body in texts.items()}

    def keep(
        self, wanted: Sequence[Wanted], result: Result, found: Mapping[str, Element], began: int, numbers: Numbers
    ) -> None:  # fmt: skip
        """Keep the elements *found* in the reply of *result* for *wanted*, unless purged since the call *began*.

        *numbers* are those of the store before it began; what others have begun they write there themselves.
        """
        if result.reply is None or result.state is not State.OK or not may_be_shared(result.reply):
            return
        for one, tags in self.tag(wanted, result):
            self._keep(one, found[one.text], tags, began)
            if not result.is_joined:
                self._share(one, found[one.text], tags, numbers.get(one.key))

    def tag(self, wanted: Sequence[Wanted], result: Result) -> list[tuple[Wanted, frozenset[str]]]:
        """Add the tags of *wanted* to *result*; return each of *wanted* whose tags can be made, with them."""
        tagged: list[tuple[Wanted, frozenset[str]]] = []
        for one in wanted:
            try:
                tagged.append((one, self.tags(one)))
            except AggregatorError as error:
                result.could_not_be_tagged()
                tell_untagged(error, one.frame.exchange, self._call.label)
        result.tags = frozenset().union(*(tags for _, tags in tagged))
        return tagged

    def _keep(self, one: Wanted, element: Element, tags: frozenset[str], began: int) -> None:
        if self.plan.seconds(element.status) <= 0:
            self.kept.forget(one.key)
        elif (known := self._known(one.key, element)) is not None:
            self.kept.shared(one.key, known, tags)
        else:
            self.kept.put(one.key, element, len(element.text), tags, began)

    def _share(self, one: Wanted, element: Element, tags: frozenset[str], number: int | None) -> None:
        """Write *element* into the store, or remove it there when its status is not kept."""
        if self.level is not None:
            life = self.plan.life(element.status) if self.plan.seconds(element.status) > 0 else 0.0
            self.level.keep(one.key, self._declared(one), element, tags, 0.0, life, Begun(number))

    def _known(self, key: bytes, element: Element) -> Entry[Element] | None:
        """Return the entry of *element* if it is kept as of now: another who waited for the same call has kept it."""
        known = self.kept.peek(key)
        is_same = known is not None and known.value.text == element.text and known.at == self.kept.now()
        return known if is_same else None


class WithKey:
    """The part *inner*, started with the key of its *call*; *begun* is told of the flight in *flights* that it is.

    *told* are the tags that are declared of it, if they are known.
    """

    def __init__(
        self, inner: Part, call: KeyedCall, flights: Flights, begun: Callable[[Flight], None],
        told: frozenset[str] | None = None,
    ) -> None:  # fmt: skip
        self.name = inner.name
        self._inner = inner
        self._call = call
        self._flights = flights
        self._begun = begun
        self._told = told

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Make the call."""
        try:
            key = self._call.key(frame)
        except AggregatorError:
            return self._inner.start(frame, done)
        ticket = self._inner.start(KeyedFrame.of(frame, key, frame.deadline, self._told), done)
        if (flight := self._flights.flying.get(key)) is not None:
            self._begun(flight)
        return ticket
