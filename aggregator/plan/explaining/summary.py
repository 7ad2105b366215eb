"""A plan in few words: what a file declares, what an endpoint calls and by when; for greetings, tables and checks."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from msgspec.structs import replace

from aggregator.fields import duration_text
from aggregator.plan.analysis.walking import calls_in, calls_in_part, placed_within
from aggregator.plan.calls import CallPlan, PartPlan, RacePlan
from aggregator.plan.order.call import AROUND_CALL, AROUND_PART, Attempt, attempts_of
from aggregator.plan.order.step import words_of
from aggregator.plan.types import EffectPlan, EndpointPlan, Plan, ShadowPlan
from aggregator.policies.credentials.plan import OauthPlan
from aggregator.policies.values import share_text
from aggregator.stores.quota import Quota


def counts_text(plan: Plan) -> str:
    """Return what *plan* declares: ``3 endpoints · 2 upstreams · 1 background call``."""
    effects = sum(len(endpoint.effects) for endpoint in plan.declared)
    counts = [count_text(len(plan.declared), "endpoint"), count_text(len(plan.upstreams), "upstream")]
    return " · ".join(counts + ([count_text(effects, "background call")] if effects else []))


def notes_of(plan: Plan) -> list[str]:
    """Return what an operator of *plan* may not expect, though nothing is wrong with it."""
    if plan.state is not None:
        return []
    admin = plan.server.admin
    notes = []
    is_kept = plan.store.is_remote
    if admin is not None and not is_kept and (admin.secret is not None or admin.address.is_private):
        notes.append("what operators switch off is on again after a restart; `state: ./state` keeps it")
    windows = [window for endpoint in plan.endpoints for window in endpoint.admission.limits.windows]
    if any(isinstance(window.limit, Quota) for window in windows):
        notes.append("quotas begin anew after a restart; `state: ./state` keeps what is used")
    if any(isinstance(one.credentials, OauthPlan) and one.credentials.refresh_token for one in plan.upstreams):
        notes.append("a refresh token that comes in place of another is lost at a restart; `state: ./state` keeps it")
    return notes


def count_text(number: int, noun: str) -> str:
    """Return *number* and *noun*, in the plural unless there is one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def calls_text(plan: EndpointPlan) -> str:
    """Return the line: ``→ users``, ``⇉ profile · orders · ads?``, ``= 200``, with ``+ background`` behind."""
    if plan.fan is None:
        text = f"= {plan.response.status or 200}"
    elif plan.kind == "call":
        text = "→ " + " | ".join(dict.fromkeys(call.upstream.name for call in calls_in(plan.fan)))
    else:
        text = "⇉ " + " · ".join(map(part_text, plan.fan.parts))
    if plan.effects:
        text += " + " + ", ".join(effect.name for effect in plan.effects)
    return text


def deadline_of(plan: EndpointPlan) -> float | None:
    """Return the deadline of *plan* in seconds, None for a stream that has none."""
    return plan.timeout if plan.timeout < inf else None


def limits_text(plan: EndpointPlan) -> str:
    """Return when *plan* ends at the latest: ``5s``, for a stream ``60s of silence``, with a deadline both."""
    deadline, silence = deadline_of(plan), plan.idle_timeout
    words = [] if deadline is None else [duration_text(deadline)]
    return ", ".join(words if silence is None else [*words, f"{duration_text(silence)} of silence"])


def part_text(part: PartPlan) -> str:
    """Return the name of *part*, with ``[]`` for one call per item and ``?`` when it is optional."""
    return f"{part.name}{'[]' if part.each else ''}{'?' if part.optional else ''}"


def moment_text(effect: EffectPlan) -> str:
    """Return when *effect* is made: ``after a success``."""
    return {"success": "after a success", "failure": "after a failure"}.get(effect.on, "after the answer")


def named_calls(part: PartPlan) -> Iterator[tuple[str, str, CallPlan]]:
    """Yield every call of *part* with its place in words (``page?.cart``) and its role there."""
    yield from _named(part, part_text(part), "call")


