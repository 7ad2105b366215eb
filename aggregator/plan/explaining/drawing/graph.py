"""The order of the calls of an endpoint, as a tree for terminals and as a Mermaid flowchart for documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

from msgspec import Struct

from aggregator.diagnostics.display import cells, padded
from aggregator.plan.calls import CallPlan, CallsPlan, EachPlan, FanPlan, GroupPlan, PartPlan, RacePlan
from aggregator.plan.explaining.sending.preview import shown
from aggregator.plan.explaining.summary import moment_text, part_text
from aggregator.plan.types import EndpointPlan
from aggregator.templates import Expression, json_text

Line = Callable[[CallPlan], str]
"""Returns the request of a call in one line."""


class Branch(Struct, frozen=True):
    """A node of a tree: its label, lines of notes under it, and what hangs on it."""

    label: str
    notes: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()


def tree_of(fan: FanPlan, line: Line) -> tuple[Branch, ...]:
    """Return the parts of *fan* as a tree: each hangs on the part that it waits for, the deepest if there are many."""
    owners = [_owner(fan, number) for number in range(len(fan.parts))]

    def under(owner: int | None) -> tuple[Branch, ...]:
        return tuple(branch(number) for number, its in enumerate(owners) if its == owner)

    def branch(number: int) -> Branch:
        part = fan.parts[number]
        others = [fan.parts[wait].name for wait in part.waits if wait != owners[number]]
        notes = [f"waits for {', '.join(others)} too"] if others else []
        return Branch(_label(part, line), (*notes, *notes_of(part)), (*inside_of(part, line), *under(number)))

    return under(None)


def _owner(fan: FanPlan, number: int) -> int | None:
    waits = fan.parts[number].waits
    return max(waits, key=lambda wait: (depth_of(fan, wait), wait)) if waits else None


def depth_of(fan: FanPlan, number: int) -> int:
    """Return how many parts of *fan* have to end, one after another, before part *number* starts."""
    return 1 + max((depth_of(fan, wait) for wait in fan.parts[number].waits), default=-1)


def _label(part: PartPlan, line: Line) -> str:
    members = f" {len(part.inner)}" if part.inner else ""
    return f"{part_text(part)}  {core_text(part, line)}{members}"


def core_text(part: PartPlan, line: Line) -> str:
    """Return what *part* is made of in one line: its first call, or ``a race of``."""
    match part.core:
        case CallsPlan(calls=calls):
            return line(calls[0])
        case RacePlan():
            return "a race of"
        case GroupPlan():
            return "a group of"
        case _:
            assert_never(part.core)


def inside_of(part: PartPlan, line: Line) -> tuple[Branch, ...]:
    """Return the calls inside *part* as a tree: its fallbacks, the runners of its race, the parts of its group."""
    match part.core:
        case CallsPlan(calls=calls):
            return tuple(Branch(f"if it fails  {line(call)}") for call in calls[1:])
        case RacePlan(runners=runners):
            return tuple(
                Branch(_label(runner, line), tuple(notes_of(runner, in_race=True)), inside_of(runner, line))
                for runner in runners
            )
        case GroupPlan(fan=fan):
            return tree_of(fan, line)
        case _:
            assert_never(part.core)


def notes_of(part: PartPlan, *, in_race: bool = False) -> Iterator[str]:
    """Yield what is to be known of *part*; nothing stands in for a runner of a race."""
    if part.each is not None:
        yield _each_text(part.each)
    if part.when is not None:
        yield f"only if {{{{ {part.when.source} }}}}"
    if not in_race and (part.optional or part.when is not None):
        stand_in = json_text(None if part.default is None else shown(part.default))
        cases = "fails" if part.when is None else "is skipped or fails" if part.optional else "is skipped"
        yield f"{stand_in} when it {cases}"


def _each_text(each: EachPlan) -> str:
    if each.batch is not None:
        return f"one call for {each.batch.size} items of {{{{ {each.items.source} }}}}"
    keys = [each.key] if each.key is not None else each.reads or ()
    key = f", equal {{{{ {', '.join(map(_source, keys))} }}}} once" if keys else ""
    return f"one call per item of {{{{ {each.items.source} }}}}{key}, {each.concurrency} at a time"


def _source(expression: Expression) -> str:
    return ".".join(map(str, expression.path)) if expression.path else expression.source


def draw_tree(branches: Sequence[Branch]) -> list[str]:
    """Return the lines of a tree, with the requests of neighbours in one column."""
    return list(_lines(branches, ""))


def _lines(branches: Sequence[Branch], prefix: str) -> Iterator[str]:
    width = max((cells(branch.label.partition("  ")[0]) for branch in branches), default=0)
    for branch in branches:
        is_last = branch is branches[-1]
        below = prefix + ("   " if is_last else "│  ")
        name, _, rest = branch.label.partition("  ")
        yield f"{prefix}{'└─' if is_last else '├─'} {padded(name, width)}  {rest}"
        stem = "│  " if branch.branches else "   "
        yield from (f"{below}{stem}{' ' * max(0, width - 1)}{note}" for note in branch.notes)
        yield from _lines(branch.branches, below)


def mermaid(plan: EndpointPlan, line: Line) -> str:
    """Return a flowchart: an arrow is an order that references ask for, a dotted one comes after the answer.

    Groups and races are boxes around their parts; a dotted arrow inside leads to what is tried after a failure.
    """
    drawn = ["flowchart LR", f"  request([{_quoted(plan.key)}])"]
    if plan.fan is not None:
        drawn += _nodes(plan.fan, "part", ["request"], line)
    drawn.append(f"  answer([{_quoted('answer')}])")
    drawn += [f"  part{number} --> answer" for number in _last(plan.fan)] or ["  request --> answer"]
    for number, effect in enumerate(plan.effects):
        drawn += [
            *_effect_node(effect.part, f"effect{number}", line),
            f"  answer -.->|{moment_text(effect)}| effect{number}",
        ]
    return "\n".join(drawn) + "\n"


def _effect_node(part: PartPlan, key: str, line: Line) -> Iterator[str]:
    if part.calls:
        yield f"  {key}[{_quoted(line(part.calls[0]))}]"
        yield from _alternatives(part.calls[1:], key, line)
    else:
        yield from _node(part, key, line)


def _nodes(fan: FanPlan, stem: str, before: Sequence[str], line: Line) -> Iterator[str]:
    """Yield the parts of *fan* and their order; what waits for none of them follows *before*."""
    for number, part in enumerate(fan.parts):
        yield from _node(part, f"{stem}{number}", line)
        yield from (f"  {after} --> {stem}{number}" for after in [f"{stem}{wait}" for wait in part.waits] or before)


def _node(part: PartPlan, key: str, line: Line) -> Iterator[str]:
    label = _quoted(_label(part, line).replace("  ", "\n", 1))
    match part.core:
        case CallsPlan(calls=calls):
            yield f"  {key}{'{{' if part.optional else '['}{label}{'}}' if part.optional else ']'}"
            yield from _alternatives(calls[1:], key, line)
            return
        case RacePlan(runners=runners):
            inner = [text for number, runner in enumerate(runners) for text in _node(runner, f"{key}_{number}", line)]
        case GroupPlan(fan=fan):
            inner = list(_nodes(fan, f"{key}_", (), line))
        case _:
            assert_never(part.core)
    yield from (f"  subgraph {key}[{label}]", *inner, "  end")


def _alternatives(calls: Sequence[CallPlan], key: str, line: Line) -> Iterator[str]:
    tried = key
    for number, call in enumerate(calls):
        yield f"  {key}_{number}[{_quoted(line(call))}]"
        yield f"  {tried} -. fails .-> {key}_{number}"
        tried = f"{key}_{number}"


def _last(fan: FanPlan | None) -> list[int]:
    return [] if fan is None else [number for number, after in enumerate(fan.dependents) if not after]


def _quoted(text: str) -> str:
    escaped = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return '"' + escaped.replace("\n", "<br/>") + '"'
