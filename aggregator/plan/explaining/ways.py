"""In which ways a part can fail the answer, each with the rows of status maps that then speak, nearest first.

For the truth table, and for the statuses that the OpenAPI document names.
"""

from __future__ import annotations

from msgspec import Struct

from aggregator.plan.calls import CallPlan, PartPlan
from aggregator.plan.types import RowPlan


class Way(Struct, frozen=True):
    """A *call* that can fail a part; None stands for what is around its calls: conditions, lists, shapes."""

    name: str
    call: CallPlan | None
    rows: tuple[RowPlan, ...]


def ways_of(part: PartPlan) -> tuple[Way, ...]:
    """Return the ways in which *part* can fail; none when it is optional.

    Of alternatives the last one speaks, of a lost race the first runner that is not skipped, of a group every part
    that is needed, of a list its items if one of them is enough to fail it.
    """
    if part.optional:
        return ()
    inside = _inside(part)
    if not _has_more(part):
        return inside
    return (*inside, Way(part.name, None, part.rows))


def _inside(part: PartPlan) -> tuple[Way, ...]:
    if part.group is not None:
        return tuple(way for inner in part.group.parts for way in ways_of(inner))
    if part.race:
        return _of_race(part.race)
    if part.each is not None and part.each.on_error != "fail":
        return ()
    last = part.calls[-1]
    return (Way(last.name, last, last.rows),)


def _of_race(runners: tuple[PartPlan, ...]) -> tuple[Way, ...]:
    ways = [ways_of(runner) for runner in runners]
    if not all(ways):
        return ()
    last = next((number for number, runner in enumerate(runners) if runner.when is None), len(runners))
    return tuple(way for found in ways[: last + 1] for way in found)


def _has_more(part: PartPlan) -> bool:
    return part.each is not None or part.when is not None or part.shape is not None or part.transform is not None
