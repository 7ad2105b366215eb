"""An endpoint in one line: what it calls, which parts are optional, what happens afterwards."""

from __future__ import annotations

from aggregator.plan.types import EndpointPlan, PartPlan


def calls_text(plan: EndpointPlan) -> str:
    """Give the line: ``→ users``, ``⇉ profile · orders · ads?``, ``= static``, with ``+ background`` behind."""
    if plan.fan is None:
        text = f"= {plan.response.status or 200}"
    elif plan.kind == "call":
        text = "→ " + " | ".join(dict.fromkeys(call.upstream.name for call in plan.fan.parts[0].calls))
    else:
        text = "⇉ " + " · ".join(_name(part) for part in plan.fan.parts)
    if plan.effects:
        text += " + " + ", ".join(effect.name for effect in plan.effects)
    return text


def _name(part: PartPlan) -> str:
    mark = "?" if part.optional else ""
    return f"{part.name}{'[]' if part.each else ''}{mark}"
