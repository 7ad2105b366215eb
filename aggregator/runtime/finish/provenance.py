"""Where each key of an answer comes from, for callers with the secret of ``server.debug``.

The part, its state, the attempt that was the last one, whether a cache had it, and the row of a status map that made
the failure what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from typing import Any

from msgspec import Struct

from aggregator.causes import State
from aggregator.errors import References
from aggregator.exchange import Exchange
from aggregator.parts.result import Result
from aggregator.plan.calls import FanPlan
from aggregator.plan.types import EndpointPlan, ResponsePlan
from aggregator.runtime.answers.answer import Answer
from aggregator.runtime.answers.disclosure import Discloses
from aggregator.runtime.answers.outcome import named
from aggregator.runtime.parts.fanout import Run
from aggregator.templates.nodes import MapNode

HEADER = b"aggregator-provenance"
WHOLE = "*"
"""The key of what is no object whose keys have sources of their own."""
LONGEST, MOST = 2048, 100
"""Bytes of the header, and entries in ``meta``; keys beyond are counted."""

Sources = tuple[tuple[str, tuple[str, ...]], ...]
Entry = tuple[str, Result]


class Provenance(Struct, frozen=True):
    """The *sources* of each key: names of parts. None where keys are those of the parts, which are *merged* so.

    *cached* are the parts of which a cache is asked.
    """

    sources: Sources | None
    merged: str
    cached: frozenset[str]

    def header(self, run: Run) -> bytes:
        """Return the header for the answer of *run*, a list (RFC 9651): ``user;part=user;state=ok;attempt=1``."""
        items = [
            ";".join([named(key), *(f"{name}={_shown(value)}" for name, value in self._member(one).items())])
            for key, one in self._entries(run)
        ]
        text = ", ".join(items).encode("ascii", "replace")
        if len(text) <= LONGEST:
            return text
        room = LONGEST - len(f", *;omitted={len(items)}")
        kept = sum(end <= room for end in accumulate(len(item) + 2 for item in items))
        return ", ".join([*items[:kept], f"*;omitted={len(items) - kept}"]).encode("ascii", "replace")

    def members(self, run: Run) -> dict[str, Any]:
        """Return the same as data: a list of parts for each key."""
        found: dict[str, Any] = {}
        entries = self._entries(run)
        for key, result in islice(entries, MOST):
            found.setdefault(key, []).append(self._member(result))
        omitted = sum(1 for _ in entries)
        return {**found, WHOLE: {"omitted": omitted}} if omitted else found

    def _entries(self, run: Run) -> Iterator[Entry]:
        if run.failure is not None:
            return iter([(WHOLE, run.failure)])
        results = run.ended_results()
        if self.sources is None:
            return _merged(self.merged, results)
        by_name = {result.name: result for result in results}
        return ((key, by_name[part]) for key, parts in self.sources for part in parts if part in by_name)

    def _member(self, result: Result) -> dict[str, Any]:
        member: dict[str, Any] = {"part": result.name, "state": result.state.value}
        if result.chosen:
            member["chosen"] = result.chosen
        if result.status:
            member["status"] = result.status
        member["attempt"] = result.attempts
        if result.age is not None:
            member |= {"cache": "stale" if result.state is State.STALE else "hit", "age": round(result.age)}
        elif result.name in self.cached and result.attempts:
            member["cache"] = "miss"
        if result.row:
            member["row"] = result.row
        return member


class Telling(Struct, frozen=True):
    """Tells *provenance* in a header to those whom *discloses* knows; of failures alone where *meta_has* it."""

    provenance: Provenance
    discloses: Discloses
    meta_has: bool

    def __call__(self, exchange: Exchange, answer: Answer, run: Run | None) -> None:
        """Put the header on *answer*, which *run* was made for."""
        if run is not None and not (self.meta_has and run.failure is None) and self.discloses(exchange):
            answer.headers.append((HEADER, self.provenance.header(run)))


def _shown(value: Any) -> str:
    return named(value) if isinstance(value, str) and not value[:1].isdigit() else str(value)


def _merged(how: str, results: Iterable[Result]) -> Iterator[Entry]:
    """Yield the sources of the keys of *results*, which are merged like ``shaping.merge`` does."""
    owners: dict[str, list[Result]] = {}
    for result in results:
        value = result.value
        for key in value if isinstance(value, dict) else ():
            owners.setdefault(str(key), []).append(result)
    for key, several in owners.items():
        some = several if how in ("deep", "append") else several[:1] if how == "first" else several[-1:]
        yield from ((key, one) for one in some)


def provenance_of(plan: EndpointPlan) -> Provenance | None:
    """Return what tells where the keys of answers of *plan* come from; None where nothing is called."""
    fan = plan.fan
    if fan is None:
        return None
    cached = frozenset(part.name for part in fan.parts if any(call.cache is not None for call in part.calls))
    return Provenance(_sources(plan.response, fan, plan.kind), plan.response.merge, cached)


def _sources(response: ResponsePlan, fan: FanPlan, kind: str) -> Sources | None:
    names = tuple(part.name for part in fan.parts)
    if response.shape is not None or response.transform is not None or response.join:
        return ((WHOLE, names),)
    if response.body is not None:
        if isinstance(response.body.node, MapNode):
            return tuple((key, _read(_paths(node), names)) for key, node in response.body.node.entries)
        return ((WHOLE, _read(response.body.references, names)),)
    if kind == "call":
        return ((WHOLE, names),)
    return None if response.merge != "object" else tuple((name, (name,)) for name in names)


def _paths(node: Any) -> References:
    return frozenset().union(*(expression.references for expression in node.expressions()))


def _read(references: References, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of *names* that are read, as ``calls.NAME`` or as ``NAME``; all where ``calls`` is read whole."""
    if ("calls",) in references:
        return names
    read = {path[1] if path[0] == "calls" else path[0] for path in references}
    return tuple(name for name in names if name in read)
