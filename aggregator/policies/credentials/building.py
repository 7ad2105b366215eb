"""From the plan of credentials to the door that uses them; tokens outlive a reload that does not change their plan."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from aggregator.policies.credentials.oauth.door import TokenDoor
from aggregator.policies.credentials.oauth.tokens import Tokens
from aggregator.policies.credentials.plan import ConstantPlan, CredentialsPlan, HmacPlan, OauthPlan, SigV4Plan
from aggregator.policies.credentials.signing.door import SigningDoor
from aggregator.policies.credentials.signing.shared import SharedSecret
from aggregator.policies.credentials.signing.sigv4 import SigV4
from aggregator.policies.registry import Draft, Kind
from aggregator.transport import Door

Client = Callable[[], httpx.AsyncClient]


def with_credentials(
    door: Door, name: str, plan: CredentialsPlan | None, states: Draft, client: Client | None,
    clock: Callable[[], float],
) -> Door:  # fmt: skip
    """Return the way to the upstream *name* with its credentials; tokens are held in *states*, asked for by *client*.

    *clock* tells the Unix time, by which requests are signed. A credential that does not change is among the headers of
    the upstream already.
    """
    match plan:
        case None | ConstantPlan():
            return door
        case OauthPlan():
            assert client is not None
            kind: Kind[OauthPlan, Tokens] = Kind("tokens", lambda settings: Tokens(name, settings, client))
            return TokenDoor(door, states.hold(kind, name, plan))
        case SigV4Plan():
            return SigningDoor(door, SigV4(plan), clock)
        case HmacPlan():
            return SigningDoor(door, SharedSecret(plan), clock)
