"""From the plan of credentials to the door that uses them; tokens outlive a reload that does not change their plan."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from msgspec.structs import replace

from aggregator.policies.credentials.oauth.door import TokenDoor
from aggregator.policies.credentials.oauth.exchanging import CallerTokens, ExchangeDoor
from aggregator.policies.credentials.oauth.refreshing import held_refresh_token
from aggregator.policies.credentials.oauth.telling import Logged
from aggregator.policies.credentials.oauth.tokens import Tokens
from aggregator.policies.credentials.plan import ConstantPlan, CredentialsPlan, HmacPlan, OauthPlan, SigV4Plan
from aggregator.policies.credentials.signing.door import SigningDoor
from aggregator.policies.credentials.signing.shared import SharedSecret
from aggregator.policies.credentials.signing.sigv4 import SigV4
from aggregator.policies.rate_limit.pacing import Pace
from aggregator.policies.registry import Draft, Kind
from aggregator.transport import Door

Client = Callable[[], httpx.AsyncClient]


def with_credentials(
    door: Door, name: str, plan: CredentialsPlan | None, states: Draft, client: Client | None,
    clock: Callable[[], float], pace: Pace | None = None,
) -> Door:  # fmt: skip
    """Return the way to the upstream *name* with its credentials; tokens are held in *states*, asked for by *client*.

    *clock* tells the Unix time, by which requests are signed, and *pace* when one may be sent a second time. A
    credential that does not change is among the headers of the upstream already.
    """
    match plan:
        case None | ConstantPlan():
            return door
        case OauthPlan():
            assert client is not None
            return _with_tokens(door, name, plan, states, client, pace)
        case SigV4Plan():
            return SigningDoor(door, SigV4(plan), clock)
        case HmacPlan():
            return SigningDoor(door, SharedSecret(plan), clock)


def _with_tokens(door: Door, name: str, plan: OauthPlan, states: Draft, client: Client, pace: Pace | None) -> Door:
    if plan.subjects is None:
        refresh_token = held_refresh_token(plan, states)
        kind: Kind[OauthPlan, Tokens] = Kind(
            "tokens", lambda settings: Tokens(settings, client, Logged(name), refresh_token=refresh_token)
        )
        return TokenDoor(door, states.hold(kind, name, plan), pace)
    by_caller: Kind[OauthPlan, CallerTokens] = Kind(
        "caller_tokens", lambda settings: CallerTokens(name, settings, client)
    )
    tokens = states.hold(by_caller, name, replace(plan, subjects=()))  # where callers have theirs is no matter
    return ExchangeDoor(door, tokens, plan.subjects, pace)
