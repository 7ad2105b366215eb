"""Where durable effects are delivered: by the policies of each upstream of a generation, judged as the call says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from aggregator.causes import causes_called
from aggregator.parts.frame import Done, Frame, Part, Written
from aggregator.plan.analysis.walking import upstreams_in
from aggregator.plan.calls import CallPlan, PartPlan, SuccessPlan
from aggregator.plan.order.call import Attempt
from aggregator.plan.requests import RequestPlan
from aggregator.plan.types import FixedPlan, Plan
from aggregator.plan.upstreams import UpstreamPlan
from aggregator.policies.durable.plan import ATTEMPTS, BACKOFF, REASONS
from aggregator.policies.retry.plan import RetryPlan
from aggregator.runtime.background.durable.delivering.under_way import Holding
from aggregator.runtime.parts.alternatives import Fallback
from aggregator.stores.effects.contract import Label
from aggregator.stores.effects.records import EffectRecord
from aggregator.templates import compile_url
from aggregator.transport.door import Cancelable

Build = Callable[[str, Attempt], Part]
"""Returns the runnable call of an endpoint."""
BreakersOf = Callable[[UpstreamPlan], Holding | None]


class Target(Struct, frozen=True):
    """How the effects of one call are delivered: by *part*, within *timeout* seconds, again as *retry* says.

    *breakers* are those of its upstream where one of them is for all of it.
    """

    part: Part
    timeout: float
    retry: RetryPlan
    breakers: Holding | None = None


class Targets(Struct, frozen=True):
    """All targets of a generation: those of the calls that it declares, and one of each upstream for other effects.

    *held* are the upstreams to which nothing can be delivered, since they are switched off, *off* the calls of which no
    effect can be.
    """

    calls: dict[tuple[str, str, tuple[str, ...]], Target]
    upstreams: dict[str, Target]
    held: frozenset[str] = frozenset()
    off: frozenset[Label] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        """The names of the upstreams to which something can be delivered."""
        return frozenset(self.upstreams)

    def open_among(self, names: list[str]) -> list[str]:
        """Return the upstreams among *names* that are known, and not held: what waits for others is not looked at."""
        return [name for name in names if name in self.upstreams and name not in self.held]

    def of(self, record: EffectRecord) -> Target | None:
        """Return where *record* is delivered; None when its upstream is unknown."""
        found = self.calls.get((record.endpoint, record.name, record.upstreams))
        if found is not None or not record.request.others:
            return found or self.upstreams.get(record.upstream)
        known = [(number, self.upstreams[name]) for number, name in enumerate(record.upstreams) if name in self.known]
        return _in_turn(record.name, known, _USUAL) if known else None


_USUAL = RetryPlan(
    ATTEMPTS, frozenset((429, *range(500, 600))), causes_called("network") | causes_called("timeout"), BACKOFF, None,
    "always", REASONS,
)  # fmt: skip
"""How effects are sent again whose call is declared no longer."""

NOWHERE = Targets({}, {})


def build_targets(plan: Plan, build: Build, breakers: BreakersOf) -> Targets:
    """Return the targets of *plan*; *breakers* returns those of an upstream, None where it has none."""
    calls = {
        (endpoint.key, fixed.name, tuple(call.upstream.name for call in piece.calls)): _target(
            endpoint.key, fixed, piece, build, breakers
        )
        for endpoint in plan.declared
        for effect in endpoint.effects
        if effect.delivery is not None
        for fixed, piece in zip(effect.fixed, effect.pieces, strict=True)
    }
    offs = dict(plan.off)
    upstreams = {
        upstream.name: Target(
            _part("", replace(_any_call(upstream), off=offs.get(upstream.name)), build), plan.client.total, _USUAL,
            _one_breaker(upstream, breakers),
        )
        for upstream in upstreams_in(plan)
    }  # fmt: skip
    begun = {names[0] for _, _, names in calls if len(names) > 1}  # their alternatives may be there
    return Targets(calls, upstreams, frozenset(offs) - begun, frozenset(_off(plan)))


def _off(plan: Plan) -> Iterator[Label]:
    """Yield the calls of *plan* that are kept and of which nothing can be delivered, since they are switched off."""
    for endpoint in plan.declared:
        for effect in endpoint.effects:
            kept = zip(effect.fixed, effect.pieces, strict=True) if effect.delivery is not None else ()
            for fixed, piece in kept:
                if piece.calls and all(call.off is not None for call in piece.calls):
                    yield endpoint.key, fixed.name


def _target(key: str, fixed: FixedPlan, piece: PartPlan, build: Build, breakers: BreakersOf) -> Target:
    targets = [
        (number, Target(_part(key, call, build, number), call.timeout, fixed.retry,
                        _one_breaker(call.upstream, breakers)))
        for number, call in enumerate(piece.calls)
    ]  # fmt: skip
    return targets[0][1] if len(targets) == 1 else _in_turn(fixed.name, targets, fixed.retry)


def _one_breaker(upstream: UpstreamPlan, breakers: BreakersOf) -> Holding | None:
    plan = upstream.breaker
    return breakers(upstream) if plan is not None and plan.key is None and not plan.by_host else None


def _in_turn(name: str, targets: list[tuple[int, Target]], retry: RetryPlan) -> Target:
    """Return the target of a record with alternatives: each goes to the one of *targets* with its number."""
    parts = tuple(OneOf(target.part, number) for number, target in targets)
    return Target(Fallback(name, parts), sum(target.timeout for _, target in targets), retry)


class OneOf:
    """Sends the alternative *number* of the record that the frame of an attempt holds."""

    __slots__ = ("_inner", "_number", "name")

    def __init__(self, inner: Part, number: int) -> None:
        self.name = inner.name
        self._inner = inner
        self._number = number

    def start(self, frame: Frame, done: Done) -> Cancelable | None:
        """Send it; *done* gets the result."""
        assert frame.written is not None
        written = Written(frame.written.request.alternative(self._number))
        return self._inner.start(frame.until(frame.deadline, written), done)


def _part(key: str, call: CallPlan, build: Build, number: int = 0) -> Part:
    return build(key, Attempt(replace(call, retry=None, hedge=None), number, optional=True, is_fixed=True))


def _any_call(upstream: UpstreamPlan) -> CallPlan:
    """Return a call to *upstream* of which nothing is known but that."""
    request = RequestPlan(b"POST", compile_url("effect:/"))
    success = SuccessPlan(frozenset(range(200, 300)))
    return CallPlan("effect", upstream, request, 10.0, success, format="raw", eager=False)
