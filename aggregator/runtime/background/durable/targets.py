"""Where durable effects are delivered: by the policies of each upstream of a generation, judged as the call says."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from aggregator.causes import causes_called
from aggregator.parts.frame import Part
from aggregator.plan.analysis.walking import upstreams_in
from aggregator.plan.calls import CallPlan, RequestPlan, SuccessPlan, UpstreamPlan
from aggregator.plan.order.call import Attempt
from aggregator.plan.types import EffectPlan, Plan
from aggregator.policies.durable.plan import ATTEMPTS, BACKOFF, REASONS
from aggregator.policies.retry.plan import RetryPlan
from aggregator.stores.effects.records import EffectRecord
from aggregator.templates import compile_url

Build = Callable[[str, Attempt], Part]
"""Returns the runnable call of an endpoint."""


class Target(Struct, frozen=True):
    """How the effects of one call are delivered: by *part*, within *timeout* seconds, again as *retry* says."""

    part: Part
    timeout: float
    retry: RetryPlan


class Targets(Struct, frozen=True):
    """All targets of a generation: those of the calls that it declares, and one of each upstream for other effects."""

    calls: dict[tuple[str, str, str], Target]
    upstreams: dict[str, Target]

    @property
    def known(self) -> frozenset[str]:
        """The names of the upstreams to which something can be delivered."""
        return frozenset(self.upstreams)

    def of(self, record: EffectRecord) -> Target | None:
        """Return where *record* is delivered; None when its upstream is unknown."""
        found = self.calls.get((record.endpoint, record.name, record.upstream))
        return found or self.upstreams.get(record.upstream)


_USUAL = RetryPlan(
    ATTEMPTS, frozenset((429, *range(500, 600))), causes_called("network") | causes_called("timeout"), BACKOFF, None,
    "always", REASONS,
)  # fmt: skip
"""How effects are sent again whose call is declared no longer."""

NOWHERE = Targets({}, {})


def build_targets(plan: Plan, build: Build) -> Targets:
    """Return the targets of *plan*."""
    calls = {
        (endpoint.key, effect.name, effect.call.upstream.name): _target(endpoint.key, effect, build)
        for endpoint in plan.declared
        for effect in endpoint.effects
        if effect.delivery is not None
    }
    upstreams = {
        upstream.name: Target(_part("", _any_call(upstream), build), plan.client.total, _USUAL)
        for upstream in upstreams_in(plan)
    }
    return Targets(calls, upstreams)


def _target(key: str, effect: EffectPlan, build: Build) -> Target:
    assert effect.delivery is not None
    return Target(_part(key, effect.call, build), effect.call.timeout, effect.delivery.retry)


def _part(key: str, call: CallPlan, build: Build) -> Part:
    return build(key, Attempt(replace(call, retry=None, hedge=None), optional=True, is_fixed=True))


def _any_call(upstream: UpstreamPlan) -> CallPlan:
    """Return a call to *upstream* of which nothing is known but that."""
    request = RequestPlan(b"POST", compile_url("effect:/"))
    success = SuccessPlan(frozenset(range(200, 300)))
    return CallPlan("effect", upstream, request, 10.0, success, format="raw", eager=False)
