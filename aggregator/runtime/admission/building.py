"""From the plans of schemes and endpoints to what judges and what asks; the keys of an issuer outlive a reload."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import httpx

from aggregator.identity.keysets import read_jwks, read_pem, shared_secret
from aggregator.identity.remembered import Remembered
from aggregator.plan.admission import OPEN, AdmissionPlan, ApiKeyPlan, BasicPlan, JwtPlan, SchemePlan, SignaturePlan
from aggregator.plan.order.request import GATES, GATES_BEHIND
from aggregator.plan.order.step import tied
from aggregator.policies.rate_limit.plan import WindowPlan
from aggregator.policies.rate_limit.windows import build_windows, key_windows
from aggregator.policies.registry import Draft, Kind
from aggregator.runtime.admission.deliveries import MOST, Seen, SignatureScheme
from aggregator.runtime.admission.failures import LimitedScheme, Recalling
from aggregator.runtime.admission.gates import AuthGate, GuardGate, NetworkGate
from aggregator.runtime.admission.keysource import FetchedKeys, FixedKeys
from aggregator.runtime.admission.limiting import CallerLimitGate, KeyRate, LimitGate
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.admission.schemes import (
    CLOCKS,
    ApiKeyScheme,
    BasicScheme,
    Clock,
    Clocks,
    JwtScheme,
    Keys,
    Scheme,
)
from aggregator.runtime.request.gates import Gate, PromptGate
from aggregator.stores.limiter import Limiter
from aggregator.stores.rate import Rate

Schemes = Mapping[str, Scheme]
Client = Callable[[], httpx.AsyncClient]


def build_schemes(
    plans: Iterable[SchemePlan], states: Draft, client: Client, clocks: Clocks = CLOCKS
) -> dict[str, Scheme]:
    """Return the schemes by name; what an issuer publishes is fetched by *client* and held in *states*."""
    return {plan.name: _scheme(plan, states, client, clocks) for plan in plans}


def _scheme(plan: SchemePlan, states: Draft, client: Client, clocks: Clocks) -> Scheme:
    scheme = _judging(plan, states, client, clocks)
    if plan.failures is None:
        return scheme
    return LimitedScheme(scheme, states.hold(_FAILURES, plan.name, plan.failures))


_FAILURES: Kind[Rate, Limiter] = Kind("failures", lambda rate: Limiter(rate, time.monotonic), Limiter.adopt)


def _judging(plan: SchemePlan, states: Draft, client: Client, clocks: Clocks) -> Recalling:
    match plan:
        case ApiKeyPlan():
            return ApiKeyScheme(plan, clocks)
        case BasicPlan():
            return BasicScheme(plan, clocks)
        case SignaturePlan():
            return SignatureScheme(plan, states.hold(_deliveries(clocks), plan.name, None), clocks)
        case JwtPlan():
            return JwtScheme(plan, _keys(plan, states, client), clocks)


def _deliveries(clocks: Clocks) -> Kind[None, Seen]:
    """Return what is remembered of deliveries: it outlives a change of the secret, since senders deliver again."""
    return Kind("deliveries", lambda _: Remembered(MOST, clocks.steady))


def _keys(plan: JwtPlan, states: Draft, client: Client) -> Keys:
    if plan.document is not None:
        return FixedKeys(read_jwks(json.loads(plan.document)))
    if plan.pem is not None:
        return FixedKeys(read_pem(plan.pem))
    if plan.secret is not None:
        return FixedKeys(shared_secret(plan.secret, plan.rules.algorithms))
    place = (plan.rules.issuer, plan.jwks_url)
    kind: Kind[Any, FetchedKeys] = Kind("issuer_keys", lambda found: FetchedKeys(client, *found))
    return states.hold(kind, f"{len(place[0])}:{place[0]}{place[1] or ''}", place)


class Keeper(NamedTuple):
    """What gates are built from: *schemes* of the file, who tells *refusals*, what outlives reloads, a Unix clock."""

    schemes: Schemes
    refusals: Refusals
    states: Draft
    clock: Clock


def build_gates(plan: AdmissionPlan, keeper: Keeper) -> tuple[Gate, ...]:
    """Return the gates of an endpoint in the order in which a request meets them; none for one that is open."""
    if plan == OPEN:
        return ()
    built = [build(plan, keeper) for step, build in _GATES if step.has(plan)]
    return tuple(gate for gate in built if gate is not None)


def build_gates_behind(plan: AdmissionPlan, keeper: Keeper) -> tuple[PromptGate, ...]:
    """Return the gates that a request meets once its inputs are known to be valid."""
    return tuple(build(plan, keeper) for step, build in _GATES_BEHIND if step.has(plan))


def tells_limits(plan: AdmissionPlan, schemes: Schemes) -> bool:
    """Return whether answers have fields that tell of limits: those of *plan*, or those of keys of its schemes."""
    names = () if plan.auth is None else plan.auth.schemes
    return any(window.fields != "none" for window in plan.limits.windows) or any(schemes[n].rates for n in names)


def _auth(plan: AdmissionPlan, keeper: Keeper) -> Gate:
    assert plan.auth is not None
    return AuthGate(plan.auth, [keeper.schemes[name] for name in plan.auth.schemes], keeper.refusals)


def _limits(plans: tuple[WindowPlan, ...], keeper: Keeper) -> LimitGate:
    windows = build_windows(plans, keeper.states, keeper.clock)
    assert windows is not None
    return LimitGate(windows, keeper.refusals)


def _caller_limits(plan: AdmissionPlan, keeper: Keeper) -> Gate | None:
    """Return what limits callers who are known: keys with a rate of their own by that, in place of the endpoint's."""
    known = plan.limits.known
    shared = tuple(window for window in known if not window.is_own)
    rates = [
        KeyRate(name, rate)
        for name in (() if plan.auth is None else plan.auth.schemes)
        for rate in keeper.schemes[name].rates
    ]
    keys = {found: key_windows(*found, shared, keeper.states, keeper.clock) for found in rates}
    windows = build_windows(known, keeper.states, keeper.clock)
    return CallerLimitGate(windows, keys, keeper.refusals) if windows is not None or keys else None


_BUILDERS: dict[str, Callable[[AdmissionPlan, Keeper], Gate | None]] = {
    "networks": lambda plan, keeper: NetworkGate(plan.allow, plan.deny, keeper.refusals),
    "limits": lambda plan, keeper: _limits(plan.limits.early, keeper),
    "auth": _auth,
    "guards": lambda plan, keeper: GuardGate(plan.guards, keeper.refusals),
    "caller limits": _caller_limits,
}
_GATES = tied(GATES, _BUILDERS)
_BEHIND: dict[str, Callable[[AdmissionPlan, Keeper], PromptGate]] = {
    "valid limits": lambda plan, keeper: _limits(plan.limits.valid, keeper),
}
_GATES_BEHIND = tied(GATES_BEHIND, _BEHIND)
