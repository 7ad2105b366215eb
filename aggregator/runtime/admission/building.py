"""From the plans of schemes and endpoints to what judges and what asks; the keys of an issuer outlive a reload."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx

from aggregator.identity.keysets import read_jwks, read_pem, shared_secret
from aggregator.identity.remembered import Remembered
from aggregator.plan.admission import OPEN, AdmissionPlan, ApiKeyPlan, BasicPlan, JwtPlan, SchemePlan, SignaturePlan
from aggregator.plan.order.request import GATES
from aggregator.plan.order.step import tied
from aggregator.policies.registry import Draft, Kind
from aggregator.runtime.admission.deliveries import MOST, Seen, SignatureScheme
from aggregator.runtime.admission.failures import LimitedScheme, Recalling
from aggregator.runtime.admission.gates import AuthGate, GuardGate, NetworkGate
from aggregator.runtime.admission.keysource import FetchedKeys, FixedKeys
from aggregator.runtime.admission.refusals import Refusals
from aggregator.runtime.admission.schemes import (
    CLOCKS,
    ApiKeyScheme,
    BasicScheme,
    Clocks,
    JwtScheme,
    Keys,
    Scheme,
)
from aggregator.runtime.request.gates import Gate
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


def build_gates(plan: AdmissionPlan, schemes: Schemes, refusals: Refusals) -> tuple[Gate, ...]:
    """Return the gates of an endpoint in the order in which a request meets them; none for one that is open."""
    if plan == OPEN:
        return ()
    return tuple(build(plan, schemes, refusals) for step, build in _GATES if step.has(plan))


def _auth(plan: AdmissionPlan, schemes: Schemes, refusals: Refusals) -> Gate:
    assert plan.auth is not None
    return AuthGate(plan.auth, [schemes[name] for name in plan.auth.schemes], refusals)


_BUILDERS: dict[str, Callable[[AdmissionPlan, Schemes, Refusals], Gate]] = {
    "networks": lambda plan, _, refusals: NetworkGate(plan.allow, plan.deny, refusals),
    "auth": _auth,
    "guards": lambda plan, _, refusals: GuardGate(plan.guards, refusals),
}
_GATES = tied(GATES, _BUILDERS)
