"""Groups that are used exist, and what comes from them has a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import MOST_PARTS, Analysis, Fan
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.config.model.calls.call import CallSettings, FanOutSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Elsewhere, Finding


def check_groups(analysis: Analysis, around: Surroundings) -> Iterator[Finding]:
    """Yield findings about unknown groups, and names that two sources give to different calls."""
    for fan in analysis.fans:
        for name, place in fan.groups.items():
            if place[:1] == analysis.path[:1] and name not in around.groups:
                declared = (
                    f"the groups are {', '.join(around.groups)}" if around.groups else "declare it under `groups`"
                )
                hint = did_you_mean(name, around.groups) or declared
                yield Finding("unknown-group", f"there is no group `{name}`", place, hint, lacks=(("groups",),))
        if fan.path[: len(analysis.path)] == analysis.path:
            yield from _check_collisions(fan, around)


def check_number_of_parts(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield an error for more calls than one request may cause, as groups in groups easily come to."""
    if len(analysis.parts) > MOST_PARTS:
        message = f"with all groups in groups, this is more than {MOST_PARTS} calls"
        yield Finding("too-many-calls", message, analysis.path, "use fewer groups within groups", at_key=True)


def _check_collisions(fan: Fan, around: Surroundings) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for group, place in fan.groups.items():
        for name in around.calls_of(group):
            if name in seen:
                there = Elsewhere(("groups", seen[name], name), f"in group `{seen[name]}`", at_key=True)
                here = Elsewhere(("groups", group, name), f"in group `{group}`", at_key=True)
                message = f"the groups `{seen[name]}` and `{group}` both have a call `{name}`"
                yield Finding("name-clash", message, place, "rename one of the two", related=(there, here))
            seen.setdefault(name, group)
    for name in fan.settings.calls if fan.settings else ():
        if name in seen:
            there = Elsewhere(("groups", seen[name], name), f"in group `{seen[name]}`", at_key=True)
            message = f"the group `{seen[name]}` has a call `{name}` too"
            yield Finding(
                "name-clash", message, (*fan.path, name), "rename one of the two", at_key=True, related=(there,)
            )


def check_group_circles(around: Surroundings) -> Iterator[Finding]:
    """Yield findings about groups that contain themselves."""
    reported: set[str] = set()
    for name in around.settings.groups:
        circle = _circle(name, around)
        if circle and not reported & {step for step, _ in circle}:
            reported |= {step for step, _ in circle}
            chain = " → ".join([name, *(step for step, _ in circle)])
            message = f"the group `{name}` contains itself: {chain}"
            yield Finding("cycle", message, circle[0][1], "take it out of one of them")


def _circle(start: str, around: Surroundings) -> list[tuple[str, Steps]]:
    """The way from *start* back to itself: each group on it, with the place that names it."""
    ways: list[list[tuple[str, Steps]]] = [[used] for used in _used_by(start, around)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        name = way[-1][0]
        if name == start:
            return way
        if name not in seen:
            seen.add(name)
            ways += [[*way, used] for used in _used_by(name, around)]
    return []


def _used_by(group: str, around: Surroundings) -> Iterator[tuple[str, Steps]]:
    for name, call in around.calls_of(group).items():
        yield from _used_in(call, ("groups", group, name))


def _used_in(call: CallSettings, path: Steps) -> Iterator[tuple[str, Steps]]:
    if call.fan_out is not None:
        yield from _used_in_fan(call.fan_out, (*path, "fan_out"))
    for index, runner in enumerate(call.race):
        yield from _used_in(runner, (*path, "race", index))


def _used_in_fan(fan: FanOutSettings, path: Steps) -> Iterator[tuple[str, Steps]]:
    for index, name in enumerate([fan.use] if isinstance(fan.use, str) else fan.use):
        yield name, (*path, "use", index)
    for name, call in fan.calls.items():
        yield from _used_in(call, (*path, name))
