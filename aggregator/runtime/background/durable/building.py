"""From the plan of an endpoint to what keeps its durable calls."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from aggregator.plan.calls import PartPlan
from aggregator.plan.types import EffectPlan, EndpointPlan, FixedPlan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.runtime.background.durable.fixing import DurableEffect, Piece
from aggregator.runtime.background.durable.storing import Storing
from aggregator.runtime.background.effects import Effect
from aggregator.runtime.calls.sending import compile_sender
from aggregator.runtime.foresight.reading import long_reads
from aggregator.runtime.resources import Resources
from aggregator.transport import Door


def build_storing(
    plan: EndpointPlan, resources: Resources, params: tuple[str, ...], made: Callable[[EffectPlan], Effect],
    door: Callable[[UpstreamPlan], Door],
) -> Storing | None:  # fmt: skip
    """Return what keeps the durable calls of *plan*, None when it has none.

    *made* returns a call as it is made where it cannot be kept, *door* the way to an upstream; *params* are those that
    URLs may copy.
    """
    effects: list[DurableEffect] = []
    for effect in plan.effects:
        if effect.delivery is None:
            continue
        pieces = tuple(
            _piece(fixed, piece, resources, params, door)
            for fixed, piece in zip(effect.fixed, effect.pieces, strict=True)
        )
        effects.append(DurableEffect(made(effect), plan.key, pieces, effect.delivery, resources.tracing))
    if not effects:
        return None
    reads = long_reads(tuple(effect for effect in plan.effects if effect.delivery is not None), params)
    return Storing(tuple(effects), resources.queue, resources.outbox, resources.clock, reads)


def _piece(
    fixed: FixedPlan, part: PartPlan, resources: Resources, params: tuple[str, ...],
    door: Callable[[UpstreamPlan], Door],
) -> Piece:  # fmt: skip
    """Return what writes *fixed*, which is made as *part*: an item that has no key costs no other its effect."""
    senders = tuple(
        compile_sender(call, door(made.upstream), params, resources.judge(call), resources.same)
        for call, made in zip(fixed.calls, part.calls, strict=True)
    )
    each = None if part.each is None else replace(part.each, on_error="skip")
    return Piece(fixed.name, tuple(call.upstream.name for call in part.calls), senders, each, part.when)