def _named(part: PartPlan, name: str, role: str) -> Iterator[tuple[str, str, CallPlan]]:
    for number, call in enumerate(part.calls):
        for one in call.each_choice:
            yield name, "fallback" if number else "choose" if call.choice is not None else role, one
    around = name.removesuffix(part_text(part))
    for inner in part.inner:
        if isinstance(part.core, RacePlan):
            yield from _named(inner, f"{around}{part_text(inner)}", "race")
        else:
            yield from _named(inner, f"{name}.{part_text(inner)}", "group")


def effect_calls(effect: EffectPlan, *, alone: bool) -> Iterator[tuple[str, str, CallPlan]]:
    """Yield every call of *effect* with when it is made, in words, and its role: as ``named_calls``.

    One call has a name of its own only where it is not *alone* after the answer.
    """
    each = ", for each item" if effect.part.each is not None else ""
    for place, role, call in named_calls(effect.part):
        name = place if not effect.part.calls else "" if alone else effect.name
        where = f", {name}" if name else ""
        yield f"{moment_text(effect)}{where}{each}", "background" if role == "call" else role, call


def call_words(plan: EndpointPlan) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each call of *plan* by its place (``page.cart``) with the steps that it takes, in words."""
    for part in plan.fan.parts if plan.fan is not None else ():
        yield from _in_part(part, part_text(part), (), is_stream=plan.stream)
    alone = len(plan.effects) == 1
    for effect in plan.effects:
        words: tuple[str, ...] = ("when",) if effect.when is not None else ()
        if effect.delivery is None:
            place = moment_text(effect) if effect.part.calls and alone else f"{moment_text(effect)}, {effect.name}"
            yield from _in_part(effect.part, place, words)
            continue
        for fixed, piece in zip(effect.fixed, effect.pieces, strict=True):
            place = moment_text(effect) if effect.part.calls and alone else f"{moment_text(effect)}, {fixed.name}"
            yield from _in_part(piece, place, (*words, replace(effect.delivery, retry=fixed.retry).words))
    for shadow in plan.shadows:
        yield shadow_text(shadow), words_of(AROUND_CALL, Attempt(shadow.call))


def shadow_text(shadow: ShadowPlan) -> str:
    """Return which requests *shadow* gets: ``beside 10%``."""
    return f"beside {share_text(shadow.share)}"


def _in_part(
    part: PartPlan, name: str, outer: tuple[str, ...], *, is_stream: bool = False
) -> Iterator[tuple[str, tuple[str, ...]]]:
    around = (*outer, *words_of(AROUND_PART, part))
    for attempt in attempts_of(part, is_stream=is_stream):
        fallback = ("fallback",) if attempt.number else ()
        yield name, (*around, *fallback, *words_of(AROUND_CALL, attempt))
    for inner in part.inner:
        if isinstance(part.core, RacePlan):
            yield from _in_part(inner, part_text(inner), (*around, "race"))
        else:
            yield from _in_part(inner, f"{name}.{part_text(inner)}", (*around, "fan_out"))


def route_member(plan: EndpointPlan) -> dict[str, Any]:
    """Return one method of an endpoint as data: what it serves and calls, its deadline and longest silence, in s."""
    return {
        "endpoint": plan.key,
        "method": plan.method,
        "host": plan.host or None,
        "path": plan.pattern.source,
        "kind": plan.kind,
        "parts": [_part_member(part) for part in plan.fan.parts] if plan.fan else [],
        "shadow": [shadow.upstream for shadow in plan.shadows],
        "background": [effect.name for effect in plan.effects],
        "deadline": deadline_of(plan),
        "idle_timeout": plan.idle_timeout,
        "summary": plan.doc.summary,
        "operation_id": plan.doc.operation_id,
    }


def _part_member(part: PartPlan) -> dict[str, Any]:
    calls = calls_in_part(part)
    schemes = {call.upstream.name: call.upstream.credentials.scheme for call in calls if call.upstream.credentials}
    return {
        "name": part.name,
        "optional": part.optional,
        "per_item": part.each is not None,
        "upstreams": list(dict.fromkeys(call.upstream.name for call in calls)),
        **({"auth": schemes} if schemes else {}),
        **({"inside": [place for place, _ in placed_within(part, part.name)][1:]} if part.inner else {}),
    }
