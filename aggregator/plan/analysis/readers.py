"""Which calls of an endpoint have replies that expressions read as data beside its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from aggregator.plan.analysis.roots import Reference, holders_in
from aggregator.plan.analysis.walking import with_calls
from aggregator.plan.calls import CallPlan, CallsPlan, FanPlan, PartPlan, RacePlan
from aggregator.templates import Template

_Readers = Mapping[str, bool]
"""The names of parts whose bodies are read, and whether templates may copy data of them as it was sent."""


def with_readers(fan: FanPlan, calls: Any) -> FanPlan:
    """Return *fan* with those calls marked that expressions anywhere in *calls* read the bodies of.

    The name of a race, or of a part with a fallback, is that of all calls in it.
    """
    holders = tuple(holders_in(calls))
    copied = _names(holder for holder in holders if isinstance(holder, Template))
    return _within(fan, {name: name in copied for name in _names(holders)})


def names_read(calls: Any) -> frozenset[str]:
    """Return the names of the parts whose bodies expressions anywhere in *calls* may read."""
    return _names(holders_in(calls))


def _names(holders: Iterable[Any]) -> frozenset[str]:
    return frozenset(name for holder in holders for reference in holder.references for name in _read(reference))


def _read(reference: Reference) -> Iterator[str]:
    """Yield the name of a part whose body *reference* may lead into."""
    if reference[0] != "calls":
        yield reference[0]
    elif len(reference) > 1 and reference[2:3] in ((), ("body",)):
        yield reference[1]


def _within(fan: FanPlan, readers: _Readers) -> FanPlan:
    return replace(fan, parts=tuple(_part(part, readers) for part in fan.parts))


def _part(part: PartPlan, readers: _Readers) -> PartPlan:
    is_copied = readers.get(part.name)

    def mark(call: CallPlan) -> CallPlan:
        return call if is_copied is None else replace(call, is_read=True, is_copied=is_copied)

    marked = with_calls(part, mark, lambda fan: _within(fan, readers))
    if is_copied is None or isinstance(part.core, RacePlan) or (isinstance(part.core, CallsPlan) and part.each is None):
        return marked
    return replace(marked, whole="copied" if is_copied else "read")
