"""Which parts somebody needs, down into groups: from the paths that are read to the calls that have to be made.

A path names a part and what of it is read, ``("page", "user", "name")``. Of a group only the parts that are read
run, with all that they read themselves; a part that changes something always runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from aggregator.http import SAFE
from aggregator.plan.analysis.roots import references_in
from aggregator.plan.analysis.walking import calls_in_part
from aggregator.plan.calls import CallsPlan, FanPlan, GroupPlan, PartPlan

Reference = tuple[str, ...]
References = frozenset[Reference]
Names = frozenset[str]
_NONE: Names = frozenset()


class Level(Struct, frozen=True):
    """The parts of one fan-out by name, and what of them is needed in any case."""

    parts: dict[str, Needs]
    always: References

    @classmethod
    def of(cls, fan: FanPlan, around: Names = _NONE) -> Level:
        """Return the level of *fan*; *around* are the names of parts further out that its group waits for."""
        names = frozenset(part.name for part in fan.parts)
        outer = around - names
        parts = {
            part.name: Needs.of(part, frozenset(fan.parts[wait].name for wait in part.waits), outer)
            for part in fan.parts
        }
        always = frozenset(reference for part in fan.parts for reference in _always(part, parts[part.name]))
        return cls(parts, always)

    def needed(self, references: Iterable[Reference]) -> Wanted:
        """Return the parts that are needed by who reads *references*, and in any case."""
        wanted = Wanted(self)
        wanted.add(*self.always, *references)
        return wanted


class Needs(Struct, frozen=True):
    """The references of one part: of the whole of it, and of itself apart from the parts of its group *inner*."""

    whole: References
    own: References = frozenset()
    inner: Level | None = None

    @classmethod
    def of(cls, part: PartPlan, waits: Names, outer: Names) -> Needs:
        """Return what *part* reads of the parts that it *waits* for and of those further out."""
        seen = waits | outer
        whole = parts_read(references_in(part), seen)
        ordered = frozenset((name,) for name in waits - {reference[0] for reference in whole})
        if not isinstance(part.core, GroupPlan) or part.shape is not None or part.transform is not None:
            return cls(whole | ordered)
        own = parts_read(references_in(replace(part, core=CallsPlan(()))), seen)
        return cls(whole | ordered, own | ordered, Level.of(part.core.fan, seen))


class Wanted(dict[str, "Wanted | None"]):
    """The parts of one fan-out that have to run: all of it (None), or of a group those in there."""

    __slots__ = ("_level", "_outer")

    def __init__(self, level: Level, outer: Wanted | None = None) -> None:
        super().__init__()
        self._level = level
        self._outer = outer

    def add(self, *references: Reference) -> None:
        """Add the parts that *references* read, and those that they read in turn."""
        waiting = [(self, reference) for reference in references]
        while waiting:
            level, reference = waiting.pop()
            waiting.extend(level._take(reference))

    def _take(self, reference: Reference) -> Iterator[tuple[Wanted, Reference]]:
        """Add one reference; yield those that follow from it, each with the level where it is read."""
        name, rest = reference[0], reference[1:]
        needs = self._level.parts.get(name)
        if needs is None:
            if self._outer is not None:
                yield self._outer, reference
        elif needs.inner is None or not rest:
            if self.get(name, _ABSENT) is not None:
                self[name] = None
                yield from ((self, read) for read in needs.whole)
        elif (inner := self.get(name, _ABSENT)) is not None:
            if inner is _ABSENT:
                inner = self[name] = Wanted(needs.inner, self)
                yield from ((self, read) for read in needs.own)
                yield from ((inner, read) for read in needs.inner.always)
            if rest[0] in needs.inner.parts:
                yield inner, rest


_ABSENT = Wanted(Level({}, frozenset()))


def parts_read(references: Iterable[Reference], names: Names) -> References:
    """Return what *references* read of the parts *names*; ``calls`` as a whole reads all of them."""
    found: set[Reference] = set()
    for reference in references:
        if reference == ("calls",):
            return frozenset((name,) for name in names)
        if reference[0] == "calls":
            reference = reference[1:2] + (reference[3:] if reference[2:3] == ("body",) else ())
        if reference[0] in names:
            found.add(reference)
    return frozenset(found)


def _always(part: PartPlan, needs: Needs) -> Iterator[Reference]:
    """Yield what of *part* runs whoever asks: the calls that change something."""
    if needs.inner is not None:
        yield from ((part.name, *reference) for reference in needs.inner.always)
    elif any(call.request.method not in SAFE for call in calls_in_part(part)):
        yield (part.name,)
