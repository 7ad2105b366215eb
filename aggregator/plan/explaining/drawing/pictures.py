"""Pictures of a plan: the calls of one endpoint in their order, and a whole file as endpoints and upstreams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from aggregator.fields import duration_text
from aggregator.plan.analysis.walking import calls_in, calls_in_part
from aggregator.plan.calls import PartPlan
from aggregator.plan.explaining.drawing.graph import core_text, depth_of, draw_tree, inside_of, notes_of
from aggregator.plan.explaining.drawing.svg import Arrow, Box, draw_svg
from aggregator.plan.explaining.explain import ExplainedPart, Explanation
from aggregator.plan.explaining.sending.preview import Veil
from aggregator.plan.explaining.summary import calls_text, limits_text, moment_text, part_text
from aggregator.plan.types import EndpointPlan, Plan


def endpoint_picture(explanation: Explanation) -> str:
    """Return the SVG of one endpoint: what waits for what, limits, and what the failure of each part becomes."""
    boxes, arrows = endpoint_graph(explanation)
    return draw_svg(f"{explanation.plan.key} and its calls", boxes, arrows)


def endpoint_graph(explanation: Explanation) -> tuple[list[Box], list[Arrow]]:
    """Return boxes and arrows of one endpoint: ``request``, ``part0`` and so on, ``answer``, ``effect0`` and so on."""
    plan, lines = explanation.plan, explanation.lines
    parts = plan.fan.parts if plan.fan else ()
    depths = [depth_of(plan.fan, number) for number in range(len(parts))] if plan.fan else []
    last = max(depths, default=0) + 2 if parts else 1
    boxes = [Box("request", 0, plan.key, (f"within {limits_text(plan)}",), "end")]
    arrows: list[Arrow] = []
    for number, (part, told) in enumerate(zip(parts, explanation.parts, strict=True)):
        kind = "maybe" if part.optional else "box"
        notes = tuple(explanation.veil.text(note) for note in _notes(part, told, explanation))
        boxes.append(Box(f"part{number}", depths[number] + 1, part_text(part), notes, kind))
        arrows += [Arrow(f"part{wait}", f"part{number}") for wait in part.waits] or [Arrow("request", f"part{number}")]
        if plan.fan and not plan.fan.dependents[number]:
            arrows.append(Arrow(f"part{number}", "answer"))
    boxes.append(Box("answer", last, "answer", (explanation.answer,), "end"))
    arrows += [] if parts else [Arrow("request", "answer")]
    for number, effect in enumerate(plan.effects):
        notes = (
            core_text(effect.part, lines),
            *draw_tree(inside_of(effect.part, lines)),
            *notes_of(effect.part),
            moment_text(effect),
            *((f"only if {{{{ {effect.when.source} }}}}",) if effect.when else ()),
        )
        boxes.append(Box(f"effect{number}", last + 1, explanation.veil.text(effect.name), notes, "after"))
        arrows.append(Arrow("answer", f"effect{number}", is_dotted=True))
    return boxes, arrows


def _notes(part: PartPlan, told: ExplainedPart, explanation: Explanation) -> Iterator[str]:
    yield core_text(part, explanation.lines)
    yield from draw_tree(inside_of(part, explanation.lines))
    yield from notes_of(part)
    limits = {call.seconds for call in explanation.calls if call.part == told.name}
    if limits:
        yield f"within {duration_text(max(limits))}"
    if told.stand_in is None:
        yield f"fails: {failures_text(told)}"


def failures_text(part: ExplainedPart) -> str:
    """Return what the failures of *part* become in one line: ``timeout 504, 404 404, else 502``."""
    cases = {case.name: case.text for case in part.cases}
    usual = Counter(cases.values()).most_common(1)[0][0]
    named = [f"{name.replace('_', ' ')} {text}" for name, text in cases.items() if text != usual]
    return ", ".join([*named, f"else {usual}"])


def file_picture(plan: Plan, veil: Veil) -> str:
    """Return the SVG of a whole file: every endpoint, every upstream, and who calls whom."""
    used = {name: None for endpoint in plan.declared for name in _upstreams(endpoint)}
    boxes = [
        Box(
            endpoint.key,
            0,
            endpoint.key,
            (veil.text(calls_text(endpoint)), f"within {limits_text(endpoint)}"),
        )
        for endpoint in plan.declared
    ]
    boxes += [Box(f"upstream {name}", 1, veil.upstream(name), (), "end") for name in used]
    arrows = [
        Arrow(endpoint.key, f"upstream {name}", is_dotted=is_after)
        for endpoint in plan.declared
        for name, is_after in _upstreams(endpoint).items()
    ]
    return draw_svg("Endpoints and the upstreams that they call", boxes, arrows)


def _upstreams(endpoint: EndpointPlan) -> dict[str, bool]:
    """Return the upstreams that *endpoint* calls, each with whether it does so only after the answer."""
    found = {call.upstream.name: True for effect in endpoint.effects for call in calls_in_part(effect.part)}
    return found | {call.upstream.name: False for call in (calls_in(endpoint.fan) if endpoint.fan else ())}
