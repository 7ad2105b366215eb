"""From the plans of schemes and endpoints to what judges and what asks; the keys of an issuer outlive a reload."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import httpx
from msgspec import Struct
from msgspec.structs import replace

from aggregator.identity.keysets import read_jwks, read_pem, shared_secret
from aggregator.identity.revoked import Revocations
from aggregator.parts.frame import Part
from aggregator.plan.calls import CallPlan
from aggregator.plan.incoming.admission import OPEN, AdmissionPlan, GuardPlan
from aggregator.plan.order.request import GATES, GATES_BEHIND
from aggregator.plan.order.step import tied
from aggregator.plan.schemes import (
    ApiKeyPlan,
    BasicPlan,
    ExternalPlan,
    IntrospectionPlan,
    JwtPlan,
    MtlsPlan,
    SchemePlan,
    SignaturePlan,
)
from aggregator.plan.serving import DocsPlan
from aggregator.policies.callers.counting import build_at_once
from aggregator.policies.rate_limit.building import WindowSource, key_windows
from aggregator.policies.rate_limit.failures import SharedFailures
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.registry import Draft, Kind
from aggregator.runtime.admission.asked.asking import Asking
from aggregator.runtime.admission.asked.external import ExternalScheme
from aggregator.runtime.admission.asked.introspection import IntrospectionScheme
from aggregator.runtime.admission.bearer import JwtScheme, Keys
from aggregator.runtime.admission.certificates import MtlsScheme
from aggregator.runtime.admission.deliveries import Deliveries, SignatureScheme
from aggregator.runtime.admission.failures import LimitedScheme
from aggregator.runtime.admission.gates import AuthGate, NetworkGate
from aggregator.runtime.admission.guards import GuardGate, InputGuardGate, guard_gate
from aggregator.runtime.admission.keysource import FetchedKeys, FixedKeys
from aggregator.runtime.admission.limiting import AtOnceGate, CallerLimitGate, KeyRate, limit_gate
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.admission.schemes import CLOCKS, ApiKeyScheme, BasicScheme, Clock, Clocks, Scheme
from aggregator.runtime.admission.switching import SwitchGate
from aggregator.runtime.finish.limits import Words
from aggregator.runtime.foresight.foreseeing import foresight_of
from aggregator.runtime.foresight.gate import ForesightGate
from aggregator.runtime.request.gates import Gate
from aggregator.runtime.request.inputs import Inputs
from aggregator.stores.limiter import Limiter
from aggregator.stores.quota import Quota
from aggregator.stores.rate import Rate
from aggregator.stores.shared.connected import ConnectedStore

Schemes = Mapping[str, Scheme]
Client = Callable[[], httpx.AsyncClient]


class Means(Struct, frozen=True):
    """The means to build schemes: *states* outlive a reload, *client* asks issuers, *call* makes calls to upstreams.

    *store* is what processes share, None for one process.
    """

    states: Draft
    client: Client
    call: Callable[[CallPlan], Part]
    clocks: Clocks = CLOCKS
    store: ConnectedStore | None = None


def build_schemes(plans: Iterable[SchemePlan], means: Means) -> dict[str, Scheme]:
    """Return the schemes by name; one whose plan did not change goes on with what it remembers."""
    return {plan.name: _limited(plan, _made(plan, means), means) for plan in plans}


def _made(plan: SchemePlan, means: Means) -> Scheme:
    if isinstance(plan, ExternalPlan):
        return _external(plan, means)
    kind: Kind[SchemePlan, Scheme] = Kind("scheme", lambda plan: _BY_PLAN[type(plan)](plan, means))
    return means.states.hold(kind, plan.name, plan)


def _limited(plan: SchemePlan, scheme: Scheme, means: Means) -> Scheme:
    if plan.failures is None:
        return scheme
    limiter = means.states.hold(_FAILURES, plan.name, plan.failures)
    shared = None if means.store is None else SharedFailures(plan.name, limiter, means.store)
    return LimitedScheme(scheme, limiter, shared)


_FAILURES: Kind[Rate, Limiter] = Kind("failures", lambda rate: Limiter(rate, time.monotonic), Limiter.adopt)
REVOKED: Kind[None, Revocations] = Kind("revoked", lambda _: Revocations())
"""Tokens of a scheme that were revoked while the process runs."""


def _jwt(plan: JwtPlan, means: Means) -> Scheme:
    return JwtScheme(plan, _keys(plan, means), means.clocks, means.states.hold(REVOKED, plan.name, None))


def _keys(plan: JwtPlan, means: Means) -> Keys:
    if plan.document is not None:
        return FixedKeys(read_jwks(json.loads(plan.document)))
    if plan.pem is not None:
        return FixedKeys(read_pem(plan.pem))
    if plan.secret is not None:
        return FixedKeys(shared_secret(plan.secret, plan.rules.algorithms))
    place = (plan.rules.issuer, plan.jwks_url)
    kind: Kind[Any, FetchedKeys] = Kind(
        "issuer_keys", lambda found: FetchedKeys(means.client, found[0], found[1], means.clocks.steady)
    )
    return means.states.hold(kind, f"{len(place[0])}:{place[0]}{place[1] or ''}", place)


def _signature(plan: SignaturePlan, means: Means) -> Scheme:
    """Return the scheme; deliveries outlive a change of its secret, since senders deliver again."""
    kind: Kind[None, Deliveries] = Kind("deliveries", lambda _: Deliveries(means.clocks.steady))
    return SignatureScheme(plan, means.states.hold(kind, plan.name, None), means.clocks)


def _external(plan: ExternalPlan, means: Means) -> Scheme:
    """Return the scheme, whose call is that of this generation; its verdicts outlive one that changes no settings."""
    kind: Kind[ExternalPlan, Asking] = Kind(
        "asking", lambda plan: Asking(plan.name, plan.cache, plan.timeout, means.clocks)
    )
    asking = means.states.hold(kind, plan.name, replace(plan, call=replace(plan.call, off=None)))
    return ExternalScheme(plan, means.call(plan.call), asking)


_BY_PLAN: dict[type, Callable[[Any, Means], Scheme]] = {
    ApiKeyPlan: lambda plan, means: ApiKeyScheme(plan, means.clocks),
    BasicPlan: lambda plan, means: BasicScheme(plan, means.clocks),
    JwtPlan: _jwt,
    SignaturePlan: _signature,
    IntrospectionPlan: lambda plan, means: IntrospectionScheme(plan, means.client, means.clocks),
    MtlsPlan: lambda plan, means: MtlsScheme(plan, means.clocks),
}


class Keeper(NamedTuple):
    """The resources that gates are built with.

    *schemes* of the file, who tells *refusals*, what outlives reloads, a Unix clock, what processes share; the gates of
    *guards* that were built already, since what endpoints ask alike is remembered once; *words* are what limits tell.
    """

    schemes: Schemes
    refusals: Refusals
    states: Draft
    clock: Clock
    guards: dict[tuple[GuardPlan, ...], Gate]
    words: Words
    store: ConnectedStore | None = None

    @property
    def window_source(self) -> WindowSource:
        """The place where limits count."""
        return WindowSource(self.states, self.clock, self.store)


def build_gates(plan: AdmissionPlan, keeper: Keeper) -> tuple[Gate, ...]:
    """Return the gates of an endpoint in the order in which a request meets them; none for one that is open."""
    if plan == OPEN:
        return ()
    built = [build(plan, keeper) for step, build in _GATES if step.has(plan)]
    return tuple(gate for gate in built if gate is not None)


def docs_gates(plan: DocsPlan | None, keeper: Keeper) -> tuple[Gate, ...]:
    """Return the gates of the documentation; none where everybody may read it."""
    return () if plan is None or plan.auth is None else build_gates(AdmissionPlan(auth=plan.auth), keeper)


def build_gates_behind(plan: AdmissionPlan, keeper: Keeper) -> tuple[Gate, ...]:
    """Return the gates that a request meets once its inputs are known to be valid."""
    built = [build(plan, keeper) for step, build in _GATES_BEHIND if step.has(plan)]
    return tuple(gate for gate in built if gate is not None)


def tells_limits(plan: AdmissionPlan, schemes: Schemes) -> bool:
    """Return whether answers have fields that tell of limits: those of *plan*, or those of keys of its schemes."""
    names = () if plan.auth is None else plan.auth.schemes
    return any(window.fields != "none" for window in plan.limits.windows) or any(schemes[n].rates for n in names)


def _off(plan: AdmissionPlan, keeper: Keeper) -> Gate:
    assert plan.off is not None
    return SwitchGate(plan.off, keeper.clock)


def _auth(plan: AdmissionPlan, keeper: Keeper) -> Gate:
    assert plan.auth is not None
    return AuthGate(plan.auth, [keeper.schemes[name] for name in plan.auth.schemes], keeper.refusals)


def _limits(plans: tuple[WindowPlan, ...], keeper: Keeper) -> Gate:
    windows = keeper.window_source.windows(plans)
    assert windows is not None
    return limit_gate(windows, keeper.refusals, keeper.words)


def _caller_limits(plan: AdmissionPlan, keeper: Keeper) -> Gate | None:
    """Return what limits callers who are known: keys with a rate of their own by that, in place of the endpoint's.

    A quota counts beside: it says how much there is, and not how fast.
    """
    known = plan.limits.known
    shared = tuple(window for window in known if not window.is_own or isinstance(window.limit, Quota))
    rates = [
        KeyRate(name, rate)
        for name in (() if plan.auth is None else plan.auth.schemes)
        for rate in keeper.schemes[name].rates
    ]
    keys = {found: key_windows(*found, shared, keeper.window_source) for found in rates}
    windows = keeper.window_source.windows(known)
    return CallerLimitGate(windows, keys, keeper.refusals, keeper.words) if windows is not None or keys else None


def _guards(plan: AdmissionPlan, keeper: Keeper) -> Gate:
    named = plan.guard_inputs
    if named is not None:
        gate = GuardGate(plan.guards, keeper.refusals)
        return InputGuardGate(Inputs(named.inputs, named.names), gate)
    return keeper.guards.setdefault(plan.guards, guard_gate(plan.guards, keeper.refusals))


def _foresight(plan: AdmissionPlan, _: Keeper) -> Gate | None:
    foresight = foresight_of((plan.body_guards, plan.limits.valid))
    return None if foresight is None else ForesightGate(foresight)


_BUILDERS: dict[str, Callable[[AdmissionPlan, Keeper], Gate | None]] = {
    "networks": lambda plan, keeper: NetworkGate(plan.allow, plan.deny, keeper.refusals),
    "switches": _off,
    "limits": lambda plan, keeper: _limits(plan.limits.early, keeper),
    "auth": _auth,
    "guards": _guards,
    "caller limits": _caller_limits,
    "at once": lambda plan, keeper: AtOnceGate(build_at_once(plan.at_once, keeper.states), keeper.refusals),
}
_GATES = tied(GATES, _BUILDERS)
_BEHIND: dict[str, Callable[[AdmissionPlan, Keeper], Gate | None]] = {
    "foresight": _foresight,
    "body guards": lambda plan, keeper: GuardGate(plan.body_guards, keeper.refusals),
    "valid limits": lambda plan, keeper: _limits(plan.limits.valid, keeper),
}
_GATES_BEHIND = tied(GATES_BEHIND, _BEHIND)
