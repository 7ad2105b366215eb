"""Parts wait for each other in an order that exists: no circle, and nobody that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config.analysis.sites import Analysis, Fan, Part
from aggregator.config.analysis.surroundings import Surroundings
from aggregator.diagnostics import did_you_mean
from aggregator.diagnostics.finding import Elsewhere, Finding


def check_order(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about circles of parts that read each other."""
    for fan in analysis.fans:
        for circle in _circles(fan):
            if not _is_of_one_group(circle) or analysis.path[0] == "groups":
                yield _circle_finding(circle)


def _circles(fan: Fan) -> Iterator[list[Part]]:
    """Yield one circle for each set of parts that can never start, from its first part in the file."""
    done: set[str] = set()
    for start in fan.parts:
        trail: list[str] = []
        name: str | None = start
        while name is not None and name not in done and name not in trail:
            trail.append(name)
            name = _next_in_circle(fan, name, done)
        if name is not None and name in trail:
            yield [fan.parts[one] for one in trail[trail.index(name) :]]
        done.update(trail)


def _next_in_circle(fan: Fan, name: str, done: set[str]) -> str | None:
    """A part that *name* reads and from which *name* can be reached again, else any that it reads."""
    reads = [other for other in fan.parts[name].reads if other in fan.parts and other not in done]
    return next((other for other in reads if _reaches(fan, other, name)), None)


def _reaches(fan: Fan, start: str, goal: str) -> bool:
    seen, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            waiting += [other for other in fan.parts[name].reads if other in fan.parts]
    return False


def _is_of_one_group(circle: list[Part]) -> bool:
    return all(part.via is not None for part in circle) and len({part.via for part in circle}) == 1


def _circle_finding(circle: list[Part]) -> Finding:
    names = [part.name for part in circle]
    first = circle[0]
    if len(circle) == 1:
        hint = "in `success`, `select` and `status_map` it is `this`"
        message = f"`{first.name}` reads its own result before it is there"
        return Finding("cycle", message, first.reads[first.name], hint, text=first.name)
    chain = " → ".join([*names, names[0]])
    targets = [*names[1:], names[0]]
    related = tuple(
        Elsewhere(part.reads[target], f"`{part.name}` reads `{target}` here", text=target)
        for part, target in list(zip(circle, targets, strict=True))[1:]
    )
    message = f"these wait for each other: {chain}"
    return Finding(
        "cycle", message, first.reads[names[1]], "take one of these references out", text=names[1], related=related
    )


def check_needs(analysis: Analysis, _: Surroundings) -> Iterator[Finding]:
    """Yield findings about ``needs`` that name no part of the same fan-out."""
    for part in analysis.parts:
        if part.via is not None or part.path == (*analysis.path, "call"):
            continue
        for index, name in enumerate(part.settings.needs):
            if name not in part.home.parts and name not in analysis.lost:
                others = [other for other in part.home.parts if other != part.name]
                hint = did_you_mean(name, others) or (
                    f"the other parts are {', '.join(others)}" if others else "remove it"
                )
                path = (*part.path, "needs", index)
                yield Finding("unknown-part", f"there is no part `{name}` beside `{part.name}`", path, hint)
